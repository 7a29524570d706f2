// How does one session's machine get its work done? One drain loop, and chains that perform what it asks for.
//
// An effect of a call is performed in that call's own chain; effects of the session in chains of their own. Nothing of JavaScript
// runs while the machine is entered: outputs are collected, then acted upon. There is no policy here.

import { answerTo, type Asks } from "../asks.js";
import { failure, type HallpassError } from "../error.js";
import type { Asked } from "../request.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store.js";
import { type Signer, signed } from "../sign.js";
import { discard } from "./body.js";
import { type CoreSession, type Engine, enter, type Limits } from "./engine.js";
import { type Arrived, exchange, type Outcome } from "./exchange.js";
import { failureOf } from "./failure.js";
import { ask } from "./keep.js";
import type {
  Answered,
  AskEffect,
  Effect,
  Ended,
  ExchangeEffect,
  LeaseEffect,
  RawNotice,
  SignEffect,
  StoreEffect,
} from "./outputs.js";
import { replay } from "./outputs.js";
import { Waiting } from "./waiting.js";

/** What a session's driver is made of. */
export interface Parts {
  readonly engine: Engine;
  readonly core: CoreSession;
  readonly limits: Limits;
  readonly store: Store | undefined;
  /** Who grants leases: mostly the same store. */
  readonly leaseStore: Store | undefined;
  readonly runtime: Runtime;
  readonly onNotice: (notice: RawNotice) => void;
  /** The account, for those who are asked. */
  readonly account?: string;
  /** Who answers what the platform asks. */
  readonly asks?: Asks | undefined;
  /** Who signs attempts. */
  readonly signer?: Signer | undefined;
  /** Makes signatures; the program's signer and the runtime's cryptography where it is absent. */
  readonly signs?: typeof signed | undefined;
}

/** The platform's last answer to a call. */
export interface Reply {
  readonly answered: Answered;
  readonly arrived: Arrived;
}

/** Drives one machine. */
export class Driver {
  readonly #parts: Parts;
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<number, AbortController>();
  /** What the program threw when it was asked last. */
  #unanswered: unknown;
  #deadline: number | null = null;
  #isFreed = false;
  #timer: { readonly handle: unknown; readonly at: number; readonly held: boolean } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether the core trapped under it. */
  get isLost(): boolean {
    return this.#parts.engine.trapped;
  }

  /** Reads something of the machine. */
  look<T>(at: (core: CoreSession) => T): T {
    return this.#enter(at);
  }

  /** Gives a command and waits for its end. */
  async command(give: (core: CoreSession, mono: number, wall: number) => number): Promise<void> {
    const waiting = this.#begin(give);
    this.#pump();
    while (waiting.ended === undefined) await this.#look(waiting);
    if (!("error" in waiting.ended)) return;
    const { error } = waiting.ended;
    throw error.kind === "challenge_cancelled" ? caused(error, this.#unanswered) : error;
  }

  /** Makes a call; ends with the platform's answer, or with an error where there is none. */
  async call(asked: Asked): Promise<Reply> {
    const { signal } = asked;
    if (signal?.aborted) throw signal.reason;
    let id = 0;
    const waiting = this.#begin((core, mono, wall) => {
      id = core.call(asked.head, asked.body, asked.redirect, asked.repeat, asked.timeout, mono, wall);
      return id;
    });
    const onAbort = (): void => {
      if (waiting.ended !== undefined || this.#isGone) return;
      this.#enter((core, mono, wall) => core.cancel(id, mono, wall));
      this.#pump();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const answers = new Map<number, Arrived>();
    const causes: unknown[] = [];
    try {
      this.#pump();
      const ended = await this.#see(id, waiting, asked, answers, causes);
      if ("error" in ended) throw signal?.aborted ? signal.reason : withCause(ended.error, causes.at(-1));
      const arrived = ended.answered && answers.get(ended.answered.from);
      if (!ended.answered || !arrived) throw failure("misuse", "internal", "a call was answered without an answer");
      answers.delete(ended.answered.from);
      return { answered: ended.answered, arrived };
    } finally {
      signal?.removeEventListener("abort", onAbort);
      letGo(answers);
    }
  }

  /** Frees the machine's memory. What still comes in, such as an answer that is late, has nowhere to go any more. */
  free(): void {
    if (this.#isFreed) return;
    this.#end(failure("closed", "account", "the session is closed"));
    this.#isFreed = true;
    if (!this.isLost) this.#parts.core.free();
  }

  /** Whether the machine can not be entered any more. */
  get #isGone(): boolean {
    return this.#isFreed || this.isLost;
  }

  /** Performs a call's effects in its own chain until it has ended. */
  async #see(
    id: number,
    waiting: Waiting,
    asked: Asked,
    answers: Map<number, Arrived>,
    causes: unknown[],
  ): Promise<Ended> {
    while (waiting.ended === undefined) {
      const effect = waiting.take();
      if (effect?.kind === "exchange") {
        letGo(answers);
        const outcome = await this.#exchange(effect, asked);
        if ("arrived" in outcome) answers.set(effect.id, outcome.arrived);
        else causes.push(outcome.cause);
        this.#answer(effect, outcome);
      } else if (effect?.kind === "sign") {
        await this.#sign(effect, asked);
        this.#pump();
      } else if (effect !== undefined) {
        this.#enter((core, mono, wall) => core.declined(effect.id, effect.kind, mono, wall));
        this.#pump();
      } else {
        // What the call waits for may need the connection that an answer of no more use holds.
        if (answers.size > 0 && !this.#enter((core) => core.holdsAnswer(id))) letGo(answers);
        await this.#look(waiting);
      }
    }
    return waiting.ended;
  }

  async #look(waiting: Waiting): Promise<void> {
    const { runtime } = this.#parts;
    const until = this.#deadline === null ? LOOK_AGAIN : Math.min(LOOK_AGAIN, this.#deadline - runtime.mono());
    await waiting.sleep(runtime, until);
    if (waiting.ended === undefined) this.#pump();
  }

  #begin(give: (core: CoreSession, mono: number, wall: number) => number): Waiting {
    const waiting = new Waiting();
    this.#waiting.set(this.#enter(give), waiting);
    this.#parts.engine.busy.add(this.#end);
    return waiting;
  }

  /** Drains the machine, then acts on what it said. */
  #pump(): void {
    if (this.#isGone) return;
    const woken: Waiting[] = [];
    const own: Effect[] = [];
    const stopped: number[] = [];
    const notices: RawNotice[] = [];
    let reason: string | null = null;
    for (let isDrained = false; !isDrained; ) {
      isDrained = true;
      const outputs = this.#enter((core, mono, wall) => core.poll(mono, wall));
      replay(outputs, {
        run: (effect) => {
          if (effect.kind === "permit") {
            // The limits are a machine too and answer at once.
            this.#enter((core, mono, wall) => {
              const isGranted = this.#parts.limits.withdraw(effect.origin, effect.successes, mono);
              core.permitted(effect.id, isGranted, mono, wall);
            });
            isDrained = false;
          } else if (effect.call === null) {
            own.push(effect);
          } else {
            const waiting = this.#waiting.get(effect.call);
            waiting?.give(effect);
            if (waiting) woken.push(waiting);
          }
        },
        abandon: (effect) => stopped.push(effect),
        reply: (call, ended) => {
          const waiting = this.#waiting.get(call);
          this.#waiting.delete(call);
          if (this.#waiting.size === 0) this.#parts.engine.busy.delete(this.#end);
          if (waiting === undefined) return;
          waiting.ended = ended;
          woken.push(waiting);
        },
        notice: (notice) => notices.push(notice),
        wait: (deadline, why) => {
          this.#deadline = deadline;
          reason = why;
        },
      });
    }
    this.#arm(reason);
    for (const effect of stopped) this.#running.get(effect)?.abort();
    for (const waiting of woken) waiting.wake();
    // Never rejects: whatever goes wrong is an answer to the machine.
    for (const effect of own) void this.#perform(effect);
    for (const notice of notices) tell(this.#parts.onNotice, notice);
  }

  /** Performs an effect of the session's own. */
  async #perform(effect: Effect): Promise<void> {
    try {
      if (effect.kind === "exchange") this.#answer(effect, await this.#exchange(effect, undefined));
      else if ("key" in effect) await this.#store(effect);
      else if (effect.kind === "ask") await this.#ask(effect);
      else if (effect.kind === "sign") await this.#sign(effect, undefined);
      else this.#enter((core, mono, wall) => core.declined(effect.id, effect.kind, mono, wall));
      this.#pump();
    } catch (thrown) {
      // Only a trap comes here, and that has ended everybody who waits.
      if (!this.#isGone) throw thrown;
    }
  }

  async #exchange(effect: ExchangeEffect, asked: Asked | undefined): Promise<Outcome> {
    const { runtime } = this.#parts;
    const controller = new AbortController();
    this.#running.set(effect.id, controller);
    const forget = this.#at(effect.deadline);
    const payload = effect.body === true ? (asked?.payload() ?? {}) : effect.body === null ? {} : { body: effect.body };
    const signal = asked?.signal ? either(asked.signal, controller) : controller.signal;
    const capFor = (status: number, headers: string): number | undefined =>
      this.#isGone ? undefined : this.#enter((core) => core.readCap(effect.id, status, headers));
    try {
      const outcome = exchange(runtime, effect, asked?.extras ?? {}, payload, signal, capFor);
      // A fetch that does not listen to its signal holds nobody up.
      const stopped = new Promise<Outcome>((resolve) => {
        controller.signal.onabort = () => {
          resolve({ failure: failureOf(controller.signal.reason), cause: undefined });
          void outcome.then((late) => "arrived" in late && discard(late.arrived.response));
        };
      });
      return await Promise.race([outcome, stopped]);
    } finally {
      controller.signal.onabort = null;
      forget();
      this.#running.delete(effect.id);
    }
  }

  /** Brings an exchange's outcome to the machine; an answer that nobody waits for is thrown away. */
  #answer({ id }: ExchangeEffect, outcome: Outcome): void {
    const isWanted = !this.#isGone && this.#enter((core, mono, wall) => {
      if ("failure" in outcome) {
        const { kind, maybeSent, detail } = outcome.failure;
        return core.failed(id, kind, maybeSent, detail, mono, wall);
      }
      const { status } = outcome.arrived.response;
      if (outcome.read === "streamed") return core.streamed(id, status, outcome.headers, mono, wall);
      if (outcome.read === "over_cap") return core.overCap(id, status, outcome.headers, mono, wall);
      return core.whole(id, status, outcome.headers, outcome.read, mono, wall);
    });
    if (!isWanted && "arrived" in outcome) discard(outcome.arrived.response);
    this.#pump();
  }

  async #store(effect: StoreEffect | LeaseEffect): Promise<void> {
    const forget = this.#at(effect.deadline);
    try {
      const answer = await ask(this.#parts.store, this.#parts.leaseStore, effect);
      if (!this.#isGone) this.#enter((core, mono, wall) => answer(core, mono, wall));
    } finally {
      forget();
    }
  }

  /** Asks the program, until it has answered or is not waited for any more. */
  async #ask(effect: AskEffect): Promise<void> {
    const { asks = {}, account = "" } = this.#parts;
    const controller = new AbortController();
    this.#running.set(effect.id, controller);
    const forget = this.#at(effect.deadline);
    try {
      const { tell, thrown } = await answerTo(effect, asks, { account, signal: controller.signal });
      if (thrown !== undefined) this.#unanswered = thrown;
      if (!this.#isGone) this.#enter((core, mono, wall) => tell(core, mono, wall));
    } finally {
      forget();
      this.#running.delete(effect.id);
    }
  }

  /** Makes a signature, unless it is not waited for any more. */
  async #sign(effect: SignEffect, asked: Asked | undefined): Promise<void> {
    const { signer, account = "", signs = signed } = this.#parts;
    const controller = new AbortController();
    this.#running.set(effect.id, controller);
    const forget = this.#at(effect.deadline);
    const signal = asked?.signal ? either(asked.signal, controller) : controller.signal;
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    try {
      const tell = await Promise.race([signs(effect, signer, account, asked?.payload() ?? {}, signal), stopped]);
      if (tell !== undefined && !this.#isGone) this.#enter((core, mono, wall) => tell(core, mono, wall));
    } finally {
      forget();
      this.#running.delete(effect.id);
    }
  }

  /** Has the machine look at its deadlines at a moment, unless forgotten; timers of runtimes may be early. */
  #at(deadline: number): () => void {
    const { runtime } = this.#parts;
    const set = (): unknown => runtime.setTimer(ring, Math.max(0, Math.ceil(deadline - runtime.mono())));
    const ring = (): void => {
      if (runtime.mono() < deadline) timer = set();
      else this.#pump();
    };
    let timer = set();
    return () => runtime.clearTimer(timer);
  }

  /** Sets the session's own timer for what no chain waits for: windows, saves, backoffs. */
  #arm(reason: string | null): void {
    const { runtime } = this.#parts;
    if (this.#deadline === null || reason === "call_deadline") return;
    const held = reason === "save";
    const at = this.#deadline;
    if (this.#timer !== undefined && this.#timer.at === at && this.#timer.held === held) return;
    this.#disarm();
    const handle = runtime.setTimer(
      () => {
        this.#timer = undefined;
        this.#pump();
      },
      Math.max(0, Math.ceil(at - runtime.mono())),
    );
    // A pending save keeps the process alive, idle timers do not.
    if (!held) runtime.unrefTimer(handle);
    this.#timer = { handle, at, held };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#parts.runtime.clearTimer(this.#timer.handle);
    this.#timer = undefined;
  }

  /** Enters the machine with the clocks read anew. */
  #enter<T>(act: (core: CoreSession, mono: number, wall: number) => T): T {
    const { engine, core, runtime } = this.#parts;
    const mono = runtime.mono();
    const wall = runtime.wall();
    return enter(engine, () => act(core, mono, wall));
  }

  /** Ends everybody who waits: the core trapped, or the session is over. */
  readonly #end = (error: HallpassError): void => {
    this.#disarm();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#parts.engine.busy.delete(this.#end);
    for (const one of waiting) one.ended = { error };
    if (this.isLost) for (const controller of this.#running.values()) controller.abort();
    for (const one of waiting) one.wake();
  };
}

/** Throws away answers that are of no more use, and their connections with them. */
function letGo(answers: Map<number, Arrived>): void {
  for (const { response } of answers.values()) discard(response);
  answers.clear();
}

/** Runs code of the program; what it throws is the program's own uncaught error, as with an event. */
function tell(onNotice: Parts["onNotice"], notice: RawNotice): void {
  try {
    onNotice(notice);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

/** A signal that either of both ends, wherever `AbortSignal.any` is missing too. */
function either(callers: AbortSignal, own: AbortController): AbortSignal {
  if (typeof AbortSignal.any === "function") return AbortSignal.any([callers, own.signal]);
  callers.addEventListener("abort", () => own.abort(callers.reason), { once: true, signal: own.signal });
  return own.signal;
}

/** What the runtime threw, beside what the core makes of it, where only codes and no messages of unknown origin are in it. */
function withCause(error: HallpassError, cause: unknown): HallpassError {
  return error.fault === "network" && cause instanceof Error ? caused(error, cause) : error;
}

function caused(error: HallpassError, cause: unknown): HallpassError {
  if (cause !== undefined && error.cause === undefined) {
    Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  }
  return error;
}

/** Milliseconds after which a chain looks again although nobody woke it. */
const LOOK_AGAIN = 1000;
