// What went wrong, whose fault it is, and whether asking again can help.

/** The stable name of a failure, the same in Rust, in JavaScript and on the command line. */
export type ErrorKind = (typeof KINDS)[number];

/** Whether asking again can help: never, at once, not before {@link HallpassError.retryAt}, or Hallpass gave up repeating it. */
export type Retry = "never" | "now" | "after" | "gave_up";

/** Who would have to do something else for it to work. */
export type Fault = "program" | "account" | "platform" | "network" | "store" | "internal";

/** What an error knows besides its message. */
export interface ErrorFacts {
  /** Its stable name. */
  readonly kind: ErrorKind;
  /** Whose fault it is. */
  readonly fault: Fault;
  /** Whether asking again can help. */
  readonly retry: Retry;
  /** When asking again can help, where that is known. */
  readonly retryAt: Date | undefined;
}

/**
 * Why something that was asked for did not happen; never carries a secret.
 *
 * Errors that `fetch` itself would reject with a `TypeError` (the network, an invalid request) are `TypeError`s as well, and still
 * `instanceof HallpassError`, also across the ESM and CommonJS builds of this package.
 */
export class HallpassError extends Error implements ErrorFacts {
  readonly kind: ErrorKind;
  readonly fault: Fault;
  readonly retry: Retry;
  readonly retryAt: Date | undefined;

  /** An error with its facts. */
  constructor(detail: string, facts: ErrorFacts, cause?: unknown) {
    super(`${detail} (${facts.kind})`, cause === undefined ? undefined : { cause });
    this.name = "HallpassError";
    this.kind = facts.kind;
    this.fault = facts.fault;
    this.retry = facts.retry;
    this.retryAt = facts.retryAt;
    brand(this);
  }

  /** Whether this is one, whichever build of the package made it. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** A {@link HallpassError} that is a `TypeError` too. */
class HallpassTypeError extends TypeError implements ErrorFacts {
  readonly kind: ErrorKind;
  readonly fault: Fault;
  readonly retry: Retry;
  readonly retryAt: Date | undefined;

  constructor(detail: string, facts: ErrorFacts, cause?: unknown) {
    super(`${detail} (${facts.kind})`, cause === undefined ? undefined : { cause });
    this.kind = facts.kind;
    this.fault = facts.fault;
    this.retry = facts.retry;
    this.retryAt = facts.retryAt;
    brand(this);
  }
}

/** Makes the error that the core's lines tell: kind, fault, retry, detail. */
export function errorFrom(lines: string, cause?: unknown): HallpassError {
  const [kind = "", fault = "", retry = "", ...detail] = lines.split("\n");
  const [word, at] = retry.split(" ");
  const facts: ErrorFacts = {
    kind: kind as ErrorKind,
    fault: fault as Fault,
    retry: word as Retry,
    retryAt: at === undefined ? undefined : new Date(Number(at)),
  };
  return make(detail.join("\n"), facts, cause);
}

/** Makes an error of this side's own. */
export function failure(kind: ErrorKind, fault: Fault, detail: string, cause?: unknown): HallpassError {
  return make(detail, { kind, fault, retry: "never", retryAt: undefined }, cause);
}

function make(detail: string, facts: ErrorFacts, cause: unknown): HallpassError {
  const isFetchs = facts.fault === "network" || FETCHS.includes(facts.kind);
  return isFetchs
    ? (new HallpassTypeError(detail, facts, cause) as unknown as HallpassError)
    : new HallpassError(detail, facts, cause);
}

function brand(error: Error): void {
  Object.defineProperty(error, BRAND, { value: true });
}

const BRAND = Symbol.for("hallpass.error");

/** Kinds, besides the network's, that `fetch` has a `TypeError` for. */
const FETCHS: readonly string[] = ["request_invalid", "redirect_invalid", "too_many_redirects", "body_not_replayable", "body_not_signable"];

/** Every kind, in the order of the core's list. */
export const KINDS = [
  "platform_invalid",
  "credentials_invalid",
  "request_invalid",
  "config_invalid",
  "cancelled",
  "body_not_replayable",
  "body_not_signable",
  "signer_failed",
  "misuse",
  "core_trapped",
  "no_session",
  "credentials_refused",
  "challenge_required",
  "challenge_refused",
  "challenge_exhausted",
  "challenge_overdue",
  "challenge_cancelled",
  "expired",
  "rejected",
  "renewal_lost",
  "closed",
  "account_mismatch",
  "platform_changed",
  "unexpected_answer",
  "answer_too_large",
  "too_many_redirects",
  "redirect_invalid",
  "platform_failed",
  "throttled",
  "dns",
  "connect",
  "tls",
  "connection_lost",
  "body_truncated",
  "protocol",
  "connect_timeout",
  "first_byte_timeout",
  "chunk_timeout",
  "timeout",
  "driver_timeout",
  "overloaded",
  "pool_exhausted",
  "pool_empty",
  "store_unavailable",
  "store_conflict",
  "store_unfit",
  "key_missing",
  "key_unknown",
  "key_invalid",
  "wrong_context",
  "damaged",
  "version_unknown",
] as const;
