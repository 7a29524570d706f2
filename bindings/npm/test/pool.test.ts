// Do the sessions of several accounts serve as one, and does every item of a list have its outcome?

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, forEach, HallpassError, MemoryStore, type PoolOptions, type SessionPool } from "hallpass";

import { KEYS, password, Testbed } from "./support/testbed.js";

const NAMES = ["alice", "bob", "carol"];

async function stage(context: { after: (end: () => Promise<void>) => void }, more: Partial<PoolOptions> = {}): Promise<[Testbed, SessionPool, Client]> {
  const testbed = await Testbed.start();
  const client = new Client({ platform: testbed.json() });
  context.after(async () => {
    await client.close();
    await testbed.stop();
  });
  return [testbed, client.pool({ accounts: NAMES, credentials: password, ...more }), client];
}

function kindOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => assert.fail("it went well"),
    (error: unknown) => (error instanceof HallpassError ? error.kind : String(error)),
  );
}

test("accounts sign in when they are first given, take turns, and are counted", async (context) => {
  const [testbed, pool] = await stage(context);
  assert.equal((await testbed.stats()).sign_ins.total, 0);
  const given: string[] = [];
  for (let round = 0; round < 6; round++) {
    const lease = await pool.acquire();
    given.push(lease.account);
    assert.equal((await lease.session.fetch("/api/items/1")).status, 200);
    lease.release();
    lease.release();
    assert.equal(await kindOf(lease.session.fetch("/api/items/1")), "closed");
  }
  assert.deepEqual(given, [...NAMES, ...NAMES]);
  assert.equal((await testbed.stats()).sign_ins.total, 3);
  const { asked, released, held, members } = pool.stats;
  assert.deepEqual([asked, released, held], [6, 6, 0]);
  assert.deepEqual(members.map(({ account, uses, good, health, reason }) => [account, uses, good, health, reason]), NAMES.map((name) => [name, 2, 2, 1000, undefined]));
});

test("sixty at once share three accounts, two each at a time, in the order in which they asked", async (context) => {
  const [testbed, pool] = await stage(context, { concurrent: 2, policy: "least_used" });
  const busy = new Map<string, number>();
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 60 }, async (_, number) => {
      const lease = await pool.acquire();
      order.push(number);
      const now = (busy.get(lease.account) ?? 0) + 1;
      busy.set(lease.account, now);
      assert.ok(now <= 2);
      assert.equal((await lease.session.fetch(`/api/items/${number}`)).status, 200);
      busy.set(lease.account, (busy.get(lease.account) ?? 0) - 1);
      lease.release("good");
    }),
  );
  assert.deepEqual(order.slice(6), [...order.slice(6)].sort((a, b) => a - b));
  assert.equal((await testbed.stats()).sign_ins.total, 3);
  assert.deepEqual([pool.stats.claims, pool.stats.released, pool.stats.waiting], [60, 60, 0]);
});

test("throttled, banned and expired accounts are passed over for reasons of their own", async (context) => {
  const [testbed, pool] = await stage(context);
  await testbed.control("script", { path: "/api", account: "alice", action: { kind: "throttle", count: 1, retry_after: 3600 } });
  const cooling = await pool.acquire();
  assert.equal((await cooling.session.fetch("/api/items/1")).status, 429);
  assert.equal(pool.stats.members[0]?.reason, "cooling", "at once");
  cooling.release();
  (await pool.acquire()).release("banned");
  assert.equal(await kindOf((async () => {
    const lease = await pool.acquire();
    assert.equal(lease.account, "carol");
    await pool.acquire({ timeout: 20 });
  })()), "pool_exhausted");
  const [alice, bob, carol] = pool.stats.members;
  assert.deepEqual([alice?.health, alice?.throttled, bob?.reason, carol?.leases], [1000, 1, "banned", 1]);
  assert.ok((alice?.until?.getTime() ?? 0) > Date.now() + 3_000_000);
  assert.ok(pool.restore("bob") && pool.ban("alice", "enough") && !pool.ban("dave", "unknown"));
  assert.equal(pool.stats.members[0]?.why, "enough");
  assert.equal((await pool.acquire()).account, "bob");
});

test("an account that does not open is passed over, and the last one says why", async (context) => {
  const [testbed, pool] = await stage(context, { credentials: (name) => ({ username: name, password: "wrong" }) });
  const error = await pool.acquire().then(() => assert.fail(), (thrown: unknown) => thrown as HallpassError);
  assert.equal(error.kind, "pool_empty");
  assert.match(error.message, /3 expired/);
  assert.equal((error.cause as HallpassError).kind, "credentials_refused");
  assert.equal((await testbed.stats()).sign_ins.refused, 3, "each was tried once");
  assert.equal(await kindOf(pool.acquire()), "pool_empty");
});

test("an account whose session has ended signs in again when it is next given", async (context) => {
  const [testbed, pool] = await stage(context, { accounts: ["alice"] });
  for (const signIns of [1, 2, 3]) {
    const lease = await pool.acquire();
    assert.equal((await lease.session.fetch("/api/items/1")).status, 200);
    assert.equal((await testbed.stats()).sign_ins.total, signIns);
    await testbed.control("revoke?account=alice");
    await lease.session.fetch("/api/items/1").then((answer) => assert.equal(answer.status, 401), (error: unknown) => assert.equal((error as HallpassError).fault, "account"));
    lease.release();
  }
  const lease = await pool.acquire();
  lease.release("expired");
  assert.equal(await kindOf(pool.acquire()), "pool_empty");
});

test("a key comes back to its account and waits for it", async (context) => {
  const [, pool] = await stage(context, { policy: "sticky" });
  const lease = await pool.acquire({ key: "visitor" });
  assert.equal(await kindOf(pool.acquire({ key: "visitor", timeout: 10 })), "pool_exhausted");
  const waiting = pool.acquire({ key: "visitor" });
  const controller = new AbortController();
  const aborted = pool.acquire({ key: "visitor", signal: controller.signal });
  controller.abort("changed my mind");
  assert.equal(await kindOf(aborted), "changed my mind");
  const { account } = lease;
  lease.release();
  assert.equal((await waiting).account, account);
  assert.equal(pool.stats.cancelled, 1);
});

test("a pool drains, and resumes what is saved without signing in", async (context) => {
  const testbed = await Testbed.start();
  context.after(() => testbed.stop());
  const store = new MemoryStore();
  const options = { platform: testbed.json(), store, keys: KEYS };
  const before = new Client(options);
  const pool = before.pool({ accounts: NAMES, credentials: password });
  const leases = await Promise.all(NAMES.map(() => pool.acquire()));
  const waiting = kindOf(pool.acquire());
  await leases[0]?.session.validate();
  assert.ok((leases[0]?.session.expiresAt?.getTime() ?? 0) > Date.now());
  assert.equal(await kindOf(pool.drain({ within: 5 })), "timeout");
  const drained = pool.drain({ within: 60_000 });
  assert.equal(await waiting, "closed");
  for (const lease of leases) lease.release();
  await drained;
  await before.close();
  const after = new Client(options);
  const resumed = after.pool({ accounts: (await after.sessions()).map(({ account }) => account) });
  const again = await resumed.acquire();
  assert.equal((await again.session.fetch("/api/items/1")).status, 200);
  again.release();
  await resumed.drain();
  assert.equal(await kindOf(resumed.acquire()), "closed");
  assert.equal((await testbed.stats()).sign_ins.total, 3);
  await after.close();
});

test("options that do not exist are refused", async (context) => {
  const [, , client] = await stage(context);
  const wrong = { accounts: [], concurent: 1 } as unknown as PoolOptions;
  assert.throws(() => client.pool(wrong), /did you mean `concurrent`/);
  assert.throws(() => client.pool({ accounts: [], policy: "random" as "sticky" }), /round_robin/);
  assert.equal(await kindOf(client.pool({ accounts: [] }).acquire()), "pool_empty");
});

test("forEach keeps order and loses nothing to a failure, a stop rule or an abort", async () => {
  let running = 0;
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
  };
  const outcomes = await forEach([3, 0, 2, 1], { concurrency: 2 }, async (count, index) => {
    assert.ok(++running <= 2);
    await turns(count);
    running--;
    if (index === 1) throw new Error("one");
    return count * 10;
  });
  assert.deepEqual(outcomes.map((one) => [one.index, one.status]), [[0, "fulfilled"], [1, "rejected"], [2, "fulfilled"], [3, "fulfilled"]]);
  assert.deepEqual(outcomes.map((one) => (one.status === "fulfilled" ? one.value : 0)), [30, 0, 20, 10]);
  const stopped = await forEach([1, 2, 3, 4, 5], { stopAfter: 2 }, (item) => (item % 2 === 0 ? Promise.reject(item) : item));
  assert.deepEqual(stopped.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "rejected", "cancelled"]);
  const controller = new AbortController();
  const aborted = await forEach([1, 2, 3], { signal: controller.signal }, (item) => (item === 2 ? controller.abort() : undefined));
  assert.deepEqual(aborted.map(({ status }) => status), ["fulfilled", "fulfilled", "cancelled"]);
  assert.deepEqual(await forEach([], { concurrency: 9 }, () => 1), []);
  await assert.rejects(forEach([1], { concurrency: 0 }, () => 1), /concurrency/);
});

test("a hundred items over three accounts keep their order although one fails", async (context) => {
  const [testbed, pool] = await stage(context);
  await testbed.control("script", { path: "/api/items/77", action: { kind: "status", status: 404, headers: {}, body: "" } });
  const outcomes = await pool.forEach(Array.from({ length: 100 }, (_, at) => at), { concurrency: 8 }, async (session, number) => {
    const response = await session.fetch(`/api/items/${number}`);
    if (!response.ok) throw new Error(String(response.status));
    return ((await response.json()) as { number: number }).number;
  });
  outcomes.forEach((one, at) => {
    if (at === 77) assert.equal(one.status, "rejected");
    else assert.deepEqual(one, { index: at, status: "fulfilled", value: at });
  });
  assert.deepEqual([pool.stats.released, pool.stats.held], [100, 0]);
});
