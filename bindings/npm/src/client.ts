// What does a program hold? A client: one platform, one store, one set of keys, and the sessions of its accounts.

import { ASKS, type Asks, checkAsks } from "./asks.js";
import type { Parts } from "./core/driver.js";
import {
  type Engine,
  engine,
  enter,
  type Glue,
  type Imported as CoreImported,
  type Keys,
  type Limits,
  type Platform,
  type Suffixes,
} from "./core/engine.js";
import type { RawNotice } from "./core/outputs.js";
import { failure, HallpassError } from "./error.js";
import { EVENTS_OPTIONS, type EventsOptions, type Lagged, NoticeEvent, Readers } from "./events.js";
import { Imported } from "./imported.js";
import { type Notice, type NoticeType, noticeOf } from "./notice.js";
import { check } from "./options.js";
import type { Credentials, PlatformDefinition } from "./platform.js";
import { type PoolOptions, SessionPool } from "./pool.js";
import type { CallOptions } from "./request.js";
import { RUNTIME, type Runtime, runtimeOf } from "./runtime.js";
import { CALL_OPTIONS, checkWithin, disposable, INSIDE, Session } from "./session.js";
import type { Signer } from "./sign.js";
import { type ClientStats, Ledger } from "./snapshot.js";
import type { Store } from "./store.js";
import { suffixList } from "./suffixes.js";

/** What a client is made with. */
export interface ClientOptions {
  /** The platform: its definition, or the text of a platform file in JSON. */
  readonly platform: PlatformDefinition | string;
  /** Where sessions are kept; without one they end with the process. */
  readonly store?: Store | undefined;
  /**
   * Who grants leases, where the store of the sessions cannot: processes that share the one share the other. A platform whose refresh
   * tokens rotate is `store_unfit` for a store without compare-and-set or leases, since two processes could send one token, and
   * the issuer would end the grant. A {@link MemoryStore} here says that nobody else holds these sessions.
   */
  readonly leaseStore?: Store | undefined;
  /** The keys that seal what is kept, as `id:base64,…`; the first seals, all of them open. Needed with a store. */
  readonly keys?: string | undefined;
  /** Separates programs that share a store; `hallpass` by default, as the command line has it. */
  readonly namespace?: string | undefined;
  /** Hears what happens to sessions; what it throws is an uncaught error of the program. */
  readonly onNotice?: ((notice: Notice) => void) | undefined;
  /** Lets a rotating token be used although its successor could not be saved: a crash in that moment signs the account out. */
  readonly renewWithoutStore?: boolean | undefined;
  /**
   * Whether sessions keep what they were signed in with, to sign in again by themselves when they have ended and nothing can renew them:
   * `never` (the default), `in_memory` as long as the session lives, or `sealed` in its record as well, so that a resumed one can.
   *
   * Only for recipes that need nothing but their credentials: `form`, `json`, `steps`, `guest`, `client_credentials`, and `basic` with an
   * identity probe. Credentials that the platform refuses then are dropped at once, and not sent again.
   */
  readonly keepCredentials?: "never" | "in_memory" | "sealed" | undefined;
  /**
   * The public suffix list, under whose names strangers register theirs (`co.uk`, `github.io`): the text of the file at
   * https://publicsuffix.org/list/, or an array of its rules. No cookie is taken for such a name, except by that very host for itself
   * (RFC 6265bis §5.7). The package has no list of its own: without one every name without a dot is a public suffix, and no other, so a host
   * `a.co.uk` could set cookies for all of `co.uk`. They still go to the platform's own origins only, whatever the list.
   */
  readonly publicSuffixes?: string | readonly string[] | undefined;
  /** Answers what the platform asks while an account signs in: a second factor, a person's consent, a sign-in of the program's own. */
  readonly asks?: Asks | undefined;
  /** Signs attempts to a platform that has a table `signer`; without one such a platform cannot be signed in to unless it says so. */
  readonly signer?: Signer | undefined;
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
export class Client extends EventTarget implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #runtime: Runtime;
  readonly #platform: string;
  readonly #suffixes: string | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #readers = new Readers();
  readonly #ledger = new Ledger();
  #made: Made | undefined;
  #isClosed = false;

  /** A client; throws at once where an option, the platform or a key is wrong. */
  constructor(options: ClientOptions) {
    super();
    check(options, CLIENT_OPTIONS, "new Client()");
    check(options.calls ?? {}, CALL_OPTIONS, "new Client({ calls })");
    check(options.asks ?? {}, ASKS, "new Client({ asks })");
    checkAsks(options.asks ?? {});
    const { store, keys, platform, publicSuffixes, keepCredentials = "never" } = options;
    if (!["never", "in_memory", "sealed"].includes(keepCredentials)) {
      throw failure("config_invalid", "program", "`keepCredentials` is `never`, `in_memory` or `sealed`");
    }
    if (store !== undefined && keys === undefined) {
      throw failure("key_missing", "store", "a store needs keys: sessions are never kept in the clear; give `keys`");
    }
    if (store === undefined && keys !== undefined) {
      throw failure("config_invalid", "program", "`keys` are of no use without a `store`");
    }
    this.#options = options;
    this.#runtime = runtimeOf({ ...(options.fetch && { fetch: options.fetch }), ...options.runtime });
    this.#suffixes = publicSuffixes === undefined ? undefined : suffixList(publicSuffixes);
    this.#platform = typeof platform === "string" ? platform : JSON.stringify(platform, undefined, 2);
    this.#parts();
  }

  /** The platform's id. */
  get platform(): string {
    return this.#parts().platform.id;
  }

  /** Signs an account in; a session of it that is being closed is waited for. Credentials are an object, the text of a credentials file in JSON, or what was imported. */
  async signIn(account: string, credentials: Credentials | Imported | string): Promise<Session> {
    if (credentials instanceof Imported) {
      return this.#begin(account, (session) => session[INSIDE].signInImported(credentials));
    }
    const json = typeof credentials === "string" ? credentials : JSON.stringify(credentials);
    return this.#begin(account, (session) => session[INSIDE].signIn(json));
  }

  /**
   * Reads credentials as people have them: a cURL command, a HAR file, `cookies.txt`, a `Cookie` line, or JSON such as `auth.json`.
   * Throws `credentials_invalid` where it is none of them.
   */
  import(text: string): Imported {
    return this.#import((core, platform, wall) => core.Imported.read(text, platform, wall));
  }

  /**
   * Reads credentials from variables such as `PREFIX_USERNAME`, `PREFIX_PASSWORD`, `PREFIX_COOKIE`, `PREFIX_USER_AGENT` and
   * `PREFIX_HEADER_X_BC`; in Node give `process.env`.
   */
  importEnvironment(prefix: string, environment: Readonly<Record<string, string | undefined>>): Imported {
    const pairs = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
    return this.#import((core, platform) => core.Imported.environment(prefix, pairs, platform));
  }

  /**
   * Opens the saved session of an account, without signing in; one that is open is given as it is, one that is being closed is waited for
   * and opened anew. Rejects with `no_session` where there is none.
   */
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

  /** How its sessions stand now, and what all that it ever had have counted; nothing secret is in it. */
  stats(): ClientStats {
    const wall = this.#runtime.wall();
    const sessions = [...this.#sessions.values()].map((session) => session[INSIDE].snapshot(this.platform, wall));
    return this.#ledger.snapshot(new Date(wall), sessions);
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

  /**
   * Removes what is saved of an account without opening it; a session of it that is open is closed with it. The platform is not told.
   * Whether there was anything.
   */
  async forget(account: string): Promise<boolean> {
    const { store } = this.#options;
    const open = this.#sessions.get(account);
    await open?.forget();
    const key = { namespace: this.#namespace, kind: "session", platform: this.platform, account } as const;
    return (await store?.remove(key, "any")) !== undefined || open !== undefined;
  }

  /**
   * What happens to sessions from now on, up to the end of the client. Sessions never wait for a reader: when its buffer is full the
   * oldest notices are lost, and it is told how many.
   *
   * ```js
   * for await (const event of client.events({ signal })) console.log(event.type);
   * ```
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<Notice | Lagged> {
    check(options, EVENTS_OPTIONS, "client.events()");
    const events = this.#readers.add(options);
    if (this.#isClosed) this.#readers.end();
    return events;
  }

  /** Hears one type of notice: `client.addEventListener("renewed", ({ notice }) => …)`. */
  override addEventListener(
    type: NoticeType,
    listener: NoticeListener | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as EventListener | null, options);
  }

  /** Hears no more of it. */
  override removeEventListener(
    type: NoticeType,
    listener: NoticeListener | null,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, listener as EventListener | null, options);
  }

  /**
   * Closes every session: saves and stops, never signs out. Calls that are still under way after `within` milliseconds end with
   * `closed`. Rejects with the first save that failed, after all have ended.
   */
  async close(options: { readonly within?: number | undefined } = {}): Promise<void> {
    check(options, ["within"], "client.close()");
    checkWithin(options.within);
    this.#isClosed = true;
    const ended = await Promise.allSettled([...this.#sessions.values()].map((session) => session.close(options)));
    this.#readers.end();
    const failed = ended.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** {@link Client.close}. */
  declare [Symbol.asyncDispose]: () => Promise<void>;

  /** @internal */
  get [RUNTIME](): Runtime {
    return this.#runtime;
  }

  get #namespace(): string {
    return this.#options.namespace ?? "hallpass";
  }

  /** What is read is read anew for each use: an instance of the core may be another one by then. */
  #import(read: (core: Glue, platform: Platform, wall: number) => CoreImported): Imported {
    return new Imported((use) => {
      const { engine, platform } = this.#parts();
      return enter(engine, (core) => {
        const imported = read(core, platform, this.#runtime.wall());
        try {
          return use(imported);
        } finally {
          imported.free();
        }
      });
    });
  }

  async #begin(account: string, open: (session: Session) => Promise<void>): Promise<Session> {
    for (;;) {
      if (this.#isClosed) throw failure("closed", "account", "the client is closed");
      const known = this.#sessions.get(account);
      const ending = known?.[INSIDE].ending;
      if (ending !== undefined) {
        // Two sessions of one account would use one refresh token twice. How it ended, whoever closed it hears.
        await ending.catch(() => {});
        continue;
      }
      const session = known ?? this.#new(account);
      try {
        await open(session);
        if (session[INSIDE].ending === undefined) return session;
      } catch (error) {
        // What never came to life is not kept; a session that was good before stays as it was.
        if (session.state === "fresh") session[INSIDE].drop();
        // Somebody closed it, or signs it in anew: what comes of that is asked again.
        if (!(error instanceof HallpassError && (error.kind === "closed" || error.kind === "cancelled"))) throw error;
      }
    }
  }

  #new(account: string): Session {
    const session: Session = new Session(account, {
      make: () => this.#machine(account),
      persists: this.#options.store !== undefined,
      options: this.#options.calls ?? {},
      left: (left) => {
        if (this.#sessions.get(account) !== left) return;
        this.#sessions.delete(account);
        this.#ledger.add(left.stats);
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
      const suffixes = this.#suffixes;
      this.#made = {
        engine: present,
        limits: enter(present, (core) => new core.Limits()),
        platform: enter(present, (core) => core.Platform.parse(this.#platform)),
        keys: keys === undefined ? undefined : enter(present, (core) => core.Keys.parse(keys)),
        suffixes: suffixes === undefined ? undefined : enter(present, (core) => core.Suffixes.parse(suffixes)),
      };
    }
    return this.#made;
  }

  #machine(account: string): Parts {
    const { engine, limits, platform, keys, suffixes } = this.#parts();
    const { store, leaseStore = store, renewWithoutStore, keepCredentials, onNotice, asks, signer } = this.#options;
    const runtime = this.#runtime;
    const seed = runtime.random(32);
    const core = enter(engine, (glue) => {
      const settings = new glue.Settings();
      if (keys !== undefined) {
        const { cas, lease } = { cas: store?.capabilities.cas, lease: leaseStore?.capabilities.lease };
        settings.persist(keys, this.#namespace, cas ?? true, lease ?? true);
      }
      if (suffixes !== undefined) settings.publicSuffixes(suffixes);
      if (renewWithoutStore) settings.renewWithoutStore();
      if (keepCredentials !== undefined) settings.keepCredentials(keepCredentials);
      if (asks !== undefined) settings.asks();
      if (signer !== undefined) settings.signer();
      const made = new glue.Session(platform, account, settings, seed, runtime.mono(), runtime.wall());
      settings.free();
      return made;
    });
    seed.fill(0);
    const { id } = platform;
    const tell = (raw: RawNotice): void => {
      const notice = noticeOf(raw, { at: new Date(runtime.wall()), platform: id, account });
      this.#readers.put(notice);
      this.dispatchEvent(new NoticeEvent(notice));
      onNotice?.(notice);
    };
    return { engine, core, limits, store, leaseStore, runtime, onNotice: tell, account, asks, signer };
  }
}

disposable(Client);

/** Hears notices of one type. */
export type NoticeListener = ((event: NoticeEvent) => void) | { handleEvent(event: NoticeEvent): void };

interface Made {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly platform: Platform;
  readonly keys: Keys | undefined;
  readonly suffixes: Suffixes | undefined;
}

const CLIENT_OPTIONS: readonly string[] = [
  "platform",
  "store",
  "leaseStore",
  "keys",
  "namespace",
  "onNotice",
  "publicSuffixes",
  "asks",
  "signer",
  "renewWithoutStore",
  "keepCredentials",
  "calls",
  "fetch",
  "runtime",
];
