// Who holds a key's lease? Empty files whose modification time is the moment when the lease ends.
//
// The file of the highest lease is never removed, so numbers only grow, and of those that saw the same lease end `link(2)` lets one
// take the next. The steps and the reasons for them are in `docs/file-store.md`.

import { link, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";

import { StoreError } from "../store.js";
import {
  codeOf,
  createFolder,
  LAST,
  LEASE,
  millis,
  pruneTemporary,
  scanFolder,
  seconds,
  unavailable,
  writeTemporary,
} from "./disk.js";

/** The leases of one key. */
export class Leases {
  readonly #root: string;
  readonly #folder: string;

  constructor(root: string, digest: string) {
    this.#root = root;
    this.#folder = join(root, digest);
  }

  /** Takes the lease for so many milliseconds from now; nothing when somebody else holds it. */
  async take(hold: number, clock: () => number): Promise<number | undefined> {
    const highest = await this.#highest();
    // After the look: whoever took what was seen has read its clock before.
    const now = clock();
    if (isHeld(highest.end, now)) return undefined;
    if (highest.number === LAST) {
      throw new StoreError("unsupported", "this key was leased as often as numbers can count");
    }
    const number = highest.number + 1;
    return (await this.place(number, now + Math.min(hold, LONGEST), clock)) ? number : undefined;
  }

  /** Takes the lease of this number, whose predecessor was seen to be over; false when others were faster. */
  async place(number: number, end: number, clock: () => number): Promise<boolean> {
    await createFolder(this.#folder);
    const temporary = await writeTemporary(this.#folder, (file) => file.utimes(seconds(end), seconds(end)));
    try {
      await link(temporary, this.#path(number));
    } catch (thrown) {
      if (codeOf(thrown) === "EEXIST") return false;
      throw unavailable("leasing", this.#path(number), thrown);
    } finally {
      // A second name of the lease's file, or of one that nobody can find.
      await unlink(temporary).catch(() => {});
    }
    const scan = await scanFolder(this.#root, this.#folder);
    if (scan.leases.some((other) => other > number)) {
      await unlink(this.#path(number)).catch(() => {});
      return false;
    }
    for (const lower of scan.leases) if (lower < number) await unlink(this.#path(lower)).catch(() => {});
    await pruneTemporary(this.#folder, scan, clock());
    return isHeld(end, clock());
  }

  /** Ends a lease now, if it is the highest and has not ended by itself; whether it was. */
  async release(number: number, clock: () => number): Promise<boolean> {
    const highest = await this.#highest();
    if (highest.number !== number || !isHeld(highest.end, clock())) return false;
    try {
      await utimes(this.#path(number), seconds(OVER), seconds(OVER));
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return false;
      throw unavailable("releasing", this.#path(number), thrown);
    }
  }

  /** The highest lease and when it ends; 0 where there was none. */
  async #highest(): Promise<{ readonly number: number; readonly end: number }> {
    for (let round = 0; round < ROUNDS; round++) {
      const number = Math.max(0, ...(await scanFolder(this.#root, this.#folder)).leases);
      if (number === 0) return { number, end: OVER };
      try {
        const { mtimeNs } = await stat(this.#path(number), { bigint: true });
        return { number, end: millis(mtimeNs) };
      } catch (thrown) {
        if (codeOf(thrown) !== "ENOENT") throw unavailable("reading", this.#path(number), thrown);
      }
    }
    throw new StoreError("unavailable", "others keep taking this lease");
  }

  #path(number: number): string {
    return join(this.#folder, `${LEASE}${number}`);
  }
}

/** Whether a lease with this end is held. One that would end later than any may was taken before the clock was set back. */
function isHeld(end: number, now: number): boolean {
  return now < end && end - now <= LONGEST + SLACK;
}

/** The longest hold in milliseconds: longer ones are cut to it. */
const LONGEST = 600_000;
/** How far a clock may be set back, or lag behind another's, without ending the longest hold. */
const SLACK = 60_000;
/** The end of a lease that was let go. */
const OVER = 0;
const ROUNDS = 64;
