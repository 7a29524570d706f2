// Do the stores obey the laws, and does the file store write what Rust writes?

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { MemoryStore, type RecordKey, StoreError } from "hallpass";
import { FileStore, keysFromEnvironment, keysFromFile } from "hallpass/node";

import { digestOf } from "../src/node/format.js";
import { Leases } from "../src/node/leases.js";
import { Slot } from "../src/node/slot.js";
import { bytes, key, LAWS } from "./laws/laws.js";
import { LEASE_LAWS } from "./laws/leases.js";
import { program, vectors } from "./support/paths.js";
import { SAVED, sealedAs } from "./support/saver.js";

const NOW = 1_767_225_600_000;

async function folder(context: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "hallpass-"));
  context.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

for (const [sentence, law] of Object.entries({ ...LAWS, ...LEASE_LAWS })) {
  test(`memory: ${sentence}`, async () => {
    const clock = { now: NOW };
    await law({ store: new MemoryStore({ now: () => clock.now }), clock });
  });
  test(`files: ${sentence}`, async (context) => {
    const clock = { now: NOW };
    await law({ store: await FileStore.open(await folder(context), { now: () => clock.now }), clock });
  });
}


interface Vector {
  readonly name: string;
  readonly key: RecordKey;
  readonly version: number;
  readonly idle_ms: number | null;
  readonly absolute_ms: number | null;
  readonly sealed: string | null;
  readonly folder: string;
  readonly file: string;
  readonly content: string;
}

const FILES = vectors<{ files: Vector[] }>("file-store/v1.json").files;

test("every released version file is read", async (context) => {
  for (const vector of FILES) {
    const root = await folder(context);
    await mkdir(join(root, vector.folder));
    const path = join(root, vector.folder, vector.file);
    await writeFile(path, Buffer.from(vector.content, "hex"));
    await utimes(path, (NOW + 0.5) / 1000, (NOW + 0.5) / 1000);
    const record = await (await FileStore.open(root, { now: () => NOW })).load(vector.key);
    const isLive = vector.sealed !== null && (vector.absolute_ms === null || NOW < vector.absolute_ms);
    const found = record && [record.version, Buffer.from(record.sealed).toString("hex")];
    assert.deepEqual(found, isLive ? [vector.version, vector.sealed] : undefined, vector.name);
  }
});

test("the same save gives the same file", async (context) => {
  for (const vector of FILES) {
    const root = await folder(context);
    const store = await FileStore.open(root, { now: () => NOW });
    await store.save(vector.key, bytes("first"), "absent");
    const before = join(root, vector.folder, "1");
    if (vector.version > 1) await rename(before, join(root, vector.folder, String(vector.version - 1)));
    else await unlink(before);
    if (vector.sealed === null) {
      await store.remove(vector.key, "any");
    } else {
      const expiry = { idle: vector.idle_ms ?? undefined, absolute: vector.absolute_ms ?? undefined };
      assert.equal(await store.save(vector.key, Buffer.from(vector.sealed, "hex"), "any", expiry), vector.version);
    }
    const written = await readFile(join(root, vector.folder, vector.file));
    assert.equal(written.toString("hex"), vector.content, vector.name);
  }
});

test("a file's time is the writer's clock to the millisecond, and folders and files are their owner's", async (context) => {
  const root = join(await folder(context), "new");
  for (let ms = 0; ms < 200; ms++) {
    const store = await FileStore.open(root, { now: () => NOW + ms });
    await store.save(key(`account ${ms}`), bytes("x"), "absent");
    const path = join(root, digestOf(key(`account ${ms}`)));
    const { mtimeNs, mode } = await stat(join(path, "1"), { bigint: true });
    assert.equal(mtimeNs / 1_000_000n, BigInt(NOW + ms));
    assert.equal(Number(mode) & 0o777, 0o600);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  }
  assert.equal((await stat(root)).mode & 0o777, 0o700);
});

test("every altered or cut file is damage and never a miss", async (context) => {
  const root = await folder(context);
  const store = await FileStore.open(root);
  await store.save(key("alice"), bytes("sealed"), "absent");
  const path = join(root, digestOf(key("alice")), "1");
  const whole = await readFile(path);
  const fault = async (content: Buffer): Promise<string> => {
    await writeFile(path, content);
    return store.load(key("alice")).then(
      () => "none",
      (error: StoreError) => error.fault,
    );
  };
  for (let at = 0; at < whole.length; at++) {
    const altered = Buffer.from(whole);
    altered[at] = (altered[at] as number) ^ 0x10;
    assert.equal(await fault(altered), at === 4 ? "unsupported" : "damaged", `byte ${at}`);
    assert.equal(await fault(whole.subarray(0, at)), "damaged", `cut to ${at}`);
  }
  assert.equal(await fault(Buffer.concat([whole, Buffer.from("x")])), "damaged");
  assert.deepEqual((await store.list("laws")).damaged, [digestOf(key("alice"))]);
  await assert.rejects(store.save(key("alice"), bytes("x"), 1), { fault: "damaged" });
  assert.equal(await store.save(key("alice"), bytes("x"), "any"), 2);
});

test("a writer stopped until its version was replaced and pruned is refused", async (context) => {
  const root = await folder(context);
  const store = await FileStore.open(root);
  for (const expected of ["absent", 1, 2] as const) await store.save(key("alice"), bytes("x"), expected);
  // Looked when the first version was present, and comes only now; the second's name is free again.
  assert.equal(await new Slot(root, digestOf(key("alice"))).place(2, Buffer.from("stale"), Date.now()), false);
  assert.deepEqual(await readdir(join(root, digestOf(key("alice")))), ["3"]);
});

test("what cannot be read is an error and never a miss", async (context) => {
  const root = await folder(context);
  const store = await FileStore.open(root);
  await writeFile(join(root, digestOf(key("alice"))), "a file where a folder should be");
  await assert.rejects(store.load(key("alice")), { fault: "unavailable" });
  await rm(root, { recursive: true });
  await assert.rejects(store.load(key("alice")), { fault: "unavailable" });
  await assert.rejects(store.list("laws"), { fault: "unavailable" });
});

test("writers in Rust and in JavaScript share a record and none overwrites another's", async (context) => {
  const root = await folder(context);
  const store = await FileStore.open(root);
  const shared: RecordKey = await sharedKey(root);
  const before = (await store.load(shared))?.version ?? 0;
  const rust = [accepted(root, 40), accepted(root, 40)];
  const ours: number[] = [];
  while (ours.length < 40) {
    const present = await store.load(shared);
    try {
      ours.push(await store.save(shared, present?.sealed ?? bytes("x"), present?.version ?? "absent"));
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== "conflict") throw error;
    }
  }
  const all = [...(await Promise.all(rust)).flat(), ...ours].sort((a, b) => a - b);
  assert.equal(new Set(all).size, 120, "no version is accepted twice");
  assert.deepEqual(all, Array.from({ length: 120 }, (_, at) => before + at + 1));
});

test("a taker of a lease who was stopped for long gets nothing and takes nothing", async (context) => {
  const root = await folder(context);
  const clock = { now: NOW };
  const store = await FileStore.open(root, { now: () => clock.now });
  for (let number = 1; number <= 4; number++) {
    clock.now += 1000;
    assert.equal(await store.lease(key("alice"), 1000), number);
  }
  const leases = new Leases(root, digestOf(key("alice")));
  // Saw the second end, and comes only now; the third's name is free again.
  assert.equal(await leases.place(3, clock.now + 1000, () => clock.now), false);
  assert.deepEqual(await readdir(join(root, digestOf(key("alice")))), ["lease-4"]);
  // What it takes ends before it knows.
  assert.equal(await leases.place(5, clock.now, () => clock.now), false);
  assert.equal(await store.lease(key("alice"), Number.POSITIVE_INFINITY), 6);
  const { mtimeNs } = await stat(join(root, digestOf(key("alice")), "lease-6"), { bigint: true });
  assert.equal(mtimeNs / 1_000_000n, BigInt(clock.now + 600_000), "ten minutes at most");
  clock.now -= 60_000;
  assert.equal(await store.lease(key("alice"), 1000), undefined, "clocks differ a little");
  clock.now -= 1;
  assert.equal(await store.lease(key("alice"), 1000), 7, "an end further ahead is of a clock that was set back");
});

test("processes in Rust and in JavaScript take one lease in turns", async (context) => {
  const root = join(await folder(context), "sessions");
  const shared = await sharedKey(root);
  const script = fileURLToPath(new URL("./support/holder.js", import.meta.url));
  const granted = await Promise.all([
    told(program("store-holder"), [root, "60"]),
    told(program("store-holder"), [root, "60"]),
    told(process.execPath, [script, root, "60", JSON.stringify(shared)]),
    told(process.execPath, [script, root, "60", JSON.stringify(shared)]),
  ]);
  for (const numbers of granted) assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), "numbers grow");
  const all = granted.flat();
  assert.equal(all.length, 240);
  assert.equal(new Set(all).size, 240, "no lease is granted twice");
  const left = (await readdir(join(root, digestOf(shared)))).filter((name) => name !== "1");
  assert.equal(left.length, 1, `only the last lease is left: ${left.join()}`);
});

/** The key that the Rust writer saves under, read from what it left. */
async function sharedKey(root: string): Promise<RecordKey> {
  await accepted(root, 1);
  const [digest] = await readdir(root);
  const file = await readFile(join(root, digest as string, "1"));
  const parts: string[] = [];
  for (let at = 26; parts.length < 4; ) {
    const length = file.readUInt32BE(at);
    parts.push(file.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  const [namespace, kind, platform, account] = parts as [string, "session", string, string];
  return { namespace, kind, platform, account };
}

/** Runs the Rust writer; the versions that it was told were accepted. */
function accepted(root: string, count: number): Promise<number[]> {
  return told(program("store-writer"), [root, String(count)]);
}

/** Runs a program to its end; the numbers that it told. */
function told(path: string, args: readonly string[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(text.trim().split("\n").map(Number)) : reject(new Error(String(code)))));
  });
}

test("whoever is killed while saving leaves the old record or the new one, whole", async (context) => {
  const root = await folder(context);
  let before = 0;
  let replaced = 0;
  for (let kill = 0; kill < 50; kill++) {
    const told = await toldUntilKilled(root, 1 + (kill % 4));
    assert.deepEqual(told, Array.from(told, (_, at) => before + 1 + at), "a killed writer's successor goes on from its record");
    const last = told.at(-1) as number;
    const record = await (await FileStore.open(root)).load(SAVED);
    assert.ok(record !== undefined, `kill ${kill}: neither the old nor the new record`);
    assert.ok(record.version === last || record.version === last + 1, `kill ${kill}: ${record.version} after ${last}`);
    assert.ok(Buffer.from(sealedAs(record.version)).equals(record.sealed), `kill ${kill}: ${record.version} is not whole`);
    if (record.version > last) replaced += 1;
    before = record.version;
  }
  const left = await readdir(join(root, digestOf(SAVED)));
  const abandoned = left.filter((name) => name.startsWith("tmp-")).length;
  context.diagnostic(`${before} versions; ${replaced} kills after and ${abandoned} with a file on its way`);
  assert.ok(before > 50, "every writer saved before it was killed");
  assert.ok(abandoned > 0, "some were killed in the middle of a save");
});

/** Runs the writer that never ends and kills it within a save or two of so many accepted versions; the versions that it told. */
function toldUntilKilled(root: string, saves: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL("./support/saver.js", import.meta.url));
    const child = spawn(process.execPath, [script, root], { stdio: ["ignore", "pipe", "inherit"] });
    let told = "";
    let isDoomed = false;
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      if (isDoomed || told.split("\n").length <= saves) return;
      isDoomed = true;
      // Anywhere in the loop: most saves take a few milliseconds.
      setTimeout(() => child.kill("SIGKILL"), Math.random() * 12);
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(told.trim().split("\n").map(Number));
      else reject(new Error(`the writer ended by itself: ${code ?? signal}`));
    });
  });
}

test("keys come from the environment, or say what is missing", () => {
  const keys = `k:${Buffer.alloc(32, 1).toString("base64")}`;
  assert.equal(keysFromEnvironment({ HALLPASS_KEY: keys }), keys);
  assert.throws(() => keysFromEnvironment({}), { kind: "key_missing" });
  assert.throws(() => keysFromEnvironment({ HALLPASS_KEY: "nonsense" }), { kind: "key_invalid" });
});

test("a key file is minted only for a store that holds nothing", async (context) => {
  const root = await folder(context);
  const store = await FileStore.open(join(root, "sessions"));
  const path = join(root, "key");
  const minted = await Promise.all([keysFromFile(path, store), keysFromFile(path, store), keysFromFile(path, store)]);
  assert.equal(new Set(minted).size, 1, "whoever is first mints, the others read");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await store.save(key("alice"), bytes("sealed"), "absent");
  assert.equal(await keysFromFile(path, store), minted[0]);
  await assert.rejects(keysFromFile(join(root, "other"), store), { kind: "key_missing" });
  await assert.rejects(stat(join(root, "other")));
});
