// How does one exchange happen? A fetch that follows nothing, and as much of the answer's body as the core wants to see.

import type { Runtime } from "../runtime.js";
import { discard, readUpTo } from "./body.js";
import { failureOf, type Failure } from "./failure.js";
import type { ExchangeEffect } from "./outputs.js";

/** What came of an exchange. */
export type Outcome =
  | { readonly failure: Failure; readonly cause: unknown }
  | { readonly arrived: Arrived; readonly headers: string; readonly read: "streamed" | "over_cap" | Uint8Array<ArrayBuffer> };

/** An answer, and its body where some of it was read already. */
export interface Arrived {
  readonly response: Response;
  /** The body to hand over instead of the response's own. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
}

/** A body that goes along with a request, and the init fields that it needs. */
export interface Payload {
  readonly body?: BodyInit;
  readonly duplex?: "half";
}

/** Sends a request and brings its answer; never rejects. */
export async function exchange(
  runtime: Runtime,
  effect: Pick<ExchangeEffect, "method" | "url" | "headers" | "read">,
  extras: RequestInit,
  payload: Payload,
  signal: AbortSignal,
  capFor: (status: number, headers: string) => number | undefined,
): Promise<Outcome> {
  let response: Response;
  try {
    const init: RequestInit = { ...extras, method: effect.method, headers: effect.headers, redirect: "manual", signal, ...payload };
    response = await runtime.fetch(effect.url, init);
  } catch (thrown) {
    return { failure: failureOf(thrown), cause: thrown };
  }
  const headers = linesOf(response.headers);
  const cap = effect.read === true ? capFor(response.status, headers) : (effect.read ?? undefined);
  if (cap === undefined) return { arrived: { response, body: undefined }, headers, read: "streamed" };
  try {
    const reading = await readUpTo(response.body, cap);
    if ("whole" in reading) return { arrived: { response, body: reading.whole }, headers, read: reading.whole };
    return { arrived: { response, body: reading.replayed }, headers, read: "over_cap" };
  } catch (thrown) {
    discard(response);
    const { kind, maybeSent, detail } = failureOf(thrown);
    const isStopped = kind === "chunk_timeout";
    return { failure: { kind: isStopped ? kind : "body_truncated", maybeSent, detail }, cause: thrown };
  }
}

/** Headers as the core reads them: names and values in turn, a line each. */
export function linesOf(headers: Headers): string {
  let lines = "";
  headers.forEach((value, name) => {
    if (name !== "set-cookie") lines += `${name}\n${value}\n`;
  });
  for (const cookie of headers.getSetCookie()) lines += `set-cookie\n${cookie}\n`;
  return lines;
}
