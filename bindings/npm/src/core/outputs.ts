// What did the machine say? The shapes that `wasm/src/wire.rs` writes, under names.

import type { Question } from "../asks.js";
import { errorFrom, type HallpassError } from "../error.js";
import type { Credentials } from "../platform.js";
import type { RecordKey } from "../store.js";
import { latin1, read, type Value } from "./cbor.js";

/** Something to be done. */
export type Effect = ExchangeEffect | StoreEffect | LeaseEffect | PermitEffect | AskEffect | OtherEffect | SignEffect;

interface Common {
  readonly id: number;
  /** The call whose chain performs it; none when it belongs to the session. */
  readonly call: number | null;
  /** When the core goes on without an answer. */
  readonly deadline: number;
}

/** A request to send. */
export interface ExchangeEffect extends Common {
  readonly kind: "exchange";
  readonly method: string;
  readonly url: string;
  readonly headers: [string, string][];
  /** None, the caller's (`true`), or these bytes. */
  readonly body: null | true | Uint8Array<ArrayBuffer>;
  /** How much of the answer to read: nothing, so many bytes, or ask the core once the head is there. */
  readonly read: null | true | number;
}

/** Something for the store. */
export interface StoreEffect extends Common {
  readonly kind: "load" | "save" | "remove";
  readonly key: RecordKey;
  readonly sealed: Uint8Array;
  /** What the store must hold: nothing, whatever, or this version. */
  readonly expected: null | true | number;
  readonly idle: number | null;
  readonly end: number | null;
}

/** The right to start a renewal: to be taken for so many milliseconds, or let go. */
export type LeaseEffect = LeaseOf<"lease"> | LeaseOf<"release">;

interface LeaseOf<K> extends Common {
  readonly kind: K;
  readonly key: RecordKey;
  readonly hold: number;
  readonly number: number;
}

/** A question to the limits that sessions share. */
export interface PermitEffect extends Common {
  readonly kind: "permit";
  readonly origin: string;
  readonly successes: number;
}

/** A question to the program. */
export interface AskEffect extends Common {
  readonly kind: "ask";
  readonly question: Question;
}

/** A signature, or the key for one. */
export interface SignEffect extends Common {
  readonly kind: "sign";
  readonly work: SignWork;
}

/** What is to be made. */
export type SignWork =
  | {
      readonly type: "attempt";
      readonly attempt: number;
      readonly method: string;
      readonly url: string;
      readonly headers: [string, string][];
      readonly body: null | true | Uint8Array<ArrayBuffer>;
      readonly wanted: "none" | "sha256" | "bytes";
      readonly time: number;
      readonly accountId: string | undefined;
      readonly generation: number;
    }
  | { readonly type: "key" }
  | { readonly type: "es256"; readonly pkcs8: Uint8Array<ArrayBuffer>; readonly input: string };

/** What this driver has nothing for yet. */
export interface OtherEffect extends Common {
  readonly kind: "cache_load" | "cache_store";
}

/** How a call was answered. */
export interface Answered {
  readonly from: number;
  readonly url: string;
  readonly verdict: string;
  readonly retryAt: number | null;
  readonly attempts: number;
  readonly redirects: number;
  readonly generation: number;
}

/** How a call or command ended. */
export type Ended = { readonly answered: Answered | null } | { readonly error: HallpassError };

/** Something that happened, in the core's words. */
export interface RawNotice {
  readonly word: string;
  readonly number: number | null;
  readonly kind: string | null;
  readonly status: number | null;
  readonly until: number | null;
}

/** What to do with each output. */
export interface Sink {
  run(effect: Effect): void;
  abandon(effect: number): void;
  reply(call: number, ended: Ended): void;
  notice(notice: RawNotice): void;
  wait(deadline: number | null, reason: string | null): void;
}

/** Hands every output of one drain to the sink, in order. */
export function replay(drained: Uint8Array, sink: Sink): void {
  for (const output of read(drained) as Value[][]) {
    switch (output[0]) {
      case 0:
        sink.run(effectOf(output));
        break;
      case 1:
        sink.abandon(output[1] as number);
        break;
      case 2:
        sink.reply(output[1] as number, endOf(output[2] as Value));
        break;
      case 3:
        sink.notice(noticeOf(output));
        break;
      default:
        sink.wait(output[1] as number | null, output[2] as string | null);
    }
  }
}

function noticeOf(output: Value[]): RawNotice {
  type Written = [3, string, number | null, string | null, number | null, number | null, number | null];
  const [, word, number, kind, , status, until] = output as unknown as Written;
  return { word, number, kind, status, until };
}

function effectOf(output: Value[]): Effect {
  const [, id, call, kind, deadline] = output as [number, number, number | null, Effect["kind"], number];
  const common = { id, call, deadline };
  switch (kind) {
    case "exchange": {
      const [method, url, headers, body, read] = output.slice(7) as [string, string, Uint8Array, null, null];
      return { ...common, kind, method, url, headers: pairs(latin1(headers)), body, read };
    }
    case "load":
    case "save":
    case "remove": {
      const [namespace, of, platform, account, sealed, expected, idle, end] = output.slice(5) as [
        string,
        RecordKey["kind"],
        string,
        string,
        Uint8Array,
        null,
        null,
        null,
      ];
      return { ...common, kind, key: { namespace, kind: of, platform, account }, sealed, expected, idle, end };
    }
    case "lease":
    case "release": {
      const [namespace, of, platform, account, amount] = output.slice(5) as [
        string,
        RecordKey["kind"],
        string,
        string,
        number,
      ];
      return { ...common, kind, key: { namespace, kind: of, platform, account }, hold: amount, number: amount };
    }
    case "permit":
      return { ...common, kind, origin: output[5] as string, successes: output[6] as number };
    case "sign":
      return { ...common, kind, work: workOf(output.slice(5)) };
    case "ask":
      return { ...common, kind, question: questionOf(output.slice(5)) };
    default:
      return { ...common, kind };
  }
}

function workOf([type, ...rest]: Value[]): SignWork {
  if (type === "key") return { type };
  if (type === "es256") return { type, pkcs8: rest[0] as Uint8Array<ArrayBuffer>, input: rest[1] as string };
  type Written = [null, number, string, string, Uint8Array, null, "none", number, string | null, number];
  const [, attempt, method, url, headers, body, wanted, time, accountId, generation] = rest as unknown as Written;
  const account = { accountId: accountId ?? undefined, generation };
  return { type: "attempt", attempt, method, url, headers: pairs(latin1(headers)), body, wanted, time, ...account };
}

function questionOf([type, ...rest]: Value[]): Question {
  switch (type) {
    case "second_factor":
      return { type, triesLeft: (rest[0] as number | null) ?? undefined, refused: rest[1] as number };
    case "authorize":
      return { type, url: rest[0] as string, redirectUri: rest[1] as string };
    case "device_code": {
      const [userCode, verificationUri, complete, expiresIn] = rest as [string, string, string | null, number];
      return { type, userCode, verificationUri, verificationUriComplete: complete ?? undefined, expiresIn };
    }
    case "custom":
      return { type, credentials: credentialsOf(rest[0] as Value[]) };
    default:
      return { type: "other" };
  }
}

function credentialsOf(told: Value[]): Credentials {
  const [id, cookie, user_agent, headers, fields] = told as [string | null, string | null, string | null, string[], string[]];
  return {
    ...(id !== null && { id }),
    ...(cookie !== null && { cookie }),
    ...(user_agent !== null && { user_agent }),
    ...(headers.length > 0 && { headers: named(headers) }),
    ...named(fields),
  };
}

function named(inTurn: string[]): Record<string, string> {
  const names: [string, string][] = [];
  for (let at = 0; at + 1 < inTurn.length; at += 2) names.push([inTurn[at] as string, inTurn[at + 1] as string]);
  return Object.fromEntries(names);
}

function endOf(end: Value): Ended {
  if (typeof end === "string") return { error: errorFrom(end) };
  if (end === null) return { answered: null };
  const [from, url, verdict, retryAt, attempts, redirects, generation] = end as [
    number,
    string,
    string,
    number | null,
    number,
    number,
    number,
  ];
  return { answered: { from, url, verdict, retryAt, attempts, redirects, generation } };
}

/** Names and values in turn, a line each, two by two. */
export function pairs(text: string): [string, string][] {
  const lines = text.split("\n");
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) found.push([lines[at] as string, lines[at + 1] as string]);
  return found;
}
