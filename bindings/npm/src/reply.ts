// What does the program get? The platform's own Response, and beside it what Hallpass knows about it.

import type { Reply } from "./core/driver.js";

/** What Hallpass makes of an answer. */
export type Verdict = "served" | "declined" | "refused" | "rejected" | "throttled" | "failed";

/** What Hallpass knows about a reply. */
export interface ReplyInfo {
  /**
   * `served` (1xx to 3xx), `declined` (a 4xx of its own), `refused` (the session was refused, which could not be mended within this
   * call), `rejected` (refused although fresh; it has ended), `throttled` (asked to wait longer than the call may take), `failed` (5xx
   * as often as the rules allow).
   */
  readonly verdict: Verdict;
  /** When to try again, where the platform tells. */
  readonly retryAt: Date | undefined;
  /** How many attempts it took. */
  readonly attempts: number;
  /** How many redirects were followed. */
  readonly redirects: number;
  /** The generation of the credentials that it was sent with; 0 for none. */
  readonly generation: number;
  /** The address that answered, after redirects. */
  readonly url: string;
}

/** What Hallpass knows about a reply of `session.fetch`; nothing for other responses. */
export function replyInfo(response: Response): ReplyInfo | undefined {
  return registry().get(response);
}

/** Makes the reply: the platform's Response, passed on and never piped. */
export function dress({ answered, arrived }: Reply, exposeSetCookie: boolean): Response {
  const { generation, redirects, attempts, url } = answered;
  const info: ReplyInfo = {
    verdict: answered.verdict as Verdict,
    retryAt: answered.retryAt === null ? undefined : new Date(answered.retryAt),
    attempts,
    redirects,
    generation,
    url,
  };
  const { response } = arrived;
  // An answer to an attempt with credentials went through the jar.
  const isStripped = generation > 0 && !exposeSetCookie && response.headers.has("set-cookie");
  if (!isStripped && arrived.body === undefined) {
    return known(redirects === 0 ? response : placed(response, response.url, true), info);
  }
  const headers = new Headers(response.headers);
  if (isStripped) headers.delete("set-cookie");
  const body = BODILESS.includes(response.status) ? null : (arrived.body ?? response.body);
  const { status, statusText } = response;
  return known(placed(new Response(body, { status, statusText, headers }), response.url, redirects > 0), info);
}

/** Defines on a Response, and on whatever is cloned from it, what its constructor cannot be told. */
function placed(response: Response, url: string, redirected: boolean): Response {
  const clone = response.clone.bind(response);
  return Object.defineProperties(response, {
    url: { value: url, configurable: true },
    redirected: { value: redirected, configurable: true },
    clone: {
      value: () => {
        const copy = placed(clone(), url, redirected);
        const info = registry().get(response);
        return info === undefined ? copy : known(copy, info);
      },
      configurable: true,
    },
  });
}

function known(response: Response, info: ReplyInfo): Response {
  registry().set(response, info);
  return response;
}

/** One registry for the ESM and CommonJS builds. */
function registry(): WeakMap<Response, ReplyInfo> {
  const shared = globalThis as { [REGISTRY]?: WeakMap<Response, ReplyInfo> };
  return (shared[REGISTRY] ??= new WeakMap());
}

const REGISTRY: unique symbol = Symbol.for("hallpass.replies") as never;
const BODILESS = [101, 103, 204, 205, 304];
