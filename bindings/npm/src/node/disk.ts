// How do the file store's files come to be, and what are the file system's failures called?

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

import { StoreError } from "../store.js";

/** Creates a key's folder where it is not there. */
export async function createFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw unavailable("creating", folder, thrown);
  }
}

/** Creates a file under a temporary name and writes it; the file is gone again where that fails. */
export async function writeTemporary(folder: string, write: (file: FileHandle) => Promise<void>): Promise<string> {
  for (;;) {
    const path = join(folder, `${TEMPORARY}${process.pid}-${randomBytes(8).toString("hex")}`);
    try {
      const file = await open(path, "wx", 0o600);
      await write(file).finally(() => file.close());
      return path;
    } catch (thrown) {
      if (codeOf(thrown) === "EEXIST") continue;
      await unlink(path).catch(() => {});
      throw unavailable("writing", path, thrown);
    }
  }
}

/** An error of the file system, told with what was being done. */
export function unavailable(doing: string, path: string, thrown: unknown): StoreError {
  return new StoreError("unavailable", `${doing} ${path}: ${codeOf(thrown) ?? String(thrown)}`);
}

/** The file system's code of an error. */
export function codeOf(thrown: unknown): string | undefined {
  return (thrown as { code?: string }).code;
}

/** Makes a folder's names survive a power failure; Windows has no such call, and journals them. */
export async function sync(path: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch (thrown) {
    throw unavailable("syncing", path, thrown);
  }
}

/** Seconds as `utimes` takes them; half a millisecond more, since a double may fall just below the millisecond that is meant. */
export function seconds(ms: number): number {
  return (ms + 0.5) / 1000;
}

/** Milliseconds, rounded down. */
export function millis(ns: bigint): number {
  return Number(ns >= 0n ? ns / 1_000_000n : (ns - 999_999n) / 1_000_000n);
}

/** The names of a key's folder. */
export interface Scan {
  readonly versions: readonly number[];
  readonly leases: readonly number[];
  readonly temporary: readonly string[];
}

/** Lists a key's folder; one that is not there holds nothing, but only where the store's folder is there. */
export async function scanFolder(root: string, folder: string): Promise<Scan> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw unavailable("listing", folder, thrown);
    await stat(root).catch((missing: unknown) => {
      throw unavailable("finding", root, missing);
    });
    names = [];
  }
  const numbers = (prefix: string): number[] =>
    names
      .filter((name) => name.startsWith(prefix) && /^[1-9][0-9]{0,15}$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .filter((number) => number <= LAST);
  return {
    versions: numbers(""),
    leases: numbers(LEASE),
    temporary: names.filter((name) => name.startsWith(TEMPORARY)),
  };
}

/** Removes the files of those that were killed while they wrote. Failing to is no failure. */
export async function pruneTemporary(folder: string, { temporary }: Scan, now: number): Promise<void> {
  for (const name of temporary) {
    const path = join(folder, name);
    const modified = await stat(path, { bigint: true }).then(({ mtimeNs }) => millis(mtimeNs), () => now);
    if (now - modified > ABANDONED) await unlink(path).catch(() => {});
  }
}

/** The last version that a key can have, and its last lease: what JavaScript still counts exactly. */
export const LAST = Number.MAX_SAFE_INTEGER;
/** What the names of leases begin with. */
export const LEASE = "lease-";
const TEMPORARY = "tmp-";
/** After so many milliseconds a temporary file's writer is dead. */
const ABANDONED = 3_600_000;
