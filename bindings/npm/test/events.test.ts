// What does a program hear of its sessions, in an iterator and through listeners?

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client, type ClientOptions, type Lagged, type Notice, NoticeEvent } from "hallpass";

import { password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
before(async () => void (testbed = await Testbed.start()));
after(() => testbed.stop());

const types = (heard: readonly (Notice | Lagged)[]): string[] => heard.map(({ type }) => type);

async function signedIn(options: Partial<ClientOptions> = {}, account = "alice"): Promise<Client> {
  const client = new Client({ platform: testbed.form(), ...options });
  await client.signIn(account, password(account));
  return client;
}

test("an iterator hears what happens from the moment it was made, in order, and ends with the client", async () => {
  const client = new Client({ platform: testbed.form() });
  const events = client.events();
  const alices = client.events({ account: "alice" });
  await client.signIn("alice", password("alice"));
  await client.signIn("bob", password("bob"));
  await client.close();
  const heard: (Notice | Lagged)[] = [];
  for await (const event of events) heard.push(event);
  assert.deepEqual(types(heard).sort(), ["closed", "closed", "signed_in", "signed_in"]);
  for (const event of heard) {
    assert.ok(event.type !== "lagged" && event.at instanceof Date && event.platform === client.platform);
  }
  const own: (Notice | Lagged)[] = [];
  for await (const event of alices) own.push(event);
  assert.deepEqual(types(own), ["signed_in", "closed"]);
});

test("one that does not read loses the oldest and is told how many; nobody waits for it", async () => {
  const client = new Client({ platform: testbed.form() });
  const events = client.events({ buffer: 2 });
  for (const account of ["alice", "bob"]) await client.signIn(account, password(account));
  await client.close();
  assert.deepEqual((await events.next()).value, { type: "lagged", lost: 2 });
  const kept: (Notice | Lagged)[] = [];
  for await (const event of events) kept.push(event);
  assert.deepEqual(types(kept), ["closed", "closed"]);
});

test("a signal ends an iteration, and so does leaving its loop", async () => {
  const client = await signedIn();
  const stop = new AbortController();
  const waiting = client.events({ signal: stop.signal }).next();
  stop.abort();
  assert.equal((await waiting).done, true);
  assert.equal((await client.events({ signal: stop.signal }).next()).done, true, "also where it was given before");
  const events = client.events();
  await client.signIn("bob", password("bob"));
  for await (const event of events) {
    assert.equal(event.type, "signed_in");
    break;
  }
  assert.equal((await events.next()).done, true);
  await client.close();
  assert.throws(() => client.events({ bufer: 1 } as object), { kind: "config_invalid" });
});

test("listeners hear events of the types that they ask for, and may be taken away", async () => {
  const client = new Client({ platform: testbed.form() });
  const heard: string[] = [];
  const listener = (event: NoticeEvent): void => {
    assert.ok(event instanceof NoticeEvent && event instanceof Event);
    heard.push(`${event.type} ${event.notice.account}`);
  };
  client.addEventListener("signed_in", listener);
  client.addEventListener("closed", listener, { once: true });
  await client.signIn("alice", password("alice"));
  client.removeEventListener("signed_in", listener);
  await client.signIn("bob", password("bob"));
  await client.close();
  assert.equal(heard.length, 2);
  assert.equal(heard[0], "signed_in alice");
  assert.match(heard[1] ?? "", /^closed /);
});

test("no secret is in what is told", async () => {
  const planted = "PLANTED-agent";
  const client = new Client({ platform: testbed.form() });
  const events = client.events();
  const session = await client.signIn("alice", { ...password("alice"), user_agent: planted } as never);
  await session.fetch("/me?key=PLANTED-query").then((response) => response.text());
  await client.close();
  const heard: (Notice | Lagged)[] = [];
  for await (const event of events) heard.push(event);
  assert.ok(heard.length > 0);
  const text = JSON.stringify(heard);
  for (const secret of ["PLANTED", "alice-password"]) assert.ok(!text.includes(secret), text);
});
