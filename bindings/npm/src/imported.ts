// What was understood of credentials that a person pasted?

import type { Imported as CoreImported } from "./core/engine.js";

/** How the core reads it, in whichever instance it is. */
export type Read<T> = (use: (imported: CoreImported) => T) => T;

/** Gives what was imported to the session that signs in with it. */
export const READ: unique symbol = Symbol("hallpass.read");

/**
 * Credentials from a cURL command, a HAR file, `cookies.txt`, a `Cookie` line, JSON or the environment, made by `client.import` and
 * `client.importEnvironment`; sign in with them by `client.signIn(account, imported)`.
 *
 * It tells what was understood, by names only; the secrets themselves are in none of its properties.
 */
export class Imported {
  /** The form that they were in, such as `a cURL command`. */
  readonly form: string;
  /** What was understood, a line each, without the secrets. */
  readonly summary: readonly string[];
  /** What was left out, and why, a line each. */
  readonly leftOut: readonly string[];
  /** What the platform's recipe still needs, a line each; empty: they can be signed in with. */
  readonly missing: readonly string[];
  /** The origin that the request went to, where that is none of the platform's: these may be another service's. */
  readonly foreignOrigin: string | undefined;
  readonly #read: Read<unknown>;

  /** @internal */
  constructor(read: Read<unknown>) {
    this.#read = read;
    const report = read((imported) => [
      imported.form,
      imported.summary,
      imported.leftOut,
      imported.missing,
      imported.foreign,
    ]) as [string, string[], string[], string[], string | undefined];
    [this.form, this.summary, this.leftOut, this.missing, this.foreignOrigin] = report;
  }

  /** @internal */
  [READ]<T>(use: (imported: CoreImported) => T): T {
    return this.#read(use) as T;
  }
}
