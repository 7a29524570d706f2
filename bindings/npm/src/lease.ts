// What does a program hold while a session of a pool is its own?

import { failure } from "./error.js";
import { replyInfo } from "./reply.js";
import { asyncDispose, type Session, type SessionFetch, type SessionState, type SessionStats } from "./session.js";
import type { CallOptions } from "./request.js";

/** What the use of a session showed; `throttled` may say until when to wait. */
export type LeaseOutcome =
  | "good"
  | "neutral"
  | "failed"
  | "throttled"
  | "expired"
  | "banned"
  | { readonly throttled: Date };

/** What a pool gives its leases. */
export interface LeaseHome {
  /** Tells the pool what a call showed, in the core's words. */
  readonly learn: (word: string, until: number) => void;
  /** Tells it what the program says. */
  readonly tell: (word: string, until: number) => void;
  /** Gives the session back. */
  readonly release: () => void;
}

/**
 * A session of a pool, for as long as the lease is held. Its calls teach the pool: the last one's verdict counts when the lease is
 * given back, a throttle or the end of the session at once.
 */
export class PooledSession {
  /** The account's name. */
  readonly account: string;
  /** {@link Session.fetch}; rejects with `closed` once the lease was given back. */
  readonly fetch: SessionFetch;
  readonly #session: Session;
  readonly #around: (fetch: SessionFetch) => SessionFetch;

  /** @internal */
  constructor(session: Session, around: (fetch: SessionFetch) => SessionFetch) {
    this.account = session.account;
    this.#session = session;
    this.#around = around;
    this.fetch = around(session.fetch);
  }

  /** A `fetch` of this session with options of its own. */
  with(options: CallOptions): SessionFetch {
    return this.#around(this.#session.with(options));
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#session.state;
  }

  /** The number of sign-ins and renewals that its present credentials have behind them. */
  get generation(): number {
    return this.#session.generation;
  }

  /** The id that the platform gave this account, once it is known. */
  get accountId(): string | undefined {
    return this.#session.accountId;
  }

  /** The session's counters, over all leases. */
  get stats(): SessionStats {
    return this.#session.stats;
  }

  /** When the present access token ends, where that is known. */
  get expiresAt(): Date | undefined {
    return this.#session.expiresAt;
  }

  /** Renews now, whether it is time or not. */
  renew(): Promise<void> {
    return this.#session.renew();
  }

  /** {@link Session.validate}. */
  validate(): Promise<void> {
    return this.#session.validate();
  }
}

/** The right to use a session of a pool until it is {@link Lease.release}d. */
export class Lease implements AsyncDisposable {
  /** The session. */
  readonly session: PooledSession;
  readonly #home: LeaseHome;
  #isOver = false;

  /** @internal */
  constructor(session: Session, home: LeaseHome) {
    this.#home = home;
    this.session = new PooledSession(session, (fetch) => (input, init) => this.#taught(fetch, input, init));
  }

  /** The account's name. */
  get account(): string {
    return this.session.account;
  }

  /** Says what the use of the session showed, in place of what its calls show. */
  report(outcome: LeaseOutcome): void {
    if (this.#isOver) return;
    if (typeof outcome === "string") this.#home.tell(outcome, Number.NaN);
    else this.#home.tell("throttled", outcome.throttled.getTime());
  }

  /** Gives the session back; with an outcome, after {@link Lease.report}ing it. A second time does nothing. */
  release(outcome?: LeaseOutcome): void {
    if (this.#isOver) return;
    if (outcome !== undefined) this.report(outcome);
    this.#isOver = true;
    this.#home.release();
  }

  /** {@link Lease.release}. */
  declare [Symbol.asyncDispose]: () => Promise<void>;

  async #taught(fetch: SessionFetch, ...[input, init]: Parameters<SessionFetch>): Promise<Response> {
    if (this.#isOver) throw failure("closed", "account", "this lease of a pooled session was given back");
    try {
      const response = await fetch(input, init);
      const info = replyInfo(response);
      if (info !== undefined) this.#learn(info.verdict, info.retryAt);
      return response;
    } catch (error) {
      const { kind, retryAt } = (error ?? {}) as { kind?: unknown; retryAt?: unknown };
      if (typeof kind === "string") this.#learn(kind, retryAt instanceof Date ? retryAt : undefined);
      throw error;
    }
  }

  #learn(word: string, until: Date | undefined): void {
    if (!this.#isOver) this.#home.learn(word, until?.getTime() ?? Number.NaN);
  }
}

Object.defineProperty(Lease.prototype, asyncDispose, {
  value(this: Lease) {
    this.release();
    return Promise.resolve();
  },
  configurable: true,
  writable: true,
});
