// Where does a program on Node have its keys from? Its environment, or a file that only it can read.

import { randomBytes } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";

import { engine, enter } from "../core/engine.js";
import { failure } from "../error.js";
import type { Store } from "../store.js";
import { codeOf } from "./disk.js";

/** The keys in `HALLPASS_KEY` (`id:base64,…`); rejects with `key_missing` where it is not set. */
export function keysFromEnvironment(environment: NodeJS.ProcessEnv = process.env): string {
  const keys = environment["HALLPASS_KEY"];
  if (keys === undefined || keys.trim() === "") {
    throw failure("key_missing", "store", "HALLPASS_KEY is not set; it is `id:base64` of 32 bytes, commas between several");
  }
  enter(engine(), (core) => core.Keys.parse(keys)).free();
  return keys;
}

/** A store that can tell whether it was ever written to. */
export interface Emptiness extends Store {
  /** Whether no key was ever saved here, in whatever namespace. */
  isEmpty(): Promise<boolean>;
}

/**
 * The keys in a file. Where it does not exist, one is minted and written (mode 0600), but only for a store that holds no record:
 * otherwise whatever the store holds could not be opened any more, and this rejects with `key_missing`.
 *
 * A key beside its store protects copies of the store only.
 */
export async function keysFromFile(path: string, store: Emptiness): Promise<string> {
  try {
    return checked(await readFile(path, "utf8"));
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
  }
  if (!(await store.isEmpty())) {
    throw failure("key_missing", "store", `the store holds records, and the key file ${path} is not there to open them`);
  }
  const secret = randomBytes(32);
  const id = `k${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
  const text = enter(engine(), (core) => core.Keys.render(id, secret));
  secret.fill(0);
  // Under its name only once it is whole, so that nobody reads half a key, and the first one wins.
  const unfinished = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    const file = await open(unfinished, "wx", 0o600);
    await file
      .writeFile(`${text}\n`)
      .then(() => file.sync())
      .finally(() => file.close());
    await link(unfinished, path);
    return text;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return checked(await readFile(path, "utf8"));
    throw thrown;
  } finally {
    await unlink(unfinished).catch(() => {});
  }
}

function checked(text: string): string {
  const keys = text.trim();
  enter(engine(), (core) => core.Keys.parse(keys)).free();
  return keys;
}
