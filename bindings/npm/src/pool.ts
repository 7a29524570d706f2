// How does a program use the sessions of several accounts as one? Chains that wait, and the core's rota, which decides who is next.

import { read, type Value } from "./core/cbor.js";
import { type Engine, engine, enter, type Rota } from "./core/engine.js";
import { Waiting } from "./core/waiting.js";
import { type EachOptions, forEach, type Outcome } from "./each.js";
import { errorFrom, failure, HallpassError } from "./error.js";
import { Lease, type LeaseHome, type PooledSession } from "./lease.js";
import { check } from "./options.js";
import type { Credentials } from "./platform.js";
import type { Runtime } from "./runtime.js";
import { checkWithin, type Session } from "./session.js";

/** What a pool is made with; times are in milliseconds. */
export interface PoolOptions {
  /** The accounts, in the order in which they are first given. */
  readonly accounts: Iterable<string>;
  /** An account's credentials, asked for when its saved session is not there or has ended. One that is refused then is not asked for again until it is restored. Without this, accounts only resume. */
  readonly credentials?: ((account: string) => Credentials | string | PromiseLike<Credentials | string>) | undefined;
  /**
   * Which account is next: the one given least recently (`round_robin`, the default), the one with the fewest leases (`least_used`),
   * or for a new key the one that both hash to (`sticky`). A key keeps its account under every policy.
   */
  readonly policy?: "round_robin" | "least_used" | "sticky" | undefined;
  /** How many leases an account carries at once; 1 by default. */
  readonly concurrent?: number | undefined;
  /** How often an account is given before it retires. */
  readonly uses?: number | undefined;
  /** How long an account is given before it retires. */
  readonly age?: number | undefined;
  /** How long a retired account rests; for ever by default. */
  readonly rest?: number | undefined;
  /** How long an account is left alone that failed too often; 30 s by default, longer each time. */
  readonly coolDown?: number | undefined;
  /** How long a throttled account pauses where the platform does not say; 10 s by default. */
  readonly pause?: number | undefined;
  /** How many may wait; 10,000 by default. */
  readonly waiting?: number | undefined;
  /** How long {@link SessionPool.acquire} waits; 60 s by default. */
  readonly timeout?: number | undefined;
}

/** What one wants of a pool. */
export interface AcquireOptions {
  /** Gives the session that this key was given before, as long as that can serve. */
  readonly key?: string | undefined;
  /** How long to wait, in milliseconds. */
  readonly timeout?: number | undefined;
  /** Gives up the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** Why an account is not given. */
export type PoolReason = "banned" | "expired" | "retired" | "broken" | "cooling";

/** A pool's counters. */
export interface PoolStats {
  /** Leases asked for. */
  readonly asked: number;
  /** Times an account was offered to one who waits. */
  readonly offers: number;
  /** Offers that were taken. */
  readonly claims: number;
  /** Offers that were not taken in time. */
  readonly withdrawn: number;
  /** Leases whose session could not be opened, so that the wait went on for another. */
  readonly passed: number;
  /** Leases given back. */
  readonly released: number;
  /** Waits given up. */
  readonly cancelled: number;
  /** Waits that ended because nothing was free in time. */
  readonly exhausted: number;
  /** Waits that ended because no account can serve any more. */
  readonly empty: number;
  /** Waits that ended because too many wait, or because the pool is drained. */
  readonly turnedAway: number;
  /** Who waits at present. */
  readonly waiting: number;
  /** Accounts offered and not taken yet, at present. */
  readonly offered: number;
  /** Leases held at present. */
  readonly held: number;
  /** Each account. */
  readonly members: readonly PoolMember[];
}

/** One account of a pool. */
export interface PoolMember {
  /** Its name. */
  readonly account: string;
  /** Why it is not given, if it is not. */
  readonly reason: PoolReason | undefined;
  /** When that passes by itself. */
  readonly until: Date | undefined;
  /** What the program said when it banned it. */
  readonly why: string | undefined;
  /** From 0 to 1000; it falls with failures, and comes back with successes and time. */
  readonly health: number;
  /** Leases at present, offered ones too. */
  readonly leases: number;
  /** Leases taken. */
  readonly uses: number;
  /** How leases ended. */
  readonly good: number;
  readonly neutral: number;
  readonly failed: number;
  readonly throttled: number;
  readonly expired: number;
  readonly banned: number;
}

/** What a client gives its pools. */
export interface PoolHome {
  readonly runtime: Runtime;
  readonly hasStore: boolean;
  readonly live: (account: string) => Session | undefined;
  readonly resume: (account: string) => Promise<Session>;
  readonly signIn: (account: string, credentials: Credentials | string) => Promise<Session>;
}

/** The rota, and the instance of the core that it lives in. */
interface Made {
  readonly engine: Engine;
  readonly rota: Rota;
}

/**
 * The sessions of several accounts, handed out in turn. Made by `client.pool`.
 *
 * ```js
 * const pool = client.pool({ accounts: ["alice", "bob"], credentials: (account) => vault.get(account) });
 * const lease = await pool.acquire();
 * try {
 *   await lease.session.fetch("/items/1");
 * } finally {
 *   lease.release();
 * }
 * ```
 */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #home: PoolHome;
  readonly #waiting = new Map<number, Waiting>();
  readonly #failed = new Map<number, HallpassError>();
  readonly #opening = new Map<string, Promise<Session>>();
  readonly #drained = new Set<() => void>();
  #isDrained = false;
  #next: number | null = null;
  #made: Made | undefined;

  /** @internal */
  constructor(options: PoolOptions, home: PoolHome) {
    check(options, POOL_OPTIONS, "client.pool()");
    this.#options = { ...options, accounts: [...options.accounts] };
    this.#home = home;
    this.#live();
  }

  /**
   * A session, for as long as the lease is held.
   *
   * Rejects with `pool_exhausted` when none was free in time, `pool_empty` when no account can ever serve, `overloaded` when too many
   * wait, `closed` when the pool is drained, and with the signal's reason.
   */
  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    check(options, ACQUIRE_OPTIONS, "pool.acquire()");
    const { signal } = options;
    if (signal?.aborted) throw signal.reason;
    const made = this.#live();
    const { runtime } = this.#home;
    const deadline = runtime.mono() + (options.timeout ?? this.#options.timeout ?? 60_000);
    const turn = this.#enter(made, (rota, mono, wall) => rota.acquire(options.key, deadline, mono, wall));
    const waiting = new Waiting();
    this.#waiting.set(turn, waiting);
    const onAbort = (): void => waiting.wake();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const session = await this.#given(made, turn, waiting, signal);
      if (signal?.aborted) throw signal.reason;
      return new Lease(session, this.#leaseHome(made, turn));
    } catch (error) {
      if (!made.engine.trapped) this.#enter(made, (rota, mono, wall) => rota.cancel(turn, mono, wall));
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(turn);
      this.#failed.delete(turn);
    }
  }

  /**
   * Does the work for every item with a session of this pool, given back when its work ends; resolves with one outcome for each, in the
   * order of the items. Where no session could be had, that is the item's own failure.
   */
  forEach<I, T>(
    items: Iterable<I>,
    options: EachOptions,
    work: (session: PooledSession, item: I, index: number) => T | PromiseLike<T>,
  ): Promise<Outcome<T>[]> {
    return forEach(items, options, async (item, index) => {
      const lease = await this.acquire({ signal: options.signal });
      try {
        return await work(lease.session, item, index);
      } finally {
        lease.release();
      }
    });
  }

  /** Adds an account; false when it is one of the pool's already. */
  add(account: string): boolean {
    return this.#enter(this.#live(), (rota, mono, wall) => rota.add(account, mono, wall));
  }

  /** Takes an account out of the pool; who holds its session keeps it. False when it is none of the pool's. */
  remove(account: string): boolean {
    return this.#enter(this.#live(), (rota, mono, wall) => rota.remove(account, mono, wall));
  }

  /** Gives an account no more until it is restored, for this reason, which the counters show. False when it is none of the pool's. */
  ban(account: string, why: string): boolean {
    return this.#enter(this.#live(), (rota, mono, wall) => rota.ban(account, why, mono, wall));
  }

  /** Makes an account as good as new, whatever kept it from being given. False when it is none of the pool's. */
  restore(account: string): boolean {
    return this.#enter(this.#live(), (rota, mono, wall) => rota.restore(account, mono, wall));
  }

  /** Its counters; they start anew should the core trap. */
  get stats(): PoolStats {
    const counted = this.#enter(this.#live(), (rota, mono, wall) => rota.stats(mono, wall));
    return statsOf(read(counted) as Value[]);
  }

  /**
   * Gives no more sessions, and ends once those that are out are back. Who waits for one is told `closed`. Rejects with `timeout` when some
   * are still out after `within` milliseconds; the pool stays drained all the same.
   */
  async drain(options: { readonly within?: number | undefined } = {}): Promise<void> {
    check(options, ["within"], "pool.drain()");
    const { within } = options;
    checkWithin(within);
    this.#enter(this.#live(), (rota, mono, wall) => rota.drain(mono, wall));
    if (this.#isDrained) return;
    const { runtime } = this.#home;
    let timer: unknown;
    const back = new Promise<void>((resolve, reject) => {
      this.#drained.add(resolve);
      const late = (): void => reject(failure("timeout", "network", `${this.stats.held} sessions of the pool are still out`));
      if (within !== undefined) timer = runtime.setTimer(late, within);
    });
    await back.finally(() => timer === undefined || runtime.clearTimer(timer));
  }

  /** Waits until the turn holds an account whose session is open. */
  async #given(made: Made, turn: number, waiting: Waiting, signal: AbortSignal | undefined): Promise<Session> {
    const { runtime } = this.#home;
    for (let before: unknown; ; ) {
      if (signal?.aborted) throw signal.reason;
      const account = this.#enter(made, (rota, mono, wall) => rota.claim(turn, mono, wall));
      if (account !== undefined) {
        try {
          return await this.#open(account);
        } catch (error) {
          const kind = error instanceof HallpassError ? error.kind : "";
          const until = error instanceof HallpassError ? (error.retryAt?.getTime() ?? Number.NaN) : Number.NaN;
          if (!this.#enter(made, (rota, mono, wall) => rota.pass(turn, kind, until, mono, wall))) throw error;
          before = error;
        }
        continue;
      }
      const failed = this.#failed.get(turn);
      if (failed !== undefined) throw caused(failed, before);
      await waiting.sleep(runtime, Math.min(LOOK_AGAIN, (this.#next ?? Infinity) - runtime.mono()));
    }
  }

  /** The account's session: the one that is open, the saved one, or a new one where there are credentials. */
  async #open(account: string): Promise<Session> {
    const present = this.#home.live(account);
    if (present !== undefined && USABLE.includes(present.state)) return present;
    const other = this.#opening.get(account);
    // Whoever opens it may never come back (its request ended), so that is a hint, and not waited for for long.
    if (other !== undefined) {
      await this.#hint(other);
      const opened = this.#home.live(account);
      if (opened !== undefined && USABLE.includes(opened.state)) return opened;
    }
    // What is saved of a session that has ended is no better.
    const isEnded = present !== undefined && ENDED.includes(present.state) && this.#options.credentials !== undefined;
    const opening = isEnded ? this.#signIn(account) : this.#reopen(account);
    this.#opening.set(account, opening);
    try {
      return await opening;
    } finally {
      if (this.#opening.get(account) === opening) this.#opening.delete(account);
    }
  }

  async #reopen(account: string): Promise<Session> {
    try {
      if (this.#home.hasStore) return await this.#home.resume(account);
      throw failure("no_session", "account", `\`${account}\` is not signed in, and the pool has no credentials for it`);
    } catch (error) {
      const isAway = error instanceof HallpassError && SIGNS_IN.includes(error.kind);
      if (!isAway || this.#options.credentials === undefined) throw error;
    }
    return this.#signIn(account);
  }

  async #signIn(account: string): Promise<Session> {
    const credentials = await this.#options.credentials?.(account);
    return this.#home.signIn(account, credentials ?? {});
  }

  #hint(other: Promise<Session>): Promise<void> {
    const { runtime } = this.#home;
    return new Promise((resolve) => {
      const timer = runtime.setTimer(resolve, LOOK_AGAIN);
      const done = (): void => {
        runtime.clearTimer(timer);
        resolve();
      };
      other.then(done, done);
    });
  }

  #leaseHome(made: Made, turn: number): LeaseHome {
    const tell = (act: (rota: Rota, mono: number, wall: number) => void): void => {
      if (!made.engine.trapped) this.#enter(made, act);
    };
    return {
      learn: (word, until) => tell((rota, mono, wall) => rota.learn(turn, word, until, mono, wall)),
      tell: (word, until) => tell((rota, mono, wall) => rota.tell(turn, word, until, mono, wall)),
      release: () => tell((rota, mono, wall) => rota.release(turn, mono, wall)),
    };
  }

  /** The rota in use; after a trap a new one. */
  #live(): Made {
    const present = engine();
    if (this.#made?.engine === present) return this.#made;
    const { policy = "round_robin", concurrent, uses, age, rest, coolDown, pause, waiting, accounts } = this.#options;
    const seed = this.#home.runtime.random(32);
    const numbers = [concurrent, uses, age, rest, coolDown, pause, waiting].map((number) => number ?? Number.NaN);
    const rota = enter(present, (core) => new core.Rota(policy, Float64Array.from(numbers), seed));
    seed.fill(0);
    const made: Made = { engine: present, rota };
    this.#made = made;
    for (const account of accounts) this.#enter(made, (one, mono, wall) => one.add(account, mono, wall));
    return made;
  }

  /** Enters the rota with the clocks read anew, then hears what it says. */
  #enter<T>({ engine, rota }: Made, act: (rota: Rota, mono: number, wall: number) => T): T {
    const { runtime } = this.#home;
    const mono = runtime.mono();
    const wall = runtime.wall();
    const [value, said] = enter(engine, () => [act(rota, mono, wall), rota.poll(mono, wall)] as const);
    const woken: number[] = [];
    for (const [what, about, lines] of read(said) as [number, number | null, string][]) {
      if (what === 0) woken.push(about as number);
      else if (what === 1) {
        this.#failed.set(about as number, errorFrom(lines));
        woken.push(about as number);
      } else if (what === 2) {
        this.#isDrained = true;
        for (const done of this.#drained) done();
        this.#drained.clear();
      } else this.#next = about;
    }
    for (const turn of woken) this.#waiting.get(turn)?.wake();
    return value;
  }
}

/** The error, with why the account before could not be opened. */
function caused(error: HallpassError, before: unknown): HallpassError {
  if (before !== undefined && error.cause === undefined) {
    Object.defineProperty(error, "cause", { value: before, configurable: true, writable: true });
  }
  return error;
}

function statsOf(counts: Value[]): PoolStats {
  const members = counts.pop() as Value[][];
  const stats = Object.fromEntries(STATS.map((name, at) => [name, counts[at]]));
  return { ...stats, members: members.map(memberOf) } as unknown as PoolStats;
}

function memberOf([account, reason, until, why, ...counts]: Value[]): PoolMember {
  const rest = Object.fromEntries(MEMBER.map((name, at) => [name, counts[at]]));
  return {
    account: account as string,
    reason: (reason ?? undefined) as PoolReason | undefined,
    until: until === null ? undefined : new Date(until as number),
    why: (why ?? undefined) as string | undefined,
    ...(rest as unknown as Omit<PoolMember, "account" | "reason" | "until" | "why">),
  };
}

const POOL_OPTIONS: readonly string[] = [
  "accounts",
  "credentials",
  "policy",
  "concurrent",
  "uses",
  "age",
  "rest",
  "coolDown",
  "pause",
  "waiting",
  "timeout",
];
const ACQUIRE_OPTIONS: readonly string[] = ["key", "timeout", "signal"];
const USABLE: readonly string[] = ["active", "suspect", "renewing"];
const ENDED: readonly string[] = ["expired", "rejected"];
const SIGNS_IN: readonly string[] = ["no_session", "expired", "rejected", "renewal_lost"];
const STATS: readonly (keyof PoolStats)[] = [
  "asked",
  "offers",
  "claims",
  "withdrawn",
  "passed",
  "released",
  "cancelled",
  "exhausted",
  "empty",
  "turnedAway",
  "waiting",
  "offered",
  "held",
];
const MEMBER: readonly (keyof PoolMember)[] = [
  "health",
  "leases",
  "uses",
  "good",
  "neutral",
  "failed",
  "throttled",
  "expired",
  "banned",
];
/** Milliseconds after which a chain looks again although nobody woke it. */
const LOOK_AGAIN = 1000;
