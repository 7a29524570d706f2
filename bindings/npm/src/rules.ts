// Where does a signer get the document from that tells it how to sign? From here: fetched when needed, once for all who ask.
//
// The core decides when; it is fetched without cookies, tokens or any other credential.

import type { Client } from "./client.js";
import { latin1, read, type Value } from "./core/cbor.js";
import { type Engine, engine, enter, type Rules as CoreRules } from "./core/engine.js";
import { exchange, type Outcome } from "./core/exchange.js";
import { pairs } from "./core/outputs.js";
import { errorFrom, failure, type HallpassError } from "./error.js";
import { check } from "./options.js";
import { RUNTIME, type Runtime, runtimeOf } from "./runtime.js";

/** What a document is kept with. */
export interface RulesOptions {
  /** How many milliseconds it is good for. */
  readonly ttl: number;
}

/** The document as it is had. */
export interface RulesDocument {
  /** What it says. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same as text (UTF-8). */
  text(): string;
  /** When its host last said that it is so. */
  readonly fetched: Date;
  /** Whether its time is over and its host could not be asked since. */
  readonly isStale: boolean;
}

/**
 * A document that changes now and then, such as the rules by which a signer signs.
 *
 * It is fetched when it is asked for and its time is over, once for all who ask. While its host is down the last good one is had, told
 * to be stale, and its host is asked again after a growing pause. It holds 1 MiB at most.
 *
 * ```js
 * const rules = new Rules(fetch, "https://rules.example/v1.json", { ttl: 3_600_000 });
 * const signer = async (request) => sign(JSON.parse((await rules.current()).text()), request);
 * const client = new Client({ platform, signer });
 * ```
 */
export class Rules {
  readonly #runtime: Runtime;
  readonly #address: string;
  readonly #ttl: number;
  #made: { readonly engine: Engine; readonly core: CoreRules } | undefined;
  #last: RulesDocument | undefined;
  #fetching: Promise<void> | undefined;

  /**
   * A document at an absolute address; nothing is fetched yet. It is fetched as the client fetches, or with the given `fetch`.
   *
   * Throws `request_invalid` for what is no http or https address, `config_invalid` for a `ttl` that is no time.
   */
  constructor(from: Client | Runtime["fetch"], address: string | URL, options: RulesOptions) {
    check(options, ["ttl"], "new Rules()");
    if (!(options.ttl > 0 && Number.isFinite(options.ttl))) {
      throw failure("config_invalid", "program", "`ttl` is a number of milliseconds above 0");
    }
    this.#runtime = typeof from === "function" ? runtimeOf({ fetch: from }) : from[RUNTIME];
    this.#address = String(address);
    this.#ttl = options.ttl;
    this.#core();
  }

  /**
   * The document as it is now; fetched first where that is due. Rejects with the kind of the fetch's failure (a network kind,
   * `platform_failed`, `answer_too_large`), only where there never was a good one.
   */
  async current(): Promise<RulesDocument> {
    for (;;) {
      const asked = this.#ask();
      if ("document" in asked) return (this.#last = asked.document);
      // Those who asked a core that trapped since still have what it knew.
      if ("error" in asked) return this.#last === undefined ? Promise.reject(asked.error) : { ...this.#last, isStale: true };
      if ("fetch" in asked) this.#fetching = this.#fetch(asked.fetch);
      await this.#fetching;
    }
  }

  #ask(): Asked {
    const { engine, core } = this.#core();
    const { mono, wall } = this.#runtime;
    return askedOf(read(enter(engine, () => core.ask(mono(), wall()))) as Value[]);
  }

  async #fetch(wanted: Wanted): Promise<void> {
    const { engine, core } = this.#core();
    const outcome = await this.#exchange(wanted);
    if (engine.trapped) return;
    const [mono, wall] = [this.#runtime.mono(), this.#runtime.wall()];
    enter(engine, () => {
      if ("failure" in outcome) {
        const { kind, maybeSent, detail } = outcome.failure;
        return core.failed(kind, maybeSent, detail, mono, wall);
      }
      const { status } = outcome.arrived.response;
      if (outcome.read instanceof Uint8Array) return core.whole(status, outcome.headers, outcome.read, mono, wall);
      return core.overCap(status, outcome.headers, mono, wall);
    });
  }

  /** Fetches it, and ends at the deadline also where the runtime's `fetch` does not listen to its signal. */
  async #exchange(wanted: Wanted): Promise<Outcome> {
    const { setTimer, clearTimer, mono } = this.#runtime;
    const controller = new AbortController();
    const late: Outcome = {
      failure: { kind: "first_byte_timeout", maybeSent: true, detail: "it did not arrive in time" },
      cause: undefined,
    };
    const stopped = new Promise<Outcome>((resolve) => {
      controller.signal.onabort = () => resolve(late);
    });
    const timer = setTimer(() => controller.abort(), Math.max(0, Math.ceil(wanted.deadline - mono())));
    try {
      const outcome = await Promise.race([exchange(this.#runtime, wanted, BARE, {}, controller.signal, () => undefined), stopped]);
      if ("arrived" in outcome && outcome.read === "over_cap") controller.abort();
      return outcome;
    } finally {
      clearTimer(timer);
    }
  }

  #core(): { readonly engine: Engine; readonly core: CoreRules } {
    const present = engine();
    if (this.#made?.engine !== present) {
      const seed = this.#runtime.random(32);
      const core = enter(present, (glue) => new glue.Rules(this.#address, this.#ttl, seed));
      this.#made = { engine: present, core };
    }
    return this.#made;
  }
}

/** A request for the document, as the core writes it. */
interface Wanted {
  readonly method: "GET";
  readonly url: string;
  readonly headers: [string, string][];
  readonly read: number;
  readonly deadline: number;
}

type Asked =
  | { readonly document: RulesDocument }
  | { readonly fetch: Wanted }
  | { readonly until: number }
  | { readonly error: HallpassError };

/** The shapes that `wasm/src/rules.rs` writes, under names. */
function askedOf(told: Value[]): Asked {
  switch (told[0]) {
    case 0: {
      const [, seen, fetched, isStale] = told as [0, Uint8Array, number, boolean];
      const bytes = new Uint8Array(seen);
      return { document: { bytes, text: () => new TextDecoder().decode(bytes), fetched: new Date(fetched), isStale } };
    }
    case 1: {
      const [, url, headers, cap, deadline] = told as [1, string, Uint8Array, number, number];
      return { fetch: { method: "GET", url, headers: pairs(latin1(headers)), read: cap, deadline } };
    }
    case 2:
      return { until: told[1] as number };
    default:
      return { error: errorFrom(told[1] as string) };
  }
}

/** The document is nobody's: no cookies of a browser, and no cache between it and its host. */
const BARE: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };
