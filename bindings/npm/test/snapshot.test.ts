// Does a client say truly how its sessions stand, also of those that are gone?

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client, MemoryStore } from "hallpass";

import { KEYS, password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
before(async () => {
  testbed = await Testbed.start("--open-registration");
});
after(() => testbed.stop());

test("what a client tells of its sessions is what the platform counted", async () => {
  const client = new Client({ platform: testbed.oauth(), store: new MemoryStore(), keys: KEYS });
  assert.deepEqual([client.stats().sessions, client.stats().totals.sessions], [[], 0]);
  const bob = await client.signIn("bob", { refresh_token: await testbed.grant("bob") });
  const alice = await client.signIn("alice", { refresh_token: await testbed.grant("alice") });
  await testbed.control("script", { path: "/api/items/5", action: { kind: "throttle", count: 1, retry_after: 0 } });
  assert.equal((await alice.fetch("/api/items/5")).status, 200);
  assert.equal((await bob.fetch("/api/items/6")).status, 200);
  await Promise.all([alice.save(), bob.save()]);
  const { at, sessions, totals } = client.stats();
  assert.deepEqual(sessions.map(({ platform, account }) => [platform, account]), [["testbed-oauth", "alice"], ["testbed-oauth", "bob"]]);
  const [one] = sessions;
  assert.ok(one !== undefined && one.age !== undefined && one.age >= 0 && one.age < 60_000);
  assert.ok(one.expiresAt !== undefined && one.expiresAt > at);
  assert.deepEqual([one.state, one.generation, one.inFlight, one.waiting], ["active", 1, 0, 0]);
  assert.deepEqual([one.lastError, one.isSaved, one.stats], [undefined, true, alice.stats]);
  assert.deepEqual([one.stats.calls, one.stats.attempts, one.stats.retries, one.stats.throttled], [1, 2, 1, 1]);
  assert.deepEqual([totals.sessions, totals.stats.calls, totals.stats.attempts, totals.stats.signIns], [2, 2, 3, 2]);
  for (const secret of await testbed.control<string[]>("secrets?account=alice")) {
    assert.ok(!JSON.stringify(client.stats()).includes(secret));
  }
  await client.close();
});

test("totals outlive their sessions and never go back", async () => {
  const client = new Client({ platform: testbed.json() });
  for (let calls = 1; calls <= 3; calls++) {
    const session = await client.signIn("carol", password("carol"));
    assert.equal((await session.fetch("/api/items/1")).status, 200);
    assert.deepEqual([client.stats().totals.sessions, client.stats().totals.stats.calls], [1, calls]);
    await session.close();
    assert.deepEqual([client.stats().totals.sessions, client.stats().totals.stats.calls], [0, calls]);
  }
  await assert.rejects(client.signIn("carol", { username: "carol", password: "wrong" }), { kind: "credentials_refused" });
  const { sessions, totals } = client.stats();
  assert.deepEqual([sessions, totals.stats.signIns, totals.stats.calls], [[], 3, 3]);
  await client.close();
});

test("calls under way are seen and the last error is named", async () => {
  const client = new Client({ platform: testbed.json() });
  const session = await client.signIn("dora", password("dora"));
  await testbed.control("script", { path: "/api/items/77", action: { kind: "stall" } });
  const controller = new AbortController();
  const hanging = session.fetch("/api/items/77", { signal: controller.signal });
  while (client.stats().totals.inFlight !== 1) await new Promise(setImmediate);
  controller.abort();
  await assert.rejects(hanging, { name: "AbortError" });
  assert.deepEqual([client.stats().totals.inFlight, client.stats().totals.stats.cancelled], [0, 1]);
  await testbed.control("script", { path: "/api/items/78", action: { kind: "stall" } });
  await assert.rejects(session.with({ timeout: 100 })("/api/items/78"), { kind: "timeout" });
  const [one] = client.stats().sessions;
  assert.deepEqual([one?.lastError, one?.isSaved, one?.stats.errors], ["timeout", undefined, 1]);
  await client.close();
});
