// Does any secret come to light where programs print things?

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { Client, MemoryStore, type Notice } from "hallpass";

import { listen } from "./support/listener.js";

const SECRETS = ["planted-password", "planted-access", "planted-refresh", "planted-cookie", "planted-device", "planted-body"];
const KEY = Buffer.alloc(32, 0x5a).toString("base64");

/** Everything that a program could print of a value. */
function shown(value: unknown): string {
  const inspected = inspect(value, { depth: 20, showHidden: true, getters: true });
  const error = value instanceof Error ? `${value.stack} ${value.message} ${String(value.cause)}` : "";
  return `${inspected} ${JSON.stringify(value)} ${String(value)} ${error}`;
}

function clean(value: unknown): void {
  const text = shown(value);
  for (const secret of [...SECRETS, KEY]) assert.ok(!text.includes(secret), `${secret} in ${text}`);
}

test("no planted secret shows in what a program can print", async (context) => {
  const notices: Notice[] = [];
  let isUp = false;
  const { url } = await listen(context, (one, response) => {
    if (!isUp) {
      response.statusCode = 400;
      return '{"error":"invalid_grant","error_description":"no planted-body"}';
    }
    response.setHeader("content-type", "application/json");
    response.setHeader("set-cookie", "sid=planted-cookie; Path=/");
    if (one.path.endsWith("cut")) {
      response.setHeader("content-length", "1000");
      response.write("planted-body");
      response.socket?.resetAndDestroy();
      return undefined;
    }
    return '{"access_token":"planted-access","refresh_token":"planted-refresh","expires_in":3600}';
  });
  const store = new MemoryStore();
  const client = new Client({
    platform: {
      id: "p",
      base_url: url,
      sign_in: { json: { path: "/login", fields: { p: "{password}" }, tokens: {} } },
      retry: { attempts: 1 },
    },
    store,
    keys: `k:${KEY}`,
    onNotice: (notice) => notices.push(notice),
  });
  const credentials = { password: "planted-password", "x-bc": "planted-device", cookie: "c=planted-cookie" };
  const errors: unknown[] = [];
  const keep = (attempt: Promise<unknown>): Promise<void> => attempt.then(() => assert.fail("it went well"), (error: unknown) => void errors.push(error));
  await keep(client.signIn("alice", credentials));
  await keep(client.signIn("alice", `{"password": "planted-password", "password": 1}`));
  await keep(client.signIn("alice", `{"password": planted-password`));
  isUp = true;
  const session = await client.signIn("alice", credentials);
  const response = await session.fetch("/x", { method: "POST", body: "planted-body" });
  clean([...response.headers]);
  const cut = await session.fetch("/cut").then((answer) => answer.text().then(() => undefined, (error: unknown) => error), (error: unknown) => error);
  errors.push(cut);
  await keep(session.fetch("/x", { headers: { "x-bad": "planted-body" }, method: "GET", body: "planted-body" }));
  await keep(session.fetch("http://planted-password:planted-body@127.0.0.1/"));
  for (const value of [client, session, store, errors, ...errors, notices, session.stats]) clean(value);
  await client.close();
  clean([client, session, notices]);
  for (const { key } of (await store.list("hallpass")).entries) {
    const record = await store.load(key);
    const text = Buffer.from(record?.sealed ?? []).toString("latin1");
    for (const secret of SECRETS) assert.ok(!text.includes(secret));
  }
  for (const keys of [`k:${KEY}!`, `${KEY}`, `k:${KEY},k:${KEY}`]) {
    assert.throws(() => new Client({ platform: "{}", store, keys }), (error: unknown) => (clean(error), true));
  }
});
