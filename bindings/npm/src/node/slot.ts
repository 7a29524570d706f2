// One key's folder: which version is present, and how does the next one take its place?
//
// The file of the present (highest) version is never removed, so a reader always finds the old record or the new one, whole. The
// steps and the reasons for them are in `docs/file-store.md`.

import { randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, readdir, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";

import { type RecordKey, StoreError } from "../store.js";
import { type Content, decode, digestOf } from "./format.js";

/** One version's file, read. */
export interface Found {
  readonly key: RecordKey;
  readonly content: Content;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** The folder of one key. */
export class Slot {
  readonly #root: string;
  readonly #digest: string;
  readonly #folder: string;

  constructor(root: string, digest: string) {
    this.#root = root;
    this.#digest = digest;
    this.#folder = join(root, digest);
  }

  /** The present version; 0 where the key was never saved. */
  async present(): Promise<number> {
    const { versions } = await this.#scan();
    // A folder that seems to hold no version is listed once more.
    return Math.max(0, ...(versions.length > 0 ? versions : (await this.#scan()).versions));
  }

  /** Reads the present version's file; nothing when another took its place meanwhile. */
  async read(version: number): Promise<Found | undefined> {
    return this.#read(version, async () => {});
  }

  /** Reads the present version's file in order to replace it, and marks it, so that its writer knows that it was present. */
  async takeUp(version: number): Promise<Found | undefined> {
    // Without the mark its writer may believe that it came too late.
    return this.#read(version, (file) => file.chmod(0o700).catch(() => {}));
  }

  async #read(version: number, mark: (file: FileHandle) => Promise<void>): Promise<Found | undefined> {
    const path = this.#path(version);
    try {
      const file = await open(path, "r");
      try {
        const bytes = await file.readFile();
        // Where a higher one is there by now, this file may be one that a late writer has linked and nobody should see.
        if ((await this.present()) !== version) return undefined;
        await mark(file);
        const { mtimeNs } = await file.stat({ bigint: true });
        const { key, content } = decode(bytes);
        if (digestOf(key) !== this.#digest) throw new StoreError("damaged", "it holds another record's key");
        return { key, content, modified: millis(mtimeNs) };
      } finally {
        await file.close();
      }
    } catch (thrown) {
      if (thrown instanceof StoreError && thrown.fault === "unavailable") throw thrown;
      if (thrown instanceof StoreError) throw new StoreError(thrown.fault, `${thrown.message} (${path})`);
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw unavailable("reading", path, thrown);
    }
  }

  /** Puts a version in place whose predecessor was seen to be the present one; tells whether it was first. */
  async place(version: number, content: Buffer, now: number): Promise<boolean> {
    await this.#create();
    const temporary = await this.#write(content, now);
    try {
      return await this.#link(temporary, version, now);
    } finally {
      // A second name of the accepted file, or of one that nobody can find: losing it costs a prune at worst.
      await unlink(temporary).catch(() => {});
    }
  }

  /** Begins the idle time anew; false when the file is gone, because a higher version took its place. */
  async touch(version: number, now: number): Promise<boolean> {
    const path = this.#path(version);
    try {
      await utimes(path, seconds(now), seconds(now));
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return false;
      throw unavailable("touching", path, thrown);
    }
  }

  async #link(temporary: string, version: number, now: number): Promise<boolean> {
    const path = this.#path(version);
    try {
      await link(temporary, path);
    } catch (thrown) {
      if (codeOf(thrown) === "EEXIST") return false;
      throw unavailable("saving", path, thrown);
    }
    const scan = await this.#scan();
    if (scan.versions.some((other) => other > version) && !(await isMarked(temporary))) {
      // Stopped for so long that its version was made, replaced and removed: what it linked was never present.
      await unlink(path).catch(() => {});
      return false;
    }
    await sync(this.#folder);
    if (version === 1) await sync(this.#root);
    await this.#prune(scan, version, now);
    return true;
  }

  /** Removes what was replaced, and what killed writers left. Failing to is no failure of the save. */
  async #prune(scan: Scan, version: number, now: number): Promise<void> {
    for (const lower of scan.versions) if (lower < version) await unlink(this.#path(lower)).catch(() => {});
    for (const name of scan.temporary) {
      const path = join(this.#folder, name);
      const modified = await stat(path, { bigint: true }).then(({ mtimeNs }) => millis(mtimeNs), () => now);
      if (now - modified > ABANDONED) await unlink(path).catch(() => {});
    }
  }

  async #scan(): Promise<Scan> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT") throw unavailable("listing", this.#folder, thrown);
      // A key without a folder was never saved, but only where the store itself is there.
      await stat(this.#root).catch((missing: unknown) => {
        throw unavailable("finding", this.#root, missing);
      });
      return { versions: [], temporary: [] };
    }
    const versions = names.filter((name) => /^[1-9][0-9]{0,15}$/.test(name)).map(Number);
    return {
      versions: versions.filter((version) => version <= LAST),
      temporary: names.filter((name) => name.startsWith(TEMPORARY)),
    };
  }

  async #create(): Promise<void> {
    try {
      await mkdir(this.#folder, { mode: 0o700 });
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw unavailable("creating", this.#folder, thrown);
    }
  }

  async #write(content: Buffer, now: number): Promise<string> {
    for (;;) {
      const path = join(this.#folder, `${TEMPORARY}${process.pid}-${randomBytes(8).toString("hex")}`);
      try {
        const file = await open(path, "wx", 0o600);
        try {
          await file.writeFile(content);
          await file.utimes(seconds(now), seconds(now));
          await file.sync();
        } finally {
          await file.close();
        }
        return path;
      } catch (thrown) {
        if (codeOf(thrown) === "EEXIST") continue;
        await unlink(path).catch(() => {});
        throw unavailable("writing", path, thrown);
      }
    }
  }

  #path(version: number): string {
    return join(this.#folder, String(version));
  }
}

interface Scan {
  readonly versions: number[];
  readonly temporary: string[];
}

/** An error of the file system, told with what was being done. */
export function unavailable(doing: string, path: string, thrown: unknown): StoreError {
  return new StoreError("unavailable", `${doing} ${path}: ${codeOf(thrown) ?? String(thrown)}`);
}

/** The file system's code of an error. */
export function codeOf(thrown: unknown): string | undefined {
  return (thrown as { code?: string }).code;
}

/** Whether somebody saw a file as the present version. */
async function isMarked(path: string): Promise<boolean> {
  if (process.platform === "win32") return false;
  return stat(path).then(({ mode }) => (mode & 0o100) !== 0, () => false);
}

/** Makes a folder's names survive a power failure; Windows has no such call, and journals them. */
async function sync(path: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch (thrown) {
    throw unavailable("syncing", path, thrown);
  }
}

/** Seconds as `utimes` takes them; half a millisecond more, since a double may fall just below the millisecond that is meant. */
function seconds(ms: number): number {
  return (ms + 0.5) / 1000;
}

/** Milliseconds, rounded down. */
function millis(ns: bigint): number {
  return Number(ns >= 0n ? ns / 1_000_000n : (ns - 999_999n) / 1_000_000n);
}

/** The last version that a key can have: what JavaScript still counts exactly. */
export const LAST = Number.MAX_SAFE_INTEGER;
const TEMPORARY = "tmp-";
/** After so many milliseconds a temporary file's writer is dead. */
const ABANDONED = 3_600_000;
