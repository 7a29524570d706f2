// Which laws does every store obey that has leases? Those of `tests/src/laws/leases.rs`.

import assert from "node:assert/strict";

import type { RecordKey, Store } from "hallpass";

import { isLive, key, type Law, save } from "./laws.js";

const HOLD = 30_000;

/** The lease methods of a store that declares them. */
function leases(store: Store): Required<Pick<Store, "lease" | "release">> & { take(account: string): Promise<number> } {
  const lease = (of: RecordKey, hold: number): Promise<number | undefined> => {
    assert.ok(store.lease);
    return store.lease(of, hold);
  };
  return {
    lease,
    async release(of, number) {
      assert.ok(store.release);
      return store.release(of, number);
    },
    async take(account) {
      const number = await lease(key(account), HOLD);
      assert.ok(number !== undefined, `nobody holds ${account}'s lease`);
      return number;
    },
  };
}

/** Every law of leases under its sentence, for stores that declare them. */
export const LEASE_LAWS: Readonly<Record<string, Law>> = {
  async "of those that ask at once exactly one holds the lease"({ store, clock }) {
    const { lease, release } = leases(store);
    const race = async (): Promise<(number | undefined)[]> =>
      Promise.all(Array.from({ length: 8 }, () => lease(key("alice"), HOLD)));
    for (let round = 0, last = 0; round < 20; round++) {
      const granted = (await race()).filter((number) => number !== undefined);
      assert.equal(granted.length, 1, `round ${round}`);
      const number = granted[0] as number;
      assert.ok(number > last, `round ${round}: ${number} after ${last}`);
      assert.deepEqual(new Set(await race()), new Set([undefined]), `round ${round}: it is held`);
      last = number;
      if (round % 2 === 0) assert.equal(await release(key("alice"), number), true);
      else clock.now += HOLD;
    }
  },

  async "a lease ends by its time"({ store, clock }) {
    const { lease, take } = leases(store);
    const first = await take("alice");
    clock.now += HOLD - 1;
    assert.equal(await lease(key("alice"), HOLD), undefined);
    clock.now += 1;
    const second = (await lease(key("alice"), 1)) ?? 0;
    assert.ok(second > first);
    clock.now += 1;
    assert.ok((await take("alice")) > second, "each has its own time");
  },

  async "numbers of leases only grow"({ store, clock }) {
    const { release, take } = leases(store);
    let last = await take("alice");
    for (let round = 0; round < 12; round++) {
      if (round % 3 === 0) assert.equal(await release(key("alice"), last), true);
      else clock.now += round % 3 === 1 ? HOLD : HOLD * 1000;
      const number = await take("alice");
      assert.ok(number > last, `round ${round}: ${number} after ${last}`);
      last = number;
    }
  },

  async "letting go of an old lease changes nothing"({ store, clock }) {
    const { lease, release, take } = leases(store);
    const alice = key("alice");
    assert.equal(await release(alice, 1), false, "nobody holds it");
    const first = await take("alice");
    assert.equal(await release(alice, first + 1), false, "a number never given");
    assert.equal(await lease(alice, HOLD), undefined);
    assert.equal(await release(alice, first), true);
    assert.equal(await release(alice, first), false, "a second time");
    const second = await take("alice");
    assert.equal(await release(alice, first), false, "an old number");
    assert.equal(await lease(alice, HOLD), undefined, "the second holds on");
    clock.now += HOLD;
    assert.equal(await release(alice, second), false, "after its end");
    await take("alice");
  },

  async "a lease is no record"({ store }) {
    const { release, take } = leases(store);
    const alice = key("alice");
    const number = await take("alice");
    assert.equal(await store.load(alice), undefined);
    assert.equal(await store.touch(alice), undefined);
    assert.equal(await store.remove(alice, "any"), undefined);
    assert.deepEqual((await store.list("laws", undefined, 10)).entries, []);
    await save(store, alice, "sealed", "absent");
    assert.equal(await release(alice, number), true);
    assert.ok(await isLive(store));
  },

  async "a lease blocks no other method"({ store }) {
    const { lease, release, take } = leases(store);
    const alice = key("alice");
    const number = await take("alice");
    const first = await save(store, alice, "first", "absent");
    assert.equal(await store.touch(alice), first);
    const second = await save(store, alice, "second", first);
    assert.equal((await store.load(alice))?.version, second);
    assert.equal((await store.list("laws", undefined, 10)).entries.length, 1);
    assert.equal(await store.remove(alice, second), second);
    assert.ok((await save(store, alice, "third", "absent")) > second);
    assert.equal(await lease(alice, HOLD), undefined);
    assert.equal(await release(alice, number), true);
  },

  async "leases of two keys are apart"({ store }) {
    const { lease, release, take } = leases(store);
    const alice = await take("alice");
    const bob = await take("bob");
    assert.equal(await release(key("bob"), bob), true);
    assert.equal(await lease(key("alice"), HOLD), undefined);
    const again = await take("bob");
    assert.equal(await release(key("alice"), alice), true);
    assert.equal(await lease(key("bob"), HOLD), undefined);
    assert.equal(await release(key("bob"), again), true);
  },
};
