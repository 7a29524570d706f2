// Who waits for a call or command to end? Its own async chain, which looks again by itself when nobody wakes it.

import type { Runtime } from "../runtime.js";
import type { Effect, Ended } from "./outputs.js";

/** One call or command under way, as its own chain sees it. */
export class Waiting {
  /** How it ended. */
  ended: Ended | undefined;
  readonly #effects: Effect[] = [];
  #wake: (() => void) | undefined;

  /** Leaves an effect for the chain. */
  give(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Takes the next effect. */
  take(): Effect | undefined {
    return this.#effects.shift();
  }

  /** Has the chain look again; called once nothing of the machine is borrowed. */
  wake(): void {
    this.#wake?.();
  }

  /** Waits until there is something to look at, or for so long: being woken by another chain is a hint, never relied on. */
  sleep(runtime: Runtime, ms: number): Promise<void> {
    if (this.ended !== undefined || this.#effects.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        runtime.clearTimer(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = runtime.setTimer(done, Math.max(0, Math.ceil(ms)));
      this.#wake = done;
    });
  }
}
