// Is a document that signers need fetched once for all who ask, without credentials, and still had when its host is gone?

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, HallpassError, Rules, type Runtime } from "hallpass";

import { listen } from "./support/listener.js";
import { VirtualTime } from "./support/time.js";

/** A clock that the test sets; fetches are real. */
function clock(): Partial<Runtime> & { now: number } {
  const made = { now: 0, mono: () => made.now, wall: () => 1_700_000_000_000 + made.now };
  return made;
}

const PLATFORM = { id: "ruled", base_url: "http://127.0.0.1:9", sign_in: { bearer: {} } };

test("however many ask it is fetched once, bare, and again by its tag when its time is over", async (context) => {
  const { url, heard } = await listen(context, ({ headers }, response) => {
    response.setHeader("etag", '"1"');
    response.statusCode = headers["if-none-match"] === '"1"' ? 304 : 200;
    return response.statusCode === 304 ? "" : "sign by the moon: ☾";
  });
  const runtime = clock();
  const client = new Client({ platform: PLATFORM, runtime });
  const rules = new Rules(client, new URL(`${url}/v1.json`), { ttl: 60_000 });
  const documents = await Promise.all(Array.from({ length: 20 }, () => rules.current()));
  for (const document of documents) {
    assert.deepEqual([document.text(), document.isStale], ["sign by the moon: ☾", false]);
    assert.equal(document.bytes.length, 21);
    assert.deepEqual(document.fetched, new Date(1_700_000_000_000));
  }
  runtime.now = 59_999;
  await rules.current();
  assert.equal(heard.length, 1);
  runtime.now = 60_000;
  const again = await rules.current();
  assert.deepEqual([again.text(), again.isStale, again.fetched], ["sign by the moon: ☾", false, new Date(1_700_000_060_000)]);
  assert.equal(heard.length, 2);
  for (const { headers } of heard) assert.ok(headers.authorization === undefined && headers.cookie === undefined);
  await client.close();
});

test("the last good one outlives its host, which is asked ever more rarely, until there is a new one", async (context) => {
  let isDown = false;
  const { url, heard } = await listen(context, (_, response) => {
    response.statusCode = isDown ? 503 : 200;
    return isDown ? "" : `version ${heard.length}`;
  });
  const runtime = clock();
  const rules = new Rules(new Client({ platform: PLATFORM, runtime }), url, { ttl: 1000 });
  assert.equal((await rules.current()).text(), "version 1");
  isDown = true;
  for (; runtime.now < 2_000_000; runtime.now += 1000) {
    const { isStale } = await rules.current();
    assert.equal(isStale, runtime.now >= 1000);
  }
  assert.ok(heard.length > 5 && heard.length < 60, String(heard.length));
  isDown = false;
  runtime.now += 600_000;
  const fresh = await rules.current();
  assert.deepEqual([fresh.text(), fresh.isStale], [`version ${heard.length}`, false]);
});

test("where there never was one the failure is told, and its host is left alone for a while", async (context) => {
  const { url, heard } = await listen(context, (_, response) => {
    response.statusCode = 404;
    return "";
  });
  const rules = new Rules(fetch, `${url}/gone?key=planted`, { ttl: 1000 });
  for (let asked = 0; asked < 3; asked++) {
    await assert.rejects(rules.current(), (error: unknown) => {
      assert.ok(error instanceof HallpassError);
      assert.deepEqual([error.kind, error.retry], ["platform_failed", "after"]);
      assert.ok(!error.message.includes("planted"));
      return true;
    });
  }
  assert.equal(heard.length, 1);
});

test("one that is too large, or does not come in time although fetch does not listen, is an error of its own", async (context) => {
  const { url } = await listen(context, () => "x".repeat(1024 * 1024 + 1));
  await assert.rejects(new Rules(fetch, url, { ttl: 1000 }).current(), { kind: "answer_too_large" });
  const time = new VirtualTime();
  const runtime: Partial<Runtime> = {
    fetch: () => new Promise<Response>(() => {}),
    mono: () => time.now,
    wall: () => time.now,
    setTimer: (ring, ms) => time.set(ring, ms),
    clearTimer: (timer) => time.clear(timer as number),
    unrefTimer: () => {},
  };
  const current = new Rules(new Client({ platform: PLATFORM, runtime }), url, { ttl: 1000 }).current();
  const ended = assert.rejects(current, { kind: "first_byte_timeout" });
  await time.runTo(40_000);
  await ended;
});

test("what is no address or no time is refused at once, without its secrets", () => {
  for (const address of ["rules.json", "ftp://a.example/", "https://me:planted@a.example/x"]) {
    assert.throws(() => new Rules(fetch, address, { ttl: 1 }), (error: unknown) => {
      assert.ok(error instanceof HallpassError && !error.message.includes("planted"));
      assert.equal(error.kind, "request_invalid");
      return true;
    });
  }
  for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Rules(fetch, "https://a.example/", { ttl }), { kind: "config_invalid" });
  }
});
