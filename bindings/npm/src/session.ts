// One account's session, as programs hold it.

import { Driver, type Parts } from "./core/driver.js";
import { type ErrorKind, failure } from "./error.js";
import { type Imported, READ } from "./imported.js";
import { check } from "./options.js";
import { dress } from "./reply.js";
import { ask, type CallOptions } from "./request.js";
import type { SessionSnapshot } from "./snapshot.js";

/** A `fetch` that stays signed in. */
export type SessionFetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/** Where a session stands. */
export type SessionState =
  | "fresh"
  | "loading"
  | "signing_in"
  | "challenged"
  | "active"
  | "suspect"
  | "renewing"
  | "expired"
  | "rejected"
  | "closed";

/** Counters of one session since it was made; they only grow. */
export interface SessionStats {
  /** Calls begun. */
  readonly calls: number;
  /** Attempts of calls that went to the wire. */
  readonly attempts: number;
  /** Attempts beyond the first of a hop, after a failure or a busy answer. */
  readonly retries: number;
  /** Attempts repeated with a newer generation after a refusal. */
  readonly replays: number;
  /** Redirects followed. */
  readonly redirects: number;
  /** Answers that refused a session. */
  readonly refusals: number;
  /** Successful sign-ins. */
  readonly signIns: number;
  /** Successful renewals. */
  readonly renewals: number;
  /** Sessions opened from the store. */
  readonly restores: number;
  /** Successful saves. */
  readonly saves: number;
  /** Calls answered from the cache. */
  readonly cacheHits: number;
  /** Answers by which the platform said that it is asked too often, or named a time to come back. */
  readonly throttled: number;
  /** Calls that ended with an error, or with an answer that means the session was refused, the platform busy or failing. */
  readonly errors: number;
  /** Calls that the program gave up. */
  readonly cancelled: number;
}

/** What a client gives its sessions. */
export interface Home {
  readonly make: () => Parts;
  readonly persists: boolean;
  readonly options: CallOptions;
  readonly left: (session: Session) => void;
}

/** What only the client does with a session. */
export interface Inside {
  readonly signIn: (json: string) => Promise<void>;
  readonly signInImported: (imported: Imported) => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly drop: () => void;
  /** When it has ended, if it has been told to. */
  readonly ending: Promise<void> | undefined;
  readonly snapshot: (platform: string, wall: number) => SessionSnapshot;
}

/** The way to it. */
export const INSIDE: unique symbol = Symbol("hallpass.inside");

/**
 * One account's session. Made by `client.signIn` and `client.resume`.
 *
 * {@link Session.close} saves and stops; it never signs out. {@link Session.forget} removes what is saved.
 */
export class Session implements AsyncDisposable {
  /** The account's name. */
  readonly account: string;
  /**
   * `fetch`, signed in: `Request` or URL and init, relative URLs resolve against the platform; works detached.
   *
   * Rejects only where no response exists: a final 401, 403, 429 or 5xx is returned as received, and `replyInfo` tells more. Abort
   * rejects with the signal's reason. Errors of the network are `TypeError`s with a `kind`.
   */
  readonly fetch: SessionFetch;
  #driver: Driver;
  #closed: Promise<void> | undefined;
  readonly #home: Home;

  /** @internal */
  constructor(account: string, home: Home) {
    this.account = account;
    this.#home = home;
    this.#driver = new Driver(home.make());
    this.fetch = (input, init) => this.#fetch(input, init, home.options);
  }

  /** A `fetch` of this session with options of its own. */
  with(options: CallOptions): SessionFetch {
    check(options, CALL_OPTIONS, "session.with()");
    const merged = { ...this.#home.options, ...options };
    return (input, init) => this.#fetch(input, init, merged);
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#look("closed", (core) => core.state as SessionState);
  }

  /** The number of sign-ins and renewals that its present credentials have behind them. */
  get generation(): number {
    return this.#look(0, (core) => core.generation);
  }

  /** When the present access token ends, where that is known. */
  get expiresAt(): Date | undefined {
    const at = this.#look(undefined, (core) => core.expiresAt);
    return at === undefined ? undefined : new Date(at);
  }

  /** The id that the platform gave this account, once it is known. */
  get accountId(): string | undefined {
    return this.#look(undefined, (core) => core.accountId);
  }

  /**
   * Its cookies as a Netscape `cookies.txt`, which curl, wget and browsers' extensions read. Whoever has it is signed in as this account.
   * Left out are cookies with a tab in their name or path, which such a file cannot express. Empty once the session is over.
   */
  cookiesTxt(): Uint8Array {
    return this.#look(new Uint8Array(), (core) => core.cookiesTxt(Date.now()));
  }

  /** Its counters. */
  get stats(): SessionStats {
    const counts = this.#look(this.#last, (core) => core.stats);
    const stats = Object.fromEntries(STATS.map((name, at) => [name, counts[at] ?? 0]));
    return stats as unknown as SessionStats;
  }

  /** Renews now, whether it is time or not; joins a renewal that is under way. */
  renew(): Promise<void> {
    return this.#command((core, mono, wall) => core.renew(mono, wall));
  }

  /**
   * Asks the platform whether the session is good, and renews it once if it is not. Rejects with `expired` or `rejected` where it has
   * ended, and with another kind where the platform gave no definite answer: then it goes on as before.
   */
  validate(): Promise<void> {
    return this.#command((core, mono, wall) => core.validate(mono, wall));
  }

  /** Saves whatever is not saved; ends when it is. */
  save(): Promise<void> {
    return this.#command((core, mono, wall) => core.save(mono, wall));
  }

  /**
   * Stops taking calls, lets those under way end, saves what is not saved, and closes. Never signs out. Calls that are still under way
   * after `within` milliseconds end with `closed`.
   */
  async close(options: { readonly within?: number | undefined } = {}): Promise<void> {
    check(options, ["within"], "session.close()");
    const { within } = options;
    checkWithin(within);
    if (within !== undefined && !this.#isOver) return this.#alsoEnd((core, mono, wall) => core.closeWithin(within, mono, wall));
    return (this.#closed ??= this.#end((core, mono, wall) => core.close(mono, wall)));
  }

  /**
   * Ends the session at the platform (its sign-out address, or RFC 7009), then closes it and removes what is saved of it. Rejects where
   * the platform could not be told; the session is over and its record removed all the same.
   */
  signOut(): Promise<void> {
    if (this.#isOver) return Promise.reject(failure("closed", "account", CLOSED));
    return this.#alsoEnd((core, mono, wall) => core.signOut(mono, wall));
  }

  /** Closes the session and removes what is saved of it. The platform is not told. */
  forget(): Promise<void> {
    if (this.#isOver) return Promise.reject(failure("closed", "account", CLOSED));
    return this.#alsoEnd((core, mono, wall) => core.forget(mono, wall));
  }

  /** {@link Session.close}. */
  declare [Symbol.asyncDispose]: () => Promise<void>;

  /** @internal */
  get [INSIDE](): Inside {
    return {
      signInImported: (imported) =>
        this.#command((core, mono, wall) => imported[READ]((read) => core.signInImported(read, mono, wall))),
      signIn: (json) => this.#command((core, mono, wall) => core.signIn(json, mono, wall)),
      resume: () => this.#command((core, mono, wall) => core.resume(mono, wall)),
      drop: () => this.#leave(),
      ending: this.#closed,
      snapshot: (platform, wall) => this.#snapshot(platform, wall),
    };
  }

  #snapshot(platform: string, wall: number): SessionSnapshot {
    const { account, state, generation, expiresAt, stats } = this;
    const { inFlight, waiting, signedInAt, lastError, isSaved } = this.#look(UNKNOWN, (core) => {
      const [inFlight = 0, waiting = 0] = core.underWay;
      const lastError = core.lastError as ErrorKind | undefined;
      return { inFlight, waiting, signedInAt: core.signedInAt, lastError, isSaved: core.isSaved };
    });
    const age = signedInAt === undefined ? undefined : Math.max(0, wall - signedInAt);
    return { platform, account, state, generation, age, expiresAt, inFlight, waiting, lastError, isSaved, stats };
  }

  async #fetch(input: RequestInfo | URL, init: RequestInit | undefined, options: CallOptions): Promise<Response> {
    const asked = await ask(input, init, options);
    if (this.#isOver) throw failure("closed", "account", CLOSED);
    const reply = await this.#live().call(asked);
    return dress(reply, options.exposeSetCookie ?? false);
  }

  async #command(give: Parameters<Driver["command"]>[0]): Promise<void> {
    if (this.#isOver) throw failure("closed", "account", CLOSED);
    await this.#live().command(give);
  }

  async #end(give: Parameters<Driver["command"]>[0]): Promise<void> {
    if (this.#isOver) return;
    this.#ends += 1;
    try {
      if (!this.#driver.isLost) await this.#driver.command(give);
    } finally {
      this.#ends -= 1;
      // One who removes the record may have come after one who only closes.
      if (this.#ends === 0) this.#leave();
    }
  }

  /** Ends it in this way as well; it has ended once all have. */
  #alsoEnd(give: Parameters<Driver["command"]>[0]): Promise<void> {
    const end = this.#end(give);
    return (this.#closed = Promise.allSettled([this.#closed, end]).then(() => end));
  }

  #leave(): void {
    if (this.#isOver) return;
    if (!this.#driver.isLost) this.#last = this.#driver.look((core) => core.stats);
    this.#isOver = true;
    this.#driver.free();
    this.#home.left(this);
  }

  /** The driver in use; after a trap a new one, which opens what was saved last. */
  #live(): Driver {
    if (this.#driver.isLost) {
      this.#driver = new Driver(this.#home.make());
      if (this.#home.persists) {
        // Calls wait at the gate until it is open; what becomes of it they are told there.
        this.#driver.command((core, mono, wall) => core.resume(mono, wall)).catch(() => {});
      }
    }
    return this.#driver;
  }

  #look<T>(otherwise: T, at: Parameters<Driver["look"]>[0] & ((core: Parts["core"]) => T)): T {
    return this.#isOver || this.#driver.isLost ? otherwise : this.#driver.look(at as (core: Parts["core"]) => T);
  }

  #isOver = false;
  #ends = 0;
  #last: ArrayLike<number> = [];
}

/** The symbol that `await using` looks for. Older runtimes lack it; compilers that lower `await using` look for this one then. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as never);

/** Gives a class the method that `await using` calls. */
export function disposable(made: { prototype: { close(): Promise<void> } }): void {
  Object.defineProperty(made.prototype, asyncDispose, {
    value(this: { close(): Promise<void> }) {
      return this.close();
    },
    configurable: true,
    writable: true,
  });
}

disposable(Session);

/** Refuses a limit that is no number of milliseconds. */
export function checkWithin(within: number | undefined): void {
  if (within !== undefined && !(within >= 0)) {
    throw failure("config_invalid", "program", "`within` is a number of milliseconds");
  }
}

/** What is known of a session that cannot be looked at. */
const UNKNOWN = { inFlight: 0, waiting: 0, signedInAt: undefined, lastError: undefined, isSaved: undefined };

const CLOSED = "the session is closed; sign in or resume to get a new one";

/** The names of what differs per call. */
export const CALL_OPTIONS: readonly string[] = ["timeout", "idempotencyKey", "repeat", "replayLimit", "exposeSetCookie"];

/** The names of the counters, in the order of the core. */
export const STATS: readonly (keyof SessionStats)[] = [
  "calls",
  "attempts",
  "retries",
  "replays",
  "redirects",
  "refusals",
  "signIns",
  "renewals",
  "restores",
  "saves",
  "cacheHits",
  "throttled",
  "errors",
  "cancelled",
];
