// Which laws does every store obey? Those of `tests/src/laws`, as functions over any store.

import assert from "node:assert/strict";

import { type Expected, type Expiry, type Page, type RecordKey, type Store, StoreError } from "hallpass";

/** A store under test, empty, and the clock that it reads. */
export interface Subject {
  readonly store: Store;
  readonly clock: { now: number };
}

/** A law: rejects where it is broken. */
export type Law = (subject: Subject) => Promise<void>;

/** The key of an account in the laws' namespace. */
export function key(account: string, namespace = "laws", platform = "example"): RecordKey {
  return { namespace, kind: "session", platform, account };
}

/** Bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Saves a text. */
export function save(store: Store, of: RecordKey, text: string, expected: Expected, expiry?: Expiry): Promise<number> {
  return store.save(of, bytes(text), expected, expiry);
}

async function conflicts(attempt: Promise<unknown>, present: number | undefined): Promise<void> {
  await assert.rejects(attempt, (error: unknown) => {
    assert.ok(error instanceof StoreError);
    assert.deepEqual([error.fault, error.present], ["conflict", present]);
    return true;
  });
}

/** Whether the key of alice holds a record. */
export async function isLive(store: Store): Promise<boolean> {
  return (await store.load(key("alice"))) !== undefined;
}

async function listed(store: Store, namespace: string, limit: number): Promise<[RecordKey, number][]> {
  const entries: [RecordKey, number][] = [];
  for (let after: string | undefined; ; ) {
    const page: Page = await store.list(namespace, after, limit);
    assert.ok(page.entries.length <= limit);
    assert.deepEqual(page.damaged, []);
    entries.push(...page.entries.map((entry): [RecordKey, number] => [entry.key, entry.version]));
    after = page.next;
    if (after === undefined) return entries;
  }
}

const IDLE = 60_000;

/** Every law under its sentence. */
export const LAWS: Readonly<Record<string, Law>> = {
  async "what was saved is loaded"({ store }) {
    assert.equal(await store.load(key("alice")), undefined);
    let expected: Expected = "absent";
    for (const size of [0, 1, 100, 4096, 70_000]) {
      const sealed = Uint8Array.from({ length: size }, (_, at) => at % 251);
      const version: number = await store.save(key("alice"), sealed, expected);
      const record = await store.load(key("alice"));
      assert.deepEqual([record?.version, Buffer.from(record?.sealed ?? [])], [version, Buffer.from(sealed)]);
      expected = version;
    }
  },

  async "a stale or wrong expectation changes nothing"({ store }) {
    const refuse = (expected: Expected, live: number | undefined): Promise<void> =>
      conflicts(save(store, key("alice"), "refused", expected), live);
    await refuse(0, undefined);
    await refuse(1, undefined);
    const first = await save(store, key("alice"), "first", "absent");
    await refuse("absent", first);
    await refuse(first + 1, first);
    const second = await save(store, key("alice"), "second", first);
    await refuse(first, second);
    const record = await store.load(key("alice"));
    assert.deepEqual([record?.version, Buffer.from(record?.sealed ?? []).toString()], [second, "second"]);
  },

  async "keys that differ in one part are apart"({ store }) {
    const keys: RecordKey[] = [
      key("alice"),
      { ...key("alice"), kind: "response" },
      key("alice", "law", "sexample"),
      key("lice", "laws", "examplea"),
      key("Alice"),
      key("../alice"),
      key("al/ice\0 \u{1f3ab}"),
      key("", "", ""),
      key("long".repeat(1000)),
    ];
    for (const [position, one] of keys.entries()) await save(store, one, String(position), "absent");
    for (const [position, one] of keys.entries()) {
      assert.equal(Buffer.from((await store.load(one))?.sealed ?? []).toString(), String(position));
    }
  },

  async "what was removed is absent"({ store }) {
    const alice = key("alice");
    assert.equal(await store.remove(alice, "any"), undefined);
    const version = await save(store, alice, "sealed", "absent");
    await save(store, key("bob"), "bob's", "absent");
    assert.equal(await store.remove(alice, version), version);
    assert.equal(await store.load(alice), undefined);
    assert.equal(await store.touch(alice), undefined);
    assert.equal(await store.remove(alice, "any"), undefined);
    assert.equal(await store.remove(alice, "absent"), undefined);
    assert.equal((await store.list("laws", undefined, 10)).entries.length, 1);
    assert.ok(await store.load(key("bob")));
  },

  async "a removal refuses a wrong expectation"({ store }) {
    const alice = key("alice");
    const first = await save(store, alice, "first", "absent");
    const second = await save(store, alice, "second", first);
    for (const expected of [first, "absent"] as const) await conflicts(store.remove(alice, expected), second);
    assert.equal((await store.load(alice))?.version, second);
    await store.remove(alice, second);
    await conflicts(store.remove(alice, second), undefined);
  },

  async "versions grow across removals"({ store }) {
    let last = 0;
    for (let round = 0; round < 5; round++) {
      const version = await save(store, key("alice"), "sealed", "absent");
      assert.ok(version > last);
      await store.remove(key("alice"), version);
      await conflicts(save(store, key("alice"), "stale", version), undefined);
      last = version;
    }
  },

  async "any takes whatever is there"({ store }) {
    const first = await save(store, key("alice"), "first", "any");
    const second = await save(store, key("alice"), "second", "any");
    assert.ok(second > first);
    assert.equal(await store.remove(key("alice"), "any"), second);
    assert.ok((await save(store, key("alice"), "third", "any")) > second);
  },

  async "what a caller does to its bytes later changes nothing"({ store }) {
    const sealed = bytes("sealed");
    await store.save(key("alice"), sealed, "absent");
    sealed.fill(0);
    (await store.load(key("alice")))?.sealed.fill(0);
    assert.equal(Buffer.from((await store.load(key("alice")))?.sealed ?? []).toString(), "sealed");
  },

  async "idle time ends a record"({ store, clock }) {
    await save(store, key("alice"), "sealed", "absent", { idle: IDLE });
    clock.now += IDLE - 1;
    assert.ok(await isLive(store));
    clock.now += 1;
    assert.ok(!(await isLive(store)));
  },

  async "a touch extends without rewriting"({ store, clock }) {
    const version = await save(store, key("alice"), "sealed", "absent", { idle: IDLE });
    const before = await store.load(key("alice"));
    for (let round = 0; round < 5; round++) {
      clock.now += IDLE - 1;
      assert.equal(await store.touch(key("alice")), version);
    }
    assert.deepEqual(await store.load(key("alice")), before);
    clock.now += IDLE;
    assert.equal(await store.touch(key("alice")), undefined);
    assert.ok(!(await isLive(store)));
  },

  async "the absolute end is never moved"({ store, clock }) {
    await save(store, key("alice"), "sealed", "absent", { idle: IDLE, absolute: clock.now + IDLE * 3 });
    for (let round = 0; round < 5; round++) {
      clock.now += IDLE / 2;
      assert.ok(await store.touch(key("alice")));
    }
    clock.now += IDLE / 2 - 1;
    assert.ok(await isLive(store));
    clock.now += 1;
    assert.equal(await store.touch(key("alice")), undefined);
    assert.ok(!(await isLive(store)));
  },

  async "a save replaces the expiry"({ store, clock }) {
    const first = await save(store, key("alice"), "sealed", "absent", { idle: IDLE, absolute: clock.now + IDLE });
    const second = await save(store, key("alice"), "sealed", first);
    clock.now += IDLE * 1000;
    assert.equal(await store.touch(key("alice")), second);
    await save(store, key("alice"), "sealed", second, { absolute: clock.now });
    assert.ok(!(await isLive(store)));
  },

  async "an ended record is absent to every method"({ store, clock }) {
    const alice = key("alice");
    const ended = await save(store, alice, "sealed", "absent", { idle: IDLE });
    clock.now += IDLE;
    assert.equal(await store.load(alice), undefined);
    assert.equal(await store.touch(alice), undefined);
    assert.equal(await store.remove(alice, "any"), undefined);
    assert.deepEqual((await store.list("laws", undefined, 10)).entries, []);
    await conflicts(save(store, alice, "stale", ended), undefined);
    assert.ok((await save(store, alice, "again", "absent")) > ended);
  },

  async "pages hold every record once"({ store }) {
    assert.deepEqual(await listed(store, "laws", 3), []);
    const saved = new Map<string, number>();
    for (let number = 0; number < 17; number++) {
      saved.set(`account ${number}`, await save(store, key(`account ${number}`), "sealed", "absent"));
    }
    for (const page of [1, 2, 5, 16, 17, 18, 1000]) {
      const entries = await listed(store, "laws", page);
      assert.equal(entries.length, 17, `pages of ${page}`);
      assert.deepEqual(Object.fromEntries(entries.map(([of, version]) => [of.account, version])), Object.fromEntries(saved));
    }
  },

  async "a listing sees its own namespace only"({ store }) {
    const namespaces = ["", "law", "laws", "laws2", "LAWS"];
    for (const namespace of namespaces) {
      await save(store, key("alice", namespace), "sealed", "absent");
      await save(store, { ...key("alice", namespace), kind: "response" }, "sealed", "absent");
    }
    for (const namespace of namespaces) {
      const entries = await listed(store, namespace, 1);
      assert.equal(entries.length, 2);
      assert.ok(entries.every(([of]) => of.namespace === namespace));
    }
    assert.deepEqual(await listed(store, "nobody's", 1), []);
  },

  async "a listing holds what loads"({ store }) {
    const first = await save(store, key("alice"), "first", "absent");
    const second = await save(store, key("alice"), "second", first);
    await save(store, key("bob"), "sealed", "absent");
    await store.remove(key("bob"), "any");
    assert.deepEqual(await listed(store, "laws", 10), [[key("alice"), second]]);
  },

  async "records live throughout are listed while others change"({ store }) {
    for (let number = 0; number < 10; number++) {
      await save(store, key(`stays ${number}`), "sealed", "absent");
      await save(store, key(`goes ${number}`), "sealed", "absent");
    }
    const accounts: string[] = [];
    let after: string | undefined;
    for (let number = 0; ; number++) {
      const page: Page = await store.list("laws", after, 3);
      accounts.push(...page.entries.map((entry) => entry.key.account));
      after = page.next;
      if (after === undefined) break;
      await store.remove(key(`goes ${number}`), "any");
      await save(store, key(`comes ${number}`), "sealed", "any");
    }
    const stays = accounts.filter((account) => account.startsWith("stays")).sort();
    assert.deepEqual(stays, Array.from({ length: 10 }, (_, number) => `stays ${number}`));
  },

  async "of writers that expect the same exactly one wins"({ store }) {
    let expected: Expected = "absent";
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, writer) => save(store, key("alice"), `${round} ${writer}`, expected)),
      );
      const winners = outcomes.flatMap((outcome, writer) =>
        outcome.status === "fulfilled" ? [{ writer, version: outcome.value }] : [],
      );
      assert.equal(winners.length, 1, `round ${round}`);
      const [{ writer, version }] = winners as [{ writer: number; version: number }];
      const record = await store.load(key("alice"));
      assert.deepEqual([record?.version, Buffer.from(record?.sealed ?? []).toString()], [version, `${round} ${writer}`]);
      expected = version;
    }
  },

  async "a reader never misses a record that is being replaced"({ store }) {
    let version = await save(store, key("alice"), "0".repeat(1000), "absent");
    let isDone = false;
    const readers = Array.from({ length: 4 }, async () => {
      for (let last = 0; !isDone; ) {
        const record = await store.load(key("alice"));
        assert.ok(record && record.version >= last);
        assert.ok(record.sealed.length === 1000 && record.sealed.every((byte) => byte === record.sealed[0]));
        last = record.version;
        await new Promise(setImmediate);
      }
    });
    for (let round = 0; round < 100; round++) {
      version = await save(store, key("alice"), String(round % 10).repeat(1000), version);
    }
    isDone = true;
    await Promise.all(readers);
  },

  async "a removal and a save of one version do not both win"({ store }) {
    for (let round = 0; round < 20; round++) {
      const version = await save(store, key("alice"), "sealed", "any");
      const [removed, saved] = await Promise.allSettled([
        store.remove(key("alice"), version),
        save(store, key("alice"), "newer", version),
      ]);
      const live = (await store.load(key("alice")))?.version;
      assert.notEqual(removed.status, saved.status);
      if (removed.status === "fulfilled") assert.deepEqual([removed.value, live], [version, undefined]);
      if (saved.status === "fulfilled") assert.equal(live, saved.value);
    }
  },
};
