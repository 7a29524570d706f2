// What does a program hold? A client: one platform, one store, one set of keys, and the sessions of its accounts.

import type { Parts } from "./core/driver.js";
import { type Engine, engine, enter, type Keys, type Limits, type Platform } from "./core/engine.js";
import type { RawNotice } from "./core/outputs.js";
import { failure } from "./error.js";
import { type Notice, noticeOf } from "./notice.js";
import { check } from "./options.js";
import type { Credentials, PlatformDefinition } from "./platform.js";
import { type PoolOptions, SessionPool } from "./pool.js";
import type { CallOptions } from "./request.js";
import { type Runtime, runtimeOf } from "./runtime.js";
import { CALL_OPTIONS, disposable, INSIDE, Session } from "./session.js";
import type { Store } from "./store.js";

/** What a client is made with. */
export interface ClientOptions {
  /** The platform: its definition, or the text of a platform file in JSON. */
  readonly platform: PlatformDefinition | string;
  /** Where sessions are kept; without one they end with the process. */
  readonly store?: Store | undefined;
  /** The keys that seal what is kept, as `id:base64,…`; the first seals, all of them open. Needed with a store. */
  readonly keys?: string | undefined;
  /** Separates programs that share a store; `hallpass` by default, as the command line has it. */
  readonly namespace?: string | undefined;
  /** Hears what happens to sessions; what it throws is an uncaught error of the program. */
  readonly onNotice?: ((notice: Notice) => void) | undefined;
  /** Lets a rotating token be used although its successor could not be saved: a crash in that moment signs the account out. */
  readonly renewWithoutStore?: boolean | undefined;
  /** What holds for every call unless it says otherwise. */
  readonly calls?: CallOptions | undefined;
  /** Sends requests instead of the global `fetch`. */
  readonly fetch?: Runtime["fetch"] | undefined;
  /** Replaces clocks, timers and randomness, for tests. */
  readonly runtime?: Partial<Runtime> | undefined;
}

/** A saved session. */
export interface SavedSession {
  /** The account's name. */
  readonly account: string;
  /** The version under which it is saved. */
  readonly version: number;
}

/**
 * Keeps the accounts of one platform signed in.
 *
 * ```js
 * const client = new Client({ platform, store, keys });
 * const session = await client.signIn("alice", { username: "alice", password });
 * const response = await session.fetch("/items/1");
 * await client.close();
 * ```
 */
export class Client implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #runtime: Runtime;
  readonly #platform: string;
  readonly #sessions = new Map<string, Session>();
  #made: Made | undefined;
  #isClosed = false;

  /** A client; throws at once where an option, the platform or a key is wrong. */
  constructor(options: ClientOptions) {
    check(options, CLIENT_OPTIONS, "new Client()");
    check(options.calls ?? {}, CALL_OPTIONS, "new Client({ calls })");
    const { store, keys, platform } = options;
    if (store !== undefined && keys === undefined) {
      throw failure("key_missing", "store", "a store needs keys: sessions are never kept in the clear; give `keys`");
    }
    if (store === undefined && keys !== undefined) {
      throw failure("config_invalid", "program", "`keys` are of no use without a `store`");
    }
    this.#options = options;
    this.#runtime = runtimeOf({ ...(options.fetch && { fetch: options.fetch }), ...options.runtime });
    this.#platform = typeof platform === "string" ? platform : JSON.stringify(platform, undefined, 2);
    this.#parts();
  }

  /** The platform's id. */
  get platform(): string {
    return this.#parts().platform.id;
  }

  /** Signs an account in. Credentials are an object or the text of a credentials file in JSON. */
  async signIn(account: string, credentials: Credentials | string): Promise<Session> {
    const json = typeof credentials === "string" ? credentials : JSON.stringify(credentials);
    return this.#begin(account, (session) => session[INSIDE].signIn(json));
  }

  /** Opens the saved session of an account, without signing in; rejects with `no_session` where there is none. */
  async resume(account: string): Promise<Session> {
    return this.#begin(account, (session) => session[INSIDE].resume());
  }

  /** A pool over several accounts; their sessions are opened when they are first given. */
  pool(options: PoolOptions): SessionPool {
    return new SessionPool(options, {
      runtime: this.#runtime,
      hasStore: this.#options.store !== undefined,
      live: (account) => this.#sessions.get(account),
      resume: (account) => this.resume(account),
      signIn: (account, credentials) => this.signIn(account, credentials),
    });
  }

  /** The sessions of this platform that the store holds. */
  async sessions(): Promise<SavedSession[]> {
    const { store } = this.#options;
    const { platform } = this;
    const found: SavedSession[] = [];
    if (store === undefined) return found;
    let after: string | undefined;
    do {
      const page = await store.list(this.#namespace, after);
      for (const { key, version } of page.entries) {
        if (key.kind === "session" && key.platform === platform) found.push({ account: key.account, version });
      }
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  /** Closes every session: saves and stops, never signs out. Rejects with the first save that failed, after all have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ended = await Promise.allSettled([...this.#sessions.values()].map((session) => session.close()));
    const failed = ended.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** {@link Client.close}. */
  declare [Symbol.asyncDispose]: () => Promise<void>;

  get #namespace(): string {
    return this.#options.namespace ?? "hallpass";
  }

  async #begin(account: string, open: (session: Session) => Promise<void>): Promise<Session> {
    if (this.#isClosed) throw failure("closed", "account", "the client is closed");
    const known = this.#sessions.get(account);
    const session = known ?? this.#new(account);
    try {
      await open(session);
      return session;
    } catch (error) {
      // What never came to life is not kept; a session that was good before stays as it was.
      if (session.state === "fresh") session[INSIDE].drop();
      throw error;
    }
  }

  #new(account: string): Session {
    const session: Session = new Session(account, {
      make: () => this.#machine(account),
      persists: this.#options.store !== undefined,
      options: this.#options.calls ?? {},
      left: (left) => {
        if (this.#sessions.get(account) === left) this.#sessions.delete(account);
      },
    });
    this.#sessions.set(account, session);
    return session;
  }

  /** What all sessions of this client share in one instance of the core. */
  #parts(): Made {
    const present = engine();
    if (this.#made?.engine !== present) {
      const { keys } = this.#options;
      this.#made = {
        engine: present,
        limits: enter(present, (core) => new core.Limits()),
        platform: enter(present, (core) => core.Platform.parse(this.#platform)),
        keys: keys === undefined ? undefined : enter(present, (core) => core.Keys.parse(keys)),
      };
    }
    return this.#made;
  }

  #machine(account: string): Parts {
    const { engine, limits, platform, keys } = this.#parts();
    const { store, renewWithoutStore, onNotice } = this.#options;
    const runtime = this.#runtime;
    const seed = runtime.random(32);
    const core = enter(engine, (glue) => {
      const settings = new glue.Settings();
      if (keys !== undefined) settings.persist(keys, this.#namespace);
      if (renewWithoutStore) settings.renewWithoutStore();
      const made = new glue.Session(platform, account, settings, seed, runtime.mono(), runtime.wall());
      settings.free();
      return made;
    });
    seed.fill(0);
    const tell = (raw: RawNotice): void => onNotice?.(noticeOf(raw, account));
    return { engine, core, limits, store, runtime, onNotice: tell };
  }
}

disposable(Client);

interface Made {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly platform: Platform;
  readonly keys: Keys | undefined;
}

const CLIENT_OPTIONS: readonly string[] = [
  "platform",
  "store",
  "keys",
  "namespace",
  "onNotice",
  "renewWithoutStore",
  "calls",
  "fetch",
  "runtime",
];
