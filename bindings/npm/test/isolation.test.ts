// Does one account's secret ever show where another account, or anybody at all, could see it?
//
// Several accounts share a client, a pool and a store while the platform fails as it likes. The testbed records every request as it
// arrives; everything a program could print is kept; both are searched for every secret of every account.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { Client, forEach, MemoryStore, type Notice, type SessionFetch } from "hallpass";

import { KEYS, Testbed } from "./support/testbed.js";

const NAMES = ["alice", "bob", "carol"];
const planted = (name: string, what: string): string => `planted-${name}-${what}`;

/** Everything that a program could print of a value. */
function shown(value: unknown): string {
  const error = value instanceof Error ? `${value.stack} ${value.message} ${shown(value.cause)}` : "";
  return `${inspect(value, { depth: 20, showHidden: true, getters: true })} ${JSON.stringify(value)} ${String(value)} ${error}`;
}

/** A call that is marked with its account's own secrets, in header, query and body. */
async function marked(fetch: SessionFetch, name: string, path: string): Promise<void> {
  const init = { method: "POST", headers: { "x-own": planted(name, "header") }, body: planted(name, "body") };
  const response = await fetch(`${path}?key=${planted(name, "query")}`, init);
  if (!response.ok) throw new Error(`declined with ${response.status}`);
  const text = await response.text();
  for (const other of NAMES) assert.ok(other === name || !text.includes(other), `${name} was answered as ${other}`);
}

async function storm(seed: number): Promise<number> {
  const accounts = NAMES.flatMap((name) => ["--account", `${name}:${planted(name, "password")}`]);
  const testbed = await Testbed.start("--seed", String(seed), "--faults", "heavy", "--fault-scope", "served", "--retry-after", "0", "--token-lifetime-ms", "400", ...accounts);
  const store = new MemoryStore();
  const notices: Notice[] = [];
  const kept: unknown[] = [notices];
  try {
    await testbed.control("record");
    const onNotice = (notice: Notice): void => void notices.push(notice);
    const client = new Client({ platform: testbed.json(), store, keys: KEYS, onNotice });
    const browsers = new Client({ platform: testbed.bundle(), store, keys: KEYS, onNotice });
    const credentials = (name: string): { username: string; password: string } => ({ username: name, password: planted(name, "password") });
    const pool = client.pool({ accounts: NAMES, credentials, concurrent: 2, coolDown: 5 });
    const sessions = await forEach(NAMES, { concurrency: 3 }, async (name) => {
      const issued = await testbed.control<{ cookie: string; user_agent: string; x_bc: string }>(`bundle?account=${name}&user_agent=${planted(name, "agent")}`);
      const cookie = `${issued.cookie}; extra=${planted(name, "cookie")}`;
      return browsers.signIn(name, { cookie, user_agent: issued.user_agent, "x-bc": issued.x_bc, "x-device": planted(name, "device") });
    });
    const numbers = Array.from({ length: 45 }, (_, at) => at);
    const [pooled, browsing] = await Promise.all([
      pool.forEach(numbers, { concurrency: 6 }, (session) => {
        kept.push(shown(session));
        // Whoever runs this signs accounts in again whose sessions did not survive.
        for (const { account, reason } of pool.stats.members) if (reason === "expired") pool.restore(account);
        return marked(session.fetch, session.account, "/api/echo");
      }),
      forEach(numbers, { concurrency: 3 }, async (number) => {
        const session = sessions[number % 3];
        if (session?.status === "fulfilled") await marked(session.value.fetch, session.value.account, "/bundle/api/echo");
      }),
    ]);
    for (const one of [...pooled, ...browsing, ...sessions]) {
      kept.push(one.status === "rejected" ? one.reason : one);
      if (one.status === "rejected") assert.ok(!(one.reason instanceof assert.AssertionError), String(one.reason));
    }
    kept.push(client, browsers, pool, pool.stats, store);
    await Promise.allSettled([client.close(), browsers.close()]);
    await look(testbed, kept.map(shown).join("\n"), store);
    return pooled.filter(({ status }) => status === "fulfilled").length;
  } finally {
    await testbed.stop();
  }
}

async function look(testbed: Testbed, text: string, store: MemoryStore): Promise<void> {
  const secrets = new Map<string, string[]>();
  for (const name of NAMES) {
    const issued = await testbed.control<string[]>(`secrets?account=${name}`);
    assert.ok(issued.length > 4, `${name} was given tokens and a bundle`);
    secrets.set(name, [...issued, `planted-${name}-`]);
  }
  const recorded = await testbed.recorded();
  assert.ok(recorded.length > 45);
  const seen = new Set<string>();
  for (const request of recorded) {
    const owners = NAMES.filter((name) => secrets.get(name)?.some((secret) => request.includes(secret)));
    assert.ok(owners.length <= 1, `a request carries secrets of ${owners.join(" and ")}:\n${request}`);
    for (const owner of owners) seen.add(owner);
  }
  assert.equal(seen.size, NAMES.length, "every account's secrets are on its own requests, so that searching means something");
  const entries = (await store.list("hallpass")).entries;
  const records = await Promise.all(entries.map(({ key }) => store.load(key)));
  assert.ok(records.length >= NAMES.length);
  for (const secret of [...secrets.values()].flat()) {
    assert.ok(!text.includes(secret), `${secret} was shown`);
    for (const record of records) assert.ok(!Buffer.from(record?.sealed ?? []).toString("latin1").includes(secret));
  }
}

test("no account ever sends or shows another's secret, whatever the platform does", async () => {
  let served = 0;
  for (let seed = 0; seed < 3; seed++) served += await storm(seed);
  assert.ok(served > 60, `the storms let something through: ${served}`);
});
