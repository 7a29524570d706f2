// One key's folder: which version is present, and how does the next one take its place?
//
// The file of the present (highest) version is never removed, so a reader always finds the old record or the new one, whole. The
// steps and the reasons for them are in `docs/file-store.md`.

import { type FileHandle, link, open, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";

import { type RecordKey, StoreError } from "../store.js";
import {
  codeOf,
  createFolder,
  millis,
  pruneTemporary,
  type Scan,
  scanFolder,
  seconds,
  sync,
  unavailable,
  writeTemporary,
} from "./disk.js";
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
    const { versions } = await scanFolder(this.#root, this.#folder);
    // A folder that seems to hold no version is listed once more.
    return Math.max(0, ...(versions.length > 0 ? versions : (await scanFolder(this.#root, this.#folder)).versions));
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
    await createFolder(this.#folder);
    const temporary = await writeTemporary(this.#folder, async (file) => {
      await file.writeFile(content);
      await file.utimes(seconds(now), seconds(now));
      await file.sync();
    });
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
    const scan = await scanFolder(this.#root, this.#folder);
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
    await pruneTemporary(this.#folder, scan, now);
  }

  #path(version: number): string {
    return join(this.#folder, String(version));
  }
}

/** Whether somebody saw a file as the present version. */
async function isMarked(path: string): Promise<boolean> {
  if (process.platform === "win32") return false;
  return stat(path).then(({ mode }) => (mode & 0o100) !== 0, () => false);
}
