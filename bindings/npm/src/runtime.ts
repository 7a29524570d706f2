// What does Hallpass need of the runtime it runs in? Everything that tests replace is here, and nothing is touched at import.

/** What Hallpass takes from its surroundings. */
export interface Runtime {
  /** Sends one request; must not follow redirects when asked not to. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds on a clock that never goes back, from any origin. */
  readonly mono: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Calls back after so many milliseconds. */
  readonly setTimer: (callback: () => void, ms: number) => unknown;
  /** Forgets a timer. */
  readonly clearTimer: (timer: unknown) => void;
  /** Lets the process end although a timer is set, where the runtime can. */
  readonly unrefTimer: (timer: unknown) => void;
  /** So many bytes of a cryptographic generator. */
  readonly random: (length: number) => Uint8Array;
}

/** The way to the runtime that a client was given. */
export const RUNTIME: unique symbol = Symbol("hallpass.runtime");

/** The present runtime, with what the program replaced. */
export function runtimeOf(given: Partial<Runtime> = {}): Runtime {
  return {
    fetch: (url, init) => globalThis.fetch(url, init),
    mono: () => performance.now(),
    wall: () => Date.now(),
    setTimer: (callback, ms) => setTimeout(callback, Math.min(ms, LONGEST)),
    clearTimer: (timer) => clearTimeout(timer as number),
    unrefTimer: (timer) => (timer as { unref?: () => void }).unref?.(),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    ...given,
  };
}

/** The longest that timers can wait; whoever wakes early looks again. */
const LONGEST = 2 ** 31 - 1;
