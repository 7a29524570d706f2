// Where do records live that need not outlive the process?

import {
  type Capabilities,
  type Expected,
  type Expiry,
  hasEnded,
  meets,
  type Page,
  type RecordKey,
  type Store,
  StoreError,
  type StoredRecord,
} from "./store.js";

/** A store in memory, for tests and for programs whose sessions may end with the process. */
export class MemoryStore implements Store {
  readonly capabilities: Capabilities = { cas: true, lease: true, touch: true };
  readonly #slots = new Map<string, Slot>();
  readonly #leases = new Map<string, { readonly number: number; readonly until: number }>();
  #lastLease = 0;
  readonly #now: () => number;

  /** An empty store. */
  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  async load(key: RecordKey): Promise<StoredRecord | undefined> {
    const slot = this.#live(key);
    return slot && { version: slot.version, sealed: slot.sealed.slice() };
  }

  async save(key: RecordKey, sealed: Uint8Array, expected: Expected, expiry: Expiry = {}): Promise<number> {
    const live = this.#live(key)?.version;
    if (!meets(expected, live)) throw StoreError.conflict(live);
    const name = nameOf(key);
    const version = (this.#slots.get(name)?.version ?? 0) + 1;
    this.#slots.set(name, { key, version, sealed: sealed.slice(), expiry, touched: this.#now(), removed: false });
    return version;
  }

  async touch(key: RecordKey): Promise<number | undefined> {
    const slot = this.#live(key);
    if (slot === undefined) return undefined;
    slot.touched = Math.max(slot.touched, this.#now());
    return slot.version;
  }

  async remove(key: RecordKey, expected: Expected): Promise<number | undefined> {
    const slot = this.#live(key);
    if (!meets(expected, slot?.version)) throw StoreError.conflict(slot?.version);
    if (slot === undefined) return undefined;
    const removed = slot.version;
    // Versions go on growing, so the slot stays.
    Object.assign(slot, { version: removed + 1, sealed: new Uint8Array(), expiry: {}, removed: true });
    return removed;
  }

  async list(namespace: string, after = "", limit = 1000): Promise<Page> {
    const names = [...this.#slots.keys()].filter((name) => name > after).sort();
    const entries: { key: RecordKey; version: number }[] = [];
    for (const name of names) {
      const slot = this.#slots.get(name);
      if (slot === undefined || slot.key.namespace !== namespace || !this.#isLive(slot)) continue;
      if (entries.length === limit) {
        const last = entries[limit - 1] as { key: RecordKey };
        return { entries, damaged: [], next: nameOf(last.key) };
      }
      entries.push({ key: slot.key, version: slot.version });
    }
    return { entries, damaged: [], next: undefined };
  }

  async lease(key: RecordKey, hold: number): Promise<number | undefined> {
    const now = this.#now();
    for (const [name, { until }] of this.#leases) if (until <= now) this.#leases.delete(name);
    const name = nameOf(key);
    if (this.#leases.has(name)) return undefined;
    this.#lastLease += 1;
    this.#leases.set(name, { number: this.#lastLease, until: now + hold });
    return this.#lastLease;
  }

  async release(key: RecordKey, number: number): Promise<boolean> {
    const name = nameOf(key);
    const held = this.#leases.get(name);
    if (held?.number !== number || held.until <= this.#now()) return false;
    return this.#leases.delete(name);
  }

  #live(key: RecordKey): Slot | undefined {
    const slot = this.#slots.get(nameOf(key));
    return slot !== undefined && this.#isLive(slot) ? slot : undefined;
  }

  #isLive(slot: Slot): boolean {
    return !slot.removed && !hasEnded(slot.expiry, slot.touched, this.#now());
  }
}

interface Slot {
  readonly key: RecordKey;
  version: number;
  sealed: Uint8Array;
  expiry: Expiry;
  touched: number;
  removed: boolean;
}

function nameOf(key: RecordKey): string {
  return JSON.stringify([key.namespace, key.kind, key.platform, key.account]);
}
