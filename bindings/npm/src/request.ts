// What does the program ask for? fetch's arguments, read as fetch reads them, in the form that the core takes.

import { linesOf, type Payload } from "./core/exchange.js";
import { failure } from "./error.js";

/** What differs from the platform's rules and the client's options for some calls. */
export interface CallOptions {
  /** The total deadline in milliseconds, up to the head of the answer; the platform's when absent. */
  readonly timeout?: number | undefined;
  /** Sent as `Idempotency-Key`: the platform then carries the request out once however often it arrives, so it may be repeated. */
  readonly idempotencyKey?: string | undefined;
  /** Whether it may be repeated after bytes may have reached the server, whatever its method says. */
  readonly repeat?: boolean | undefined;
  /** Bytes of a `Request`'s body that are kept so that it can be sent again; beyond, it is sent once. 1 MiB by default. */
  readonly replayLimit?: number | undefined;
  /** Whether the reply shows the `Set-Cookie` headers that the session's jar took. */
  readonly exposeSetCookie?: boolean | undefined;
}

/** A call, as the driver takes it. */
export interface Asked {
  /** Method, address and headers, as lines. */
  readonly head: string;
  /** The core's `Body`, `Redirect` and `Repeat`. */
  readonly body: 0 | 1 | 2;
  readonly redirect: 0 | 1 | 2;
  readonly repeat: 0 | 1 | 2;
  /** NaN for the platform's own. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** The body for one attempt. */
  readonly payload: () => Payload;
  /** Further fields of the caller's init, and no others: some runtimes throw at fields they do not know. */
  readonly extras: RequestInit;
}

/** Reads fetch's arguments. */
export async function ask(input: RequestInfo | URL, init: RequestInit | undefined, options: CallOptions): Promise<Asked> {
  const request = isRequest(input) ? input : undefined;
  const method = methodOf(init?.method ?? request?.method ?? "GET");
  const url = request === undefined ? String(input) : request.url;
  const headers = new Headers(init?.headers ?? request?.headers);
  if (options.idempotencyKey !== undefined) headers.set("idempotency-key", options.idempotencyKey);
  const signal = init?.signal === null ? undefined : (init?.signal ?? request?.signal);
  if (signal?.aborted) throw signal.reason;
  const body = init?.body != null ? given(init.body, headers) : await kept(request, options.replayLimit ?? REPLAY_LIMIT);
  return {
    head: `${method}\n${url}\n${linesOf(headers)}`,
    body: body.kind,
    redirect: REDIRECTS[init?.redirect ?? request?.redirect ?? "follow"],
    repeat: options.repeat === undefined ? 0 : options.repeat ? 1 : 2,
    timeout: options.timeout ?? Number.NaN,
    signal,
    payload: body.payload,
    extras: extrasOf(init, request),
  };
}

interface Sendable {
  readonly kind: Asked["body"];
  readonly payload: () => Payload;
}

/** A body from init: anything but a stream can be sent again, as it is now whatever becomes of it later. */
function given(body: BodyInit, headers: Headers): Sendable {
  if (body instanceof URLSearchParams) {
    if (!headers.has("content-type")) headers.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
    return replayable(body.toString());
  }
  if (body instanceof ArrayBuffer) return replayable(body.slice(0));
  if (ArrayBuffer.isView(body)) return replayable(bytesOf(body).slice());
  if (typeof FormData === "function" && body instanceof FormData) {
    const copy = new FormData();
    body.forEach((value, name) => copy.append(name, value as string));
    return replayable(copy);
  }
  if (typeof body === "string" || body instanceof Blob) return replayable(body);
  if (isStream(body)) return once(body as ReadableStream<Uint8Array>);
  return replayable(String(body));
}

/** A Request's body is a stream in every runtime: what fits is kept, more is sent once. */
async function kept(request: Request | undefined, limit: number): Promise<Sendable> {
  if (request?.bodyUsed) throw failure("request_invalid", "program", "the body of the Request was used already");
  if (request?.body == null) return EMPTY;
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  while (size <= limit) {
    const { done, value } = await reader.read();
    if (done) return replayable(await new Blob(chunks).arrayBuffer());
    chunks.push(value);
    size += value.length;
  }
  return once(
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        const first = chunks.shift();
        if (first !== undefined) return controller.enqueue(first);
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    }),
  );
}

function replayable(body: BodyInit): Sendable {
  return { kind: 1, payload: () => ({ body }) };
}

function once(body: ReadableStream<Uint8Array>): Sendable {
  return { kind: 2, payload: () => ({ body, duplex: "half" }) };
}

function isRequest(input: RequestInfo | URL): input is Request {
  return typeof input === "object" && "headers" in input && "method" in input && "url" in input;
}

function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && ("getReader" in body || Symbol.asyncIterator in body);
}

function bytesOf(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** The methods that fetch writes in upper case, however they are given. */
function methodOf(method: string): string {
  const upper = method.toUpperCase();
  return ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"].includes(upper) ? upper : method;
}

function extrasOf(init: RequestInit | undefined, request: Request | undefined): RequestInit {
  const extras: Record<string, unknown> = {};
  // Only what a Request was given; its other fields have values too, which some runtimes refuse to be told.
  if (request?.keepalive) extras["keepalive"] = true;
  if (request?.integrity) extras["integrity"] = request.integrity;
  if (init !== undefined) {
    for (const [name, value] of Object.entries(init)) if (!OURS.has(name) && value !== undefined) extras[name] = value;
  }
  return extras;
}

const EMPTY: Sendable = { kind: 0, payload: () => ({}) };
const OURS: ReadonlySet<string> = new Set(["method", "headers", "body", "redirect", "signal", "duplex"]);
const REDIRECTS = { follow: 0, manual: 1, error: 2 } as const;
const REPLAY_LIMIT = 1024 * 1024;
