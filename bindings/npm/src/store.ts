// What does a store keep, and what does it promise?

/** What a record is about. */
export type RecordKind = "session" | "response";

/** The logical key of a record: independent of any backend's prefix or path. */
export interface RecordKey {
  /** Separates programs that share a store. */
  readonly namespace: string;
  /** What the record is about. */
  readonly kind: RecordKind;
  /** The platform's id. */
  readonly platform: string;
  /** The account's name. */
  readonly account: string;
}

/** Sealed bytes and the version under which they were saved. */
export interface StoredRecord {
  /** Grows with every write of a key, also across removals. */
  readonly version: number;
  /** The envelope. */
  readonly sealed: Uint8Array;
}

/** What a save or removal compares against: no live record, whatever is there, or exactly this version. */
export type Expected = "absent" | "any" | number;

/** When a record ends by itself. */
export interface Expiry {
  /** Milliseconds after the last save or touch. */
  readonly idle?: number | undefined;
  /** Milliseconds since 1970; never moved by a touch. */
  readonly absolute?: number | undefined;
}

/** One page of a listing. */
export interface Page {
  /** Live records of the namespace, each with its version. */
  readonly entries: readonly { readonly key: RecordKey; readonly version: number }[];
  /** The backend's names of records that could not be read, whichever namespace they belong to. */
  readonly damaged: readonly string[];
  /** Where the next page begins; none after the last. */
  readonly next: string | undefined;
}

/** What a store can do beyond load, save and remove. */
export interface Capabilities {
  /** Saves compare versions atomically. */
  readonly cas: boolean;
  /** Leases are exclusive between processes. */
  readonly lease: boolean;
  /** Idle expiry can be extended without rewriting. */
  readonly touch: boolean;
  /** The shortest expiry in milliseconds that the backend keeps, if it has one. */
  readonly ttlMin?: number | undefined;
  /** The largest value in bytes, if there is a limit. */
  readonly maxValue?: number | undefined;
}

/**
 * Keeps sealed records under logical keys, each with a version. A store sees sealed bytes only.
 *
 * The laws, which every backend is held to as far as its {@link Capabilities} reach:
 *
 * 1. What was saved is loaded, byte for byte, with the version that the save returned.
 * 2. A save or removal whose {@link Expected} does not hold changes nothing and is a {@link StoreError} `conflict`; of any number of
 *    writers that expect the same version, exactly one succeeds.
 * 3. Versions of a key only grow, also across removals and expiries; no two accepted saves share one.
 * 4. A removed or ended record is absent to every method.
 * 5. Expiry is set with the save, atomically. A touch begins the idle time anew, changes neither the bytes nor the version, and
 *    never moves the absolute expiry.
 * 6. A listing sees its own namespace only; whatever is live throughout is listed exactly once, however it is paged.
 * 7. A backend that fails, or finds what it did not write, rejects with an error, never with "absent".
 * 8. A save that returned survives whatever the backend promises to survive; one that was cut off at any point leaves the old
 *    record or the new one, whole.
 * 9. A lease is granted to one at a time, whether or not its key holds a record, and ends by itself after its time; each that is
 *    granted has a greater number than those before. Letting go of a lease that has another number by now changes nothing.
 */
export interface Store {
  /** What this store can do beyond load, save and remove. */
  readonly capabilities: Capabilities;
  /** The live record of a key, if there is one. */
  load(key: RecordKey): Promise<StoredRecord | undefined>;
  /** Replaces the record of a key and its expiry, if the key holds what is expected; returns the new version. */
  save(key: RecordKey, sealed: Uint8Array, expected: Expected, expiry?: Expiry): Promise<number>;
  /** Begins the idle time of a live record anew; returns its version, or nothing where there is none. */
  touch(key: RecordKey): Promise<number | undefined>;
  /** Removes the record of a key, if the key holds what is expected; returns the version that was removed, if there was one. */
  remove(key: RecordKey, expected: Expected): Promise<number | undefined>;
  /** The live records of a namespace, at most `limit` at a time, from the beginning or from where a page ended. */
  list(namespace: string, after?: string, limit?: number): Promise<Page>;
  /** Takes the lease of a key for `hold` milliseconds; nothing when somebody else holds it. For stores that declare leases. */
  lease?(key: RecordKey, hold: number): Promise<number | undefined>;
  /** Lets a lease go, if it is still this one; whether it was. For stores that declare leases. */
  release?(key: RecordKey, number: number): Promise<boolean>;
}

/** Why a store did not answer. */
export type StoreFault = "conflict" | "unavailable" | "damaged" | "unsupported";

/** A store's refusal or failure. Its message must not hold a secret: it is shown. */
export class StoreError extends Error {
  /** What happened: somebody else saved first, the backend failed, its bytes are damaged, or it cannot do this. */
  readonly fault: StoreFault;
  /** The live version, at a conflict where the backend tells. */
  readonly present: number | undefined;

  /** A failure, with what the backend says of it. */
  constructor(fault: StoreFault, message: string, present?: number) {
    super(message);
    this.name = "StoreError";
    this.fault = fault;
    this.present = present;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The conflict of a writer that expected something else than what is there. */
  static conflict(present: number | undefined): StoreError {
    return new StoreError("conflict", "another writer saved this record first", present);
  }

  /** Whether this is one, whichever build of the package made it. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** Whether what a key holds is what a writer expects. */
export function meets(expected: Expected, live: number | undefined): boolean {
  return expected === "any" || (expected === "absent" ? live === undefined : live === expected);
}

/** Whether a record that was last touched then has ended. */
export function hasEnded(expiry: Expiry, touched: number, now: number): boolean {
  const isIdle = expiry.idle !== undefined && now >= touched + expiry.idle;
  return isIdle || (expiry.absolute !== undefined && now >= expiry.absolute);
}

const BRAND = Symbol.for("hallpass.store-error");
