// Where are the repository and the programs that tests start?

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder. */
export const PACKAGE = up(dirname(fileURLToPath(import.meta.url)), "package-lock.json");
/** The repository. */
export const ROOT = up(PACKAGE, "Cargo.toml");

/** A file of the vectors that Rust reads too. */
export function vectors<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, "tests/vectors", path), "utf8")) as T;
}

/** A program of the workspace, as `cargo xtask npm test` or `cargo build` leaves it. */
export function program(name: string): string {
  const folders = [process.env["HALLPASS_BIN_DIR"], join(ROOT, "target/debug")];
  const named = name === "hallpass-testbed" ? process.env["HALLPASS_TESTBED"] : undefined;
  const paths = [named, ...folders.map((folder) => folder && join(folder, name))];
  const found = paths.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error(`${name} is not built; run \`cargo xtask npm test\`, or build its package`);
  return found;
}

function up(from: string, file: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, file))) return folder;
    if (folder === dirname(folder)) throw new Error(`no ${file} above ${from}`);
  }
}
