// Who saves until it is killed? A process of its own: it replaces one record for ever and tells every version that was accepted.
//
// What it saves follows from the version, so that a reader knows every byte of a whole record.

import { writeSync } from "node:fs";

import type { RecordKey } from "hallpass";
import { FileStore } from "hallpass/node";

/** The record that it saves. */
export const SAVED: RecordKey = { namespace: "killed", kind: "session", platform: "example", account: "alice" };

/** What a version holds: no two are alike, in length or in content. */
export function sealedAs(version: number): Uint8Array {
  return Uint8Array.from({ length: 1 + ((version * 7919) % 65_537) }, (_, at) => (version * 31 + at) % 251);
}

/** Saves for ever, each time in place of what it saved before. */
async function save(folder: string): Promise<never> {
  const store = await FileStore.open(folder);
  for (let present = (await store.load(SAVED))?.version ?? 0; ; ) {
    present = await store.save(SAVED, sealedAs(present + 1), present === 0 ? "absent" : present);
    writeSync(1, `${present}\n`);
  }
}

const [program, folder] = process.argv.slice(1);
if (program?.endsWith("saver.js") && folder !== undefined) await save(folder);
