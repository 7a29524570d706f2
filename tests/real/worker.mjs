// Keeps calling a resource with a saved session, for the tests that let several processes share one, stop them and kill them.
// The task is one line of JSON on standard input; what happens is told in lines of JSON. See tests/src/bin/session-worker.rs, its twin in Rust.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as rest } from "node:timers/promises";

import { Client, HallpassError } from "../../bindings/npm/dist/esm/index.js";
import { FileStore } from "../../bindings/npm/dist/esm/node/index.js";

const KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`;
/** Before a session that ended is taken up anew: whoever is to sign in again needs a moment. */
const REST = 250;

const [line] = await once(createInterface({ input: process.stdin }), "line");
const { platform, account, path, folder, tasks, pace, until, credentials } = JSON.parse(line);
let first = credentials;
let served = 0;
let troubled = 0;

const tell = (what) => new Promise((done) => process.stdout.write(`${JSON.stringify(what)}\n`, done));

const mayPass = (error) => error instanceof HallpassError && error.retry !== "never";

async function keepCalling(session) {
  while (Date.now() < until) {
    try {
      const response = await session.fetch(path);
      await response.arrayBuffer();
      if (response.status === 200) served++;
      else troubled++;
    } catch (error) {
      if (!mayPass(error)) throw error;
      troubled++;
    }
    await rest(pace);
  }
}

/** Until the time is over, or the session has ended. */
async function work() {
  const client = new Client({ platform, store: await FileStore.open(folder), keys: KEYS });
  let session;
  try {
    session = first ? await client.signIn(account, first) : await client.resume(account);
    first = undefined;
    await tell({ at: "ready" });
    const ended = await Promise.allSettled(Array.from({ length: tasks }, () => keepCalling(session)));
    const failed = ended.find(({ status }) => status === "rejected");
    if (failed) throw failed.reason;
    // A renewal may be under way, and closing waits for it.
    await client.close();
  } catch (error) {
    await client.close().catch(() => {});
    if (error.kind === "renewal_lost" || error.kind === "rejected") {
      await tell({ at: "lost", generation: session?.generation ?? 0, kind: error.kind });
    } else if (mayPass(error)) troubled++;
    else throw error;
  }
}

await work();
while (Date.now() < until) {
  await rest(REST);
  await work();
}
await tell({ at: "end", served, troubled });
process.exit(0);
