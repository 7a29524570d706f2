// Does the driver in JavaScript give the same trace as the bare core? `tests/vectors/scenarios/README.md` says what a scenario is.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { Asks } from "../src/asks.js";
import { Driver, type Parts } from "../src/core/driver.js";
import { engine, type Limits } from "../src/core/engine.js";
import type { Credentials } from "../src/platform.js";
import type { Asked } from "../src/request.js";
import { runtimeOf } from "../src/runtime.js";
import { type Expected, meets, type RecordKey, type Store, StoreError, type StoredRecord } from "../src/store.js";
import { ROOT } from "./support/paths.js";
import { VirtualTime } from "./support/time.js";

interface Scenario {
  readonly about: string;
  readonly platform: unknown;
  readonly account: string;
  readonly keyring?: string;
  readonly leases?: boolean;
  readonly namespace?: string;
  readonly keep_credentials?: string;
  readonly renew_without_store?: boolean;
  readonly seed: string;
  readonly start: number;
  readonly end: number;
  readonly credentials?: Record<string, unknown>;
  readonly record?: string;
  readonly steps: readonly Step[];
  readonly answers?: readonly Answer[];
  readonly store?: readonly StoreRule[];
  readonly asks?: readonly AskRule[];
  readonly signs?: readonly SignRule[];
  readonly permits?: readonly { readonly nth: number; readonly answer: "granted" | "denied" }[];
}

interface Step {
  readonly at: number;
  readonly do: "call" | "cancel" | "sign_in" | "resume" | "renew" | "validate" | "save" | "close" | "sign_out" | "forget";
  readonly id: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: "empty" | "replayable" | "once";
  readonly timeout?: number;
  readonly within?: number;
}

interface Answer {
  readonly method?: string;
  readonly path: string;
  readonly nth?: number;
  readonly after: number;
  readonly status?: number;
  readonly headers?: [string, string][];
  readonly body?: string;
  readonly fail?: string;
  readonly sent?: "no" | "maybe";
}

interface SignRule {
  readonly nth: number;
  readonly after?: number;
  readonly declined?: string;
  readonly headers?: [string, string][];
}

interface StoreRule {
  readonly op: "load" | "save" | "lease" | "release" | "remove";
  readonly nth: number;
  readonly after?: number;
  readonly error?: "unavailable" | "damaged";
  readonly put?: string;
  readonly held?: boolean;
}

interface AskRule {
  readonly nth: number;
  readonly after: number;
  readonly code?: string;
  readonly redirected?: string;
  readonly shown?: boolean;
  readonly signed_in?: Record<string, unknown>;
  readonly declined?: string;
}

/** Counts what was asked for, from 1. */
class Counts {
  readonly #counts = new Map<string, number>();

  next(what: string): number {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count;
  }
}

/** The store of a scenario: one record, and rules that change what happens. */
class ScriptedStore implements Store {
  readonly capabilities = { cas: true, lease: true, touch: false };
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #counts = new Counts();
  #version = 0;
  #sealed: Uint8Array | undefined;
  #lastLease = 0;
  #lease = 0;

  constructor(scenario: Scenario, time: VirtualTime) {
    this.#scenario = scenario;
    this.#time = time;
    if (scenario.record !== undefined) this.#put(Buffer.from(scenario.record, "hex"));
  }

  async load(): Promise<StoredRecord | undefined> {
    await this.#due("load");
    return this.#sealed && { version: this.#version, sealed: this.#sealed };
  }

  async save(_: RecordKey, sealed: Uint8Array, expected: Expected): Promise<number> {
    await this.#due("save");
    const live = this.#sealed && this.#version;
    if (!meets(expected, live)) throw StoreError.conflict(live);
    return this.#put(sealed);
  }

  async remove(): Promise<undefined> {
    await this.#due("remove");
    if (this.#sealed !== undefined) this.#version++;
    this.#sealed = undefined;
  }

  async lease(): Promise<number | undefined> {
    const rule = await this.#due("lease");
    if (rule?.held === true) return undefined;
    this.#lastLease += 1;
    if (this.#lease !== 0) return undefined;
    this.#lease = this.#lastLease;
    return this.#lease;
  }

  async release(_: RecordKey, number: number): Promise<boolean> {
    await this.#due("release");
    if (this.#lease !== number) return false;
    this.#lease = 0;
    return true;
  }

  touch(): Promise<never> {
    return Promise.reject(new StoreError("unsupported", "scenarios touch nothing"));
  }

  list(): Promise<never> {
    return Promise.reject(new StoreError("unsupported", "scenarios list nothing"));
  }

  #put(sealed: Uint8Array): number {
    this.#sealed = sealed;
    return ++this.#version;
  }

  /** Comes to the moment of an operation's answer, which is when the store acts. */
  async #due(op: StoreRule["op"]): Promise<StoreRule | undefined> {
    const nth = this.#counts.next(op);
    const rule = this.#scenario.store?.find((one) => one.op === op && one.nth === nth);
    await this.#time.sleep(rule?.after ?? 0);
    if (rule?.put !== undefined) this.#put(Buffer.from(rule.put, "hex"));
    if (rule?.error !== undefined) throw new StoreError(rule.error, "scripted");
    return rule;
  }
}

/** Answers questions as the scenario says; one that no rule is for is never answered. */
function scriptedAsks(scenario: Scenario, time: VirtualTime): Asks | undefined {
  if (scenario.asks === undefined) return undefined;
  const counts = new Counts();
  const answer = async (): Promise<AskRule> => {
    const nth = counts.next("ask");
    const rule = scenario.asks?.find((one) => one.nth === nth);
    if (rule === undefined) return new Promise(() => {});
    await time.sleep(rule.after);
    if (rule.declined !== undefined) throw new Error(rule.declined);
    return rule;
  };
  return {
    secondFactor: async () => (await answer()).code as string,
    authorize: async () => (await answer()).redirected as string,
    deviceCode: async () => void (await answer()),
    custom: async () => (await answer()).signed_in as Credentials,
  };
}

/** Answers exchanges as the scenario says; one that no answer is for is never answered. */
function scriptedFetch(scenario: Scenario, time: VirtualTime): (url: string, init: RequestInit) => Promise<Response> {
  const counts = new Counts();
  return async (url, init) => {
    const method = init.method ?? "GET";
    const { pathname } = new URL(url);
    const nth = counts.next(`${method} ${pathname}`);
    const rules = (scenario.answers ?? []).filter((rule) => (rule.method ?? "GET") === method && rule.path === pathname);
    const rule = rules.find((one) => one.nth === nth) ?? rules.find((one) => one.nth === undefined);
    const aborted = new Promise<never>((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
    if (rule === undefined) return aborted;
    await Promise.race([time.sleep(rule.after), aborted]);
    if (rule.fail !== undefined) throw Object.assign(new TypeError("fetch failed"), { cause: { code: CODES[rule.fail] } });
    const status = rule.status as number;
    // Bytes, since a text would bring a content type along.
    const body = rule.body === undefined || [204, 205, 304].includes(status) ? null : new TextEncoder().encode(rule.body);
    return new Response(body, { status, headers: rule.headers ?? [] });
  };
}

/** Signs as the scenario says; keys and signatures are what every runner makes of them. */
function scriptedSigns(scenario: Scenario, time: VirtualTime): NonNullable<Parts["signs"]> {
  const counts = new Counts();
  return async ({ id, work }) => {
    const nth = counts.next("sign");
    const rule = scenario.signs?.find((one) => one.nth === nth);
    await time.sleep(rule?.after ?? 0);
    const why = rule?.declined;
    if (why !== undefined) return (core, mono, wall) => core.notSigned(id, why, mono, wall);
    if (work.type === "key") {
      const point = Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 4 : at));
      return (core, mono, wall) => core.keyMade(id, Buffer.from("scripted key"), point, mono, wall);
    }
    if (work.type === "es256") {
      const half = createHash("sha256").update(work.input).digest();
      return (core, mono, wall) => core.signatureMade(id, Buffer.concat([half, half]), mono, wall);
    }
    const text = createHash("sha256").update(`${work.method} ${work.url}`).digest("hex").slice(0, 16);
    const lines = (rule?.headers ?? [["x-signed", text]]).map(([name, value]) => `${name}\n${value}\n`).join("");
    return (core, mono, wall) => core.signed(id, lines, mono, wall);
  };
}

/** Codes that mean these failures; each says by itself whether the request may have been sent. */
const CODES: Record<string, string> = { connection_lost: "ECONNRESET", connect: "ECONNREFUSED", dns: "ENOTFOUND" };

/** Plays a scenario; its trace, a line a step. */
async function play(scenario: Scenario): Promise<string[]> {
  const { glue } = engine();
  const time = new VirtualTime();
  const settings = new glue.Settings();
  if (scenario.keyring !== undefined) {
    settings.persist(glue.Keys.parse(scenario.keyring), scenario.namespace ?? "", true, true);
    if (!scenario.leases) settings.alone();
  }
  if (scenario.keep_credentials !== undefined) settings.keepCredentials(scenario.keep_credentials);
  if (scenario.renew_without_store) settings.renewWithoutStore();
  if (scenario.asks !== undefined) settings.asks();
  if (scenario.signs !== undefined) settings.signer();
  settings.trace();
  const platform = glue.Platform.parse(JSON.stringify(scenario.platform));
  const seed = Buffer.from(scenario.seed, "hex");
  const permits = new Counts();
  const store = new ScriptedStore(scenario, time);
  const limits = {
    withdraw: () => {
      const nth = permits.next("permit");
      return scenario.permits?.find((rule) => rule.nth === nth)?.answer !== "denied";
    },
  };
  const parts: Parts = {
    engine: engine(),
    core: new glue.Session(platform, scenario.account, settings, seed, 0, scenario.start),
    limits: limits as unknown as Limits,
    store,
    leaseStore: store,
    runtime: runtimeOf({
      fetch: scriptedFetch(scenario, time),
      mono: () => time.now,
      wall: () => scenario.start + time.now,
      setTimer: (ring, ms) => time.set(ring, ms),
      clearTimer: (timer) => time.clear(timer as number),
      unrefTimer: () => {},
    }),
    onNotice: () => {},
    signs: scriptedSigns(scenario, time),
    account: scenario.account,
    asks: scriptedAsks(scenario, time),
  };
  const driver = new Driver(parts);
  const cancels = new Map<string, AbortController>();
  for (const step of scenario.steps) {
    await time.runTo(step.at);
    take(driver, scenario, step, cancels).catch(() => {
      // How it ended is in the trace.
    });
  }
  await time.runTo(scenario.end + 1);
  return driver.look((core) => core.takeTrace()).split("\n");
}

async function take(driver: Driver, scenario: Scenario, step: Step, cancels: Map<string, AbortController>): Promise<unknown> {
  switch (step.do) {
    case "call": {
      const cancel = new AbortController();
      cancels.set(step.id, cancel);
      return driver.call(asked(step, cancel.signal));
    }
    case "cancel":
      return cancels.get(step.id)?.abort();
    case "sign_in":
      return driver.command((core, mono, wall) => core.signIn(JSON.stringify(scenario.credentials ?? {}), mono, wall));
    case "sign_out":
      return driver.command((core, mono, wall) => core.signOut(mono, wall));
    case "close": {
      const { within } = step;
      if (within === undefined) return driver.command((core, mono, wall) => core.close(mono, wall));
      return driver.command((core, mono, wall) => core.closeWithin(within, mono, wall));
    }
    case "resume":
    case "renew":
    case "validate":
    case "save":
    case "forget": {
      const command = step.do;
      return driver.command((core, mono, wall) => core[command](mono, wall));
    }
  }
}

function asked(step: Step, signal: AbortSignal): Asked {
  const headers = Object.entries(step.headers ?? {}).map(([name, value]) => `${name}\n${value}\n`);
  return {
    head: `${step.method ?? "GET"}\n${step.path}\n${headers.join("")}`,
    body: step.body === "replayable" ? 1 : step.body === "once" ? 2 : 0,
    redirect: 0,
    repeat: 0,
    timeout: step.timeout ?? Number.NaN,
    signal,
    payload: () => ({}),
    extras: {},
  };
}

const FOLDER = join(ROOT, "tests/vectors/scenarios");
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
assert.ok(NAMES.length > 0);

for (const name of NAMES) {
  const scenario = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as Scenario;
  test(`${name}: ${scenario.about}`, async () => {
    const expected = readFileSync(join(FOLDER, `${name}.trace`), "utf8").trimEnd().split("\n");
    assert.deepEqual(await play(scenario), expected);
  });
}
