// Are attempts signed so that a server that checks every one of them is content, with the runtime's own cryptography?

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";

import { Client, HallpassError, MemoryStore, type PlatformDefinition, type Signer } from "hallpass";

import { Testbed } from "./support/testbed.js";

const testbed = await Testbed.start();
after(() => testbed.stop());

interface Proofs {
  readonly proofs: Record<string, number>;
}

const proofs = async (): Promise<Record<string, number>> => ((await testbed.stats()) as unknown as Proofs).proofs;

const signed: PlatformDefinition = {
  id: "signed",
  base_url: testbed.url,
  sign_in: { bearer: {} },
  signer: { body: "sha256" },
} as PlatformDefinition;

const bound: PlatformDefinition = {
  id: "bound",
  base_url: testbed.url,
  sign_in: { oauth2_refresh: {} },
  renew: { token_url: "/dpop/token" },
  dpop: { alg: "ES256" },
} as PlatformDefinition;

let nonce = 0;

const signer: Signer = ({ method, url, time, account, bodySha256 }) => {
  const { pathname, search } = new URL(url);
  const [at, once] = [String(time.getTime()), `js-${nonce++}`];
  const body = Buffer.from(bodySha256 as Uint8Array).toString("hex");
  const text = [method, pathname + search, at, once, body].join("\n");
  const signature = createHmac("sha256", `hmac-${account}`).update(text).digest("hex");
  return { "x-time": at, "x-nonce": once, "x-signature": signature };
};

test("a server that checks every signature is content with reads and writes", async () => {
  await testbed.control("reset");
  const client = new Client({ platform: signed, signer });
  const session = await client.signIn("alice", { access_token: "static-alice" });
  assert.equal((await session.fetch("/hmac/items/1?colour=red")).status, 200);
  const written = await session.fetch("/hmac/items/2", { method: "POST", body: "five!" });
  assert.equal(((await written.json()) as { length: number }).length, 5);
  assert.deepEqual(await proofs(), { verified: 2 });
  const stream = new Blob(["once"]).stream();
  const once = session.fetch("/hmac/items/3", { method: "POST", body: stream, duplex: "half" } as RequestInit);
  await assert.rejects(once, (error: { kind?: string }) => error.kind === "body_not_signable");
  await client.close();
});

test("a signer that throws ends the call with its words, and one that is missing is told at sign-in", async () => {
  const client = new Client({
    platform: signed,
    signer: () => {
      throw new Error("the rules are out of date");
    },
  });
  const session = await client.signIn("alice", { access_token: "static-alice" });
  await assert.rejects(session.fetch("/hmac/items/1"), /the rules are out of date/);
  await client.close();
  const without = new Client({ platform: signed });
  const isTold = (error: unknown): boolean => error instanceof HallpassError && error.kind === "config_invalid";
  await assert.rejects(without.signIn("alice", { access_token: "static-alice" }), isTold);
});

test("tokens bound to a key are had, used, renewed and resumed with proofs that verify", async () => {
  await testbed.control("reset");
  const store = new MemoryStore();
  const keys = `k1:${Buffer.alloc(32, 7).toString("base64")}`;
  const client = new Client({ platform: bound, store, keys });
  const session = await client.signIn("alice", { refresh_token: await testbed.grant("alice") });
  for (let number = 0; number < 12; number++) assert.equal((await session.fetch(`/dpop/items/${number}`)).status, 200);
  await testbed.control("expire?account=alice");
  assert.equal((await session.fetch("/dpop/items/99")).status, 200);
  await client.close();
  const again = new Client({ platform: bound, store, keys });
  const resumed = await again.resume("alice");
  assert.equal((await resumed.fetch("/dpop/items/100")).status, 200);
  const { verified = 0, nonce_demanded: demanded = 0, ...wrong } = await proofs();
  assert.ok(verified >= 16 && demanded >= 1);
  assert.deepEqual(wrong, {});
  await again.close();
});
