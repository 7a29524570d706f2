// What time is it in a scenario? Virtual milliseconds that jump to whatever is due next.

/** A virtual clock and its timers. */
export class VirtualTime {
  #now = 0;
  #issued = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly ring: () => void }>();

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Rings after so long, rounded up to a whole millisecond. */
  set(ring: () => void, ms: number): number {
    const timer = ++this.#issued;
    this.#timers.set(timer, { at: Math.ceil(this.#now + ms), ring });
    return timer;
  }

  /** Forgets a timer. */
  clear(timer: number): void {
    this.#timers.delete(timer);
  }

  /** Waits so long. */
  sleep(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.set(resolve, ms));
  }

  /** Lets everything happen that is due before a moment, and comes to that moment. */
  async runTo(moment: number): Promise<void> {
    for (;;) {
      await settled();
      const next = this.#next();
      if (next === undefined || next.at >= moment) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next.timer);
      next.ring();
    }
    this.#now = moment;
  }

  #next(): { readonly timer: number; readonly at: number; readonly ring: () => void } | undefined {
    let next: { timer: number; at: number; ring: () => void } | undefined;
    for (const [timer, { at, ring }] of this.#timers) if (next === undefined || at < next.at) next = { timer, at, ring };
    return next;
  }
}

/** Lets every promise come to rest that needs no time. */
async function settled(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise(setImmediate);
}
