// Does a session of the npm package survive a server that others wrote, one that ends the grant when a refresh token is used twice?
// The server's own counters are the judge.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as rest } from "node:timers/promises";

import { Client } from "../../bindings/npm/dist/esm/index.js";
import { FileStore } from "../../bindings/npm/dist/esm/node/index.js";

import { authorize, CLIENT_ID, CLIENT_SECRET, LOGIN } from "./authorize.mjs";
import { start } from "./provider.mjs";

const TASKS = 64;
const LENGTH = 30_000;
/** How long each task rests between calls: the server has one thread and is the judge, not the one on trial. */
const PACE = 50;
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

/** As `examples/platforms/oidc-provider.toml`. */
function platform() {
  return {
    id: "oidc-provider",
    base_url: provider.url,
    sign_in: { oauth2_refresh: {} },
    renew: { token_url: "/token", client_id: CLIENT_ID, client_auth: "basic", rotates: true, reuse_safe: false },
    identity: { path: "/me", account_id: "/sub" },
  };
}

async function client() {
  return new Client({ platform: platform(), store: await FileStore.open(folder), keys: KEYS });
}

/** Calls the userinfo endpoint until the end; how many calls were served. */
async function keepCalling(session, until) {
  let served = 0;
  while (Date.now() < until) {
    const response = await session.fetch("/me");
    assert.equal(response.status, 200);
    assert.equal((await response.json()).sub, LOGIN);
    served++;
    await rest(PACE);
  }
  return served;
}

test("sixty-four tasks keep one rotating grant alive for thirty seconds", async (t) => {
  const first = await client();
  const credentials = { refresh_token: await authorize(provider.url), client_secret: CLIENT_SECRET };
  const session = await first.signIn(LOGIN, credentials);
  const until = Date.now() + LENGTH;
  const served = await Promise.all(Array.from({ length: TASKS }, () => keepCalling(session, until)));
  await first.close();

  // The token endpoint saw the code once, and from then on each generation's refresh token once.
  const stats = await provider.stats();
  // What was saved is the last of them, the renewal too that was under way when the calls ended.
  const second = await client();
  const resumed = await second.resume(LOGIN);
  const { generation } = resumed;
  t.diagnostic(`${served.reduce((sum, one) => sum + one)} calls, generation ${generation}, server: ${JSON.stringify(stats)}`);
  assert.ok(generation >= 6, `tokens of 5 s for 30 s: ${generation}`);
  const { codeRequests, refreshRequests, refreshTokens, usedTwice, granted, revoked, errors } = stats;
  assert.deepEqual(
    { codeRequests, refreshRequests, refreshTokens, usedTwice, granted, revoked, errors },
    { codeRequests: 1, refreshRequests: generation, refreshTokens: generation, usedTwice: 0, granted: generation + 1, revoked: 0, errors: {} },
  );

  // And its refresh token is the one that is still good.
  await resumed.renew();
  assert.equal((await resumed.fetch("/me")).status, 200);
  await second.close();
  const after = await provider.stats();
  assert.deepEqual([after.refreshRequests, after.usedTwice], [generation + 1, 0]);
});
