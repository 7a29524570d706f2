// Where do records live that processes share, in Rust and in JavaScript? In a folder: `docs/file-store.md`.

import { mkdir, readdir } from "node:fs/promises";

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
} from "../store.js";
import { LAST, unavailable } from "./disk.js";
import { digestOf, encode } from "./format.js";
import { Leases } from "./leases.js";
import { type Found, Slot } from "./slot.js";

/**
 * The embedded default store: a folder of sealed records, on a local file system.
 *
 * Any number of processes may share it, in Rust and in JavaScript. A save that resolved survives a power failure; whoever is killed
 * leaves the old record or the new one, whole. A lease lasts ten minutes at most.
 */
export class FileStore implements Store {
  readonly capabilities: Capabilities = { cas: true, lease: true, touch: true, maxValue: 0xffff_ffff };
  /** The folder. */
  readonly folder: string;
  readonly #now: () => number;

  private constructor(folder: string, now: () => number) {
    this.folder = folder;
    this.#now = now;
  }

  /** Opens the store in a folder, creating it (mode 0700) if it is not there. */
  static async open(folder: string, options: { readonly now?: () => number } = {}): Promise<FileStore> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (thrown) {
      throw unavailable("creating", folder, thrown);
    }
    return new FileStore(folder, options.now ?? Date.now);
  }

  async load(key: RecordKey): Promise<StoredRecord | undefined> {
    const found = await this.#find(this.#slot(key));
    if (found === undefined || found.content === "tombstone") return undefined;
    return { version: found.version, sealed: found.content.sealed };
  }

  async save(key: RecordKey, sealed: Uint8Array, expected: Expected, expiry: Expiry = {}): Promise<number> {
    const slot = this.#slot(key);
    const content = encode(key, { sealed, expiry });
    return settle(async () => {
      const present = await slot.present();
      const standing = await this.#standing(slot, present);
      if (standing === "vanished") return undefined;
      admit(standing, expected);
      return this.#replace(slot, present, content, expected);
    });
  }

  async touch(key: RecordKey): Promise<number | undefined> {
    const slot = this.#slot(key);
    const { version } = await settle(async () => {
      const found = await this.#find(slot);
      if (found === undefined || found.content === "tombstone") return { version: undefined };
      const now = this.#now();
      const isLater = found.content.expiry.idle !== undefined && now > found.modified;
      return !isLater || (await slot.touch(found.version, now)) ? { version: found.version } : undefined;
    });
    return version;
  }

  async remove(key: RecordKey, expected: Expected): Promise<number | undefined> {
    const slot = this.#slot(key);
    const content = encode(key, "tombstone");
    const { removed } = await settle(async () => {
      const present = await slot.present();
      const standing = await this.#standing(slot, present);
      if (standing === "vanished") return undefined;
      admit(standing, expected);
      if ("live" in standing && standing.live === undefined) return { removed: undefined };
      const replaced = await this.#replace(slot, present, content, expected);
      return replaced === undefined ? undefined : { removed: present };
    });
    return removed;
  }

  async list(namespace: string, after = "", limit = 1000): Promise<Page> {
    const digests = (await this.#digests()).filter((digest) => digest > after).sort();
    const entries: { key: RecordKey; version: number }[] = [];
    const damaged: string[] = [];
    for (const [at, digest] of digests.entries()) {
      try {
        const found = await this.#find(new Slot(this.folder, digest));
        if (found?.key.namespace === namespace) entries.push({ key: found.key, version: found.version });
      } catch (error) {
        if (!(error instanceof StoreError) || error.fault === "unavailable") throw error;
        damaged.push(digest);
      }
      if (entries.length === limit) return { entries, damaged, next: at + 1 < digests.length ? digest : undefined };
    }
    return { entries, damaged, next: undefined };
  }

  async lease(key: RecordKey, hold: number): Promise<number | undefined> {
    return new Leases(this.folder, digestOf(key)).take(hold, this.#now);
  }

  async release(key: RecordKey, number: number): Promise<boolean> {
    return new Leases(this.folder, digestOf(key)).release(number, this.#now);
  }

  /** Whether no key was ever saved here, in whatever namespace. */
  async isEmpty(): Promise<boolean> {
    return (await this.#digests()).length === 0;
  }

  /** The live record of a slot. */
  async #find(slot: Slot): Promise<(Found & { readonly version: number }) | undefined> {
    const { found } = await settle(async () => {
      const version = await slot.present();
      if (version === 0) return { found: undefined };
      const found = await slot.read(version);
      if (found === undefined) return undefined;
      return { found: this.#isLive(found) ? { ...found, version } : undefined };
    });
    return found;
  }

  async #standing(slot: Slot, present: number): Promise<Standing> {
    if (present === 0) return { live: undefined };
    try {
      const found = await slot.takeUp(present);
      if (found === undefined) return "vanished";
      return { live: this.#isLive(found) ? present : undefined };
    } catch (error) {
      if (error instanceof StoreError && error.fault === "damaged") return { damage: error };
      throw error;
    }
  }

  /** Puts the next version in place; nothing when the writer should look again. */
  async #replace(slot: Slot, present: number, content: Buffer, expected: Expected): Promise<number | undefined> {
    if (present === LAST) {
      throw new StoreError("unsupported", "this record was saved as often as versions can count");
    }
    if (await slot.place(present + 1, content, this.#now())) return present + 1;
    if (expected === "any") return undefined;
    throw StoreError.conflict((await this.#find(slot))?.version);
  }

  async #digests(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    } catch (thrown) {
      throw unavailable("listing", this.folder, thrown);
    }
  }

  #isLive({ content, modified }: Found): boolean {
    return content !== "tombstone" && !hasEnded(content.expiry, modified, this.#now());
  }

  #slot(key: RecordKey): Slot {
    return new Slot(this.folder, digestOf(key));
  }
}

/** What the present version is to a writer: replaced while it was looked at, live or not, or damaged. */
type Standing = "vanished" | { readonly live: number | undefined } | { readonly damage: StoreError };

/** Lets a writer go on whose expectation holds. Damage yields to `any` only. */
function admit(standing: Exclude<Standing, "vanished">, expected: Expected): void {
  if ("damage" in standing) {
    if (expected !== "any") throw standing.damage;
  } else if (!meets(expected, standing.live)) {
    throw StoreError.conflict(standing.live);
  }
}

/** Looks again for as long as others keep replacing what is looked at. */
async function settle<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let round = 0; round < ROUNDS; round++) {
    const settled = await look();
    if (settled !== undefined) return settled;
  }
  throw new StoreError("unavailable", "other writers keep replacing this record");
}

const ROUNDS = 64;
