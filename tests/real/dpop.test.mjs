// Does a provider that others wrote take the npm package's proofs of possession (DPoP, RFC 9449), with the nonce that it wants in each?
// The server checks every proof itself, keys and replays included, and its own counters are the judge.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "../../bindings/npm/dist/esm/index.js";
import { FileStore } from "../../bindings/npm/dist/esm/node/index.js";

import { LOGIN, sentTo } from "./authorize.mjs";
import { start } from "./provider.mjs";

const KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`;

let provider;
let folder;
before(async () => {
  provider = await start();
  folder = await mkdtemp(join(tmpdir(), "hallpass-"));
});
after(async () => {
  await provider?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** As `examples/platforms/oidc-provider-dpop.toml`. */
function platform() {
  return {
    id: "oidc-provider-dpop",
    base_url: provider.url,
    oauth: { issuer: provider.url },
    sign_in: { authorization_code: { scope: "openid offline_access", parameters: { prompt: "consent" } } },
    renew: { client_id: "hallpass-bound", rotates: true, reuse_safe: false },
    dpop: {},
    identity: { path: "/me", account_id: "/sub" },
  };
}

/** A client whose person agrees. */
async function client() {
  const asks = { authorize: ({ url }) => sentTo(url) };
  return new Client({ platform: platform(), store: await FileStore.open(folder), keys: KEYS, asks });
}

test("bound tokens are proved, renewed and resumed with one key", async () => {
  const first = await client();
  const session = await first.signIn(LOGIN, { redirect_uri: "http://127.0.0.1:7777/callback" });
  const call = async (session) => {
    const response = await session.fetch("/me");
    assert.deepEqual([response.status, (await response.json()).sub], [200, LOGIN]);
  };
  await Promise.all(Array.from({ length: 8 }, () => call(session)));
  await session.renew();
  await call(session);
  await first.close();

  // The key travels with the session, sealed; the nonce does not, and is asked for again.
  const second = await client();
  const resumed = await second.resume(LOGIN);
  await call(resumed);
  await resumed.renew();
  await call(resumed);
  const { generation } = resumed;
  await second.close();
  assert.ok(generation >= 3, `${generation}`);
  const { keys, proved, nonces, grants, usedTwice, revoked } = await provider.stats();
  assert.deepEqual(
    { keys, proved, nonces, grants, usedTwice, revoked },
    {
      keys: 1,
      // The sign-in asked once who it is.
      proved: { "/token": generation, "/me": 12 },
      nonces: { "/token 400": 1, "/me 401": 1 },
      grants: { "authorization_code 200": 1, "refresh_token 200": generation - 1 },
      usedTwice: 0,
      revoked: 0,
    },
  );
});
