// What do tests start that let several processes take one lease? A program that does what `store-holder` does in Rust.
//
// Prints each lease's number in a line of its own; ends after as many as it is told. While it holds one it keeps a file `held` beside
// the folder that nobody else may have. Every fourth lease is so short that it ends by itself and is never let go.

import assert from "node:assert/strict";
import { open, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { RecordKey } from "hallpass";
import { FileStore } from "hallpass/node";

const [folder, count, name] = process.argv.slice(2) as [string, string, string];
const key = JSON.parse(name) as RecordKey;
const held = join(dirname(folder), "held");
const store = await FileStore.open(folder);
for (let granted = 0; granted < Number(count); ) {
  const isBrief = granted % 4 === 3;
  const number = await store.lease(key, isBrief ? 3 : 600_000);
  if (number === undefined) continue;
  if (!isBrief) {
    await (await open(held, "wx")).close();
    await unlink(held);
    assert.ok(await store.release(key, number), `the lease ${number} was lost`);
  }
  console.log(number);
  granted += 1;
}
