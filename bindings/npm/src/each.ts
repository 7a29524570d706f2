// How is the same done for many items, a few at a time, without one failure losing the others?

import { failure } from "./error.js";
import { check } from "./options.js";

/** How it went for one item; `index` is its place among the items. */
export type Outcome<T> =
  | { readonly index: number; readonly status: "fulfilled"; readonly value: T }
  | { readonly index: number; readonly status: "rejected"; readonly reason: unknown }
  | { readonly index: number; readonly status: "cancelled" };

/** What can be chosen for {@link forEach}. */
export interface EachOptions {
  /** How many items are under way at once; 1 by default. */
  readonly concurrency?: number | undefined;
  /** Begins no more once it aborts: what is under way goes on, the rest is `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Begins no more once so many have failed; the rest is `cancelled`. */
  readonly stopAfter?: number | undefined;
}

/**
 * Does the work for every item, at most `concurrency` at once; resolves with one outcome for each, in the order of the items.
 *
 * Items are taken as they are begun. Rejects only where an option is wrong or the items themselves cannot be gone through.
 *
 * ```js
 * const outcomes = await forEach(urls, { concurrency: 8 }, (url) => session.fetch(url));
 * ```
 */
export async function forEach<I, T>(
  items: Iterable<I>,
  options: EachOptions,
  work: (item: I, index: number) => T | PromiseLike<T>,
): Promise<Outcome<T>[]> {
  check(options, EACH_OPTIONS, "forEach()");
  const { concurrency = 1, signal, stopAfter = Infinity } = options;
  if (!(concurrency >= 1)) throw failure("config_invalid", "program", "`concurrency` is a number from 1");
  const outcomes: Outcome<T>[] = [];
  const rest = items[Symbol.iterator]();
  let begun = 0;
  let failures = 0;
  const next = (): { index: number; item: I } | undefined => {
    const step = rest.next();
    return step.done === true ? undefined : { index: begun++, item: step.value };
  };
  const chain = async (): Promise<void> => {
    while (signal?.aborted !== true && failures < stopAfter) {
      const one = next();
      if (one === undefined) return;
      const { index, item } = one;
      try {
        outcomes[index] = { index, status: "fulfilled", value: await work(item, index) };
      } catch (reason) {
        failures++;
        outcomes[index] = { index, status: "rejected", reason };
      }
    }
  };
  const chains: Promise<void>[] = [];
  // A chain that finds nothing to begin ends the rest at once, so short lists make few of them.
  do chains.push(chain());
  while (chains.length < concurrency && begun === chains.length);
  const ended = await Promise.allSettled(chains);
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  for (let one = next(); one !== undefined; one = next()) {
    outcomes[one.index] = { index: one.index, status: "cancelled" };
  }
  return outcomes;
}

const EACH_OPTIONS: readonly string[] = ["concurrency", "signal", "stopAfter"];
