// How does a program hear of its sessions: as an async iterator that never delays them, and as DOM events?

import type { Notice } from "./notice.js";

/** Told in an iterator in place of notices that were not read in time; those that follow are whole. */
export interface Lagged {
  readonly type: "lagged";
  /** How many were lost. */
  readonly lost: number;
}

/** What can be chosen for an iterator. */
export interface EventsOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** The account whose session is meant; all of the client when absent. */
  readonly account?: string | undefined;
  /** How many notices wait to be read before the oldest are lost: 1,024 by default. */
  readonly buffer?: number | undefined;
}

/** Something that happened to a session, as `client.addEventListener` hears it; its `type` is the notice's. */
export class NoticeEvent extends Event {
  /** What happened. */
  readonly notice: Notice;

  /** @internal */
  constructor(notice: Notice) {
    super(notice.type);
    this.notice = notice;
  }
}

/** Those who iterate over a client's notices. */
export class Readers {
  readonly #readers = new Set<Reader>();

  /** Leaves a notice for everyone whom it is about. */
  put(notice: Notice): void {
    for (const reader of this.#readers) reader.put(notice);
  }

  /** Ends every iteration, once what is there is read. */
  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  /** Begins an iteration: notices are kept for it from now on. */
  add(options: EventsOptions): AsyncIterableIterator<Notice | Lagged> {
    const reader = new Reader(options, () => this.#readers.delete(reader));
    if (!options.signal?.aborted) this.#readers.add(reader);
    return reader;
  }
}

class Reader implements AsyncIterableIterator<Notice | Lagged> {
  readonly #notices: Notice[] = [];
  readonly #waiting: ((result: IteratorResult<Notice | Lagged>) => void)[] = [];
  readonly #options: EventsOptions;
  readonly #left: () => void;
  readonly #stop = (): void => {
    this.#notices.length = this.#lost = 0;
    this.end();
  };
  #lost = 0;
  #isOver = false;

  constructor(options: EventsOptions, left: () => void) {
    this.#options = options;
    this.#left = left;
    if (options.signal?.aborted) this.#isOver = true;
    options.signal?.addEventListener("abort", this.#stop, { once: true });
  }

  put(notice: Notice): void {
    const { account, buffer = BUFFER } = this.#options;
    if (account !== undefined && account !== notice.account) return;
    const next = this.#waiting.shift();
    if (next !== undefined) return next({ done: false, value: notice });
    if (this.#notices.length >= buffer) {
      this.#notices.shift();
      this.#lost += 1;
    }
    this.#notices.push(notice);
  }

  end(): void {
    this.#isOver = true;
    this.#options.signal?.removeEventListener("abort", this.#stop);
    this.#left();
    for (const next of this.#waiting.splice(0)) next(DONE);
  }

  next(): Promise<IteratorResult<Notice | Lagged>> {
    if (this.#lost > 0) {
      const value: Lagged = { type: "lagged", lost: this.#lost };
      this.#lost = 0;
      return Promise.resolve({ done: false, value });
    }
    const value = this.#notices.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#isOver) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Notice | Lagged>> {
    this.#stop();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
const BUFFER = 1024;

/** The options of an iterator. */
export const EVENTS_OPTIONS: readonly string[] = ["signal", "account", "buffer"];
