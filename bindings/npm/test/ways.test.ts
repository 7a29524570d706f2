// Does every way to sign in that needs a person, a key or nobody at all work in JavaScript, and does a session end as it is told?

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { type Asks, Client, type ClientOptions, HallpassError, MemoryStore, type PlatformDefinition } from "hallpass";

import { client } from "./support/client.js";
import { listen } from "./support/listener.js";
import { KEYS, password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
before(async () => {
  testbed = await Testbed.start("--open-registration");
});
after(() => testbed.stop());

/** A platform of the testbed's issuer. */
function issued(id: string, sign_in: PlatformDefinition["sign_in"]): PlatformDefinition {
  const identity = { path: "/me", account_id: "/id" };
  return { id, base_url: testbed.url, oauth: { issuer: `${testbed.url}/oauth` }, sign_in, renew: { client_id: "testbed" }, identity };
}

test("a person's browser brings the code that signs in, and its refresh token renews", async (context) => {
  const redirect = "http://127.0.0.1:9/callback";
  const asks: Asks = {
    authorize: async ({ url, redirectUri }, { account }) => {
      assert.deepEqual([redirectUri, account], [redirect, "alice"]);
      const back = await fetch(url, { redirect: "manual" });
      return back.headers.get("location") as string;
    },
  };
  const platform = issued("js-code", { authorization_code: { parameters: { login_hint: "alice" } } });
  const session = await client(context, { platform, asks }).signIn("alice", { redirect_uri: redirect });
  assert.deepEqual([session.accountId, session.generation], ["acct-alice", 1]);
  await testbed.control("expire?account=alice");
  assert.equal((await session.fetch("/api/items/1")).status, 200);
  assert.equal(session.generation, 2);
});

test("a person at another device agrees, or does not", async (context) => {
  const decided = (decision: Record<string, string>): Asks => ({
    deviceCode: async ({ userCode, verificationUri, expiresIn }) => {
      assert.ok(expiresIn > 0);
      const body = new URLSearchParams({ user_code: userCode, ...decision });
      assert.equal((await fetch(verificationUri, { method: "POST", body })).status, 200);
    },
  });
  const platform = issued("js-device", { device_code: { parameters: { interval_ms: "100" } } });
  const made = client(context, { platform, asks: decided(password("alice")) });
  const session = await made.signIn("alice", {});
  assert.deepEqual([session.state, session.accountId], ["active", "acct-alice"]);
  const denied = client(context, { platform, asks: decided({ decision: "deny" }) }).signIn("alice", {});
  await assert.rejects(denied, (error: unknown) => error instanceof HallpassError && error.fault === "account");
});

test("a program signs in as itself, and again where others renew", async (context) => {
  const renew = { token_url: "/oauth/basic/token", client_id: "testbed", client_auth: "basic" } as const;
  const platform = { ...testbed.oauth(), id: "js-own", sign_in: { client_credentials: {} }, renew };
  const session = await client(context, { platform }).signIn("batch", { client_secret: "testbed-secret" });
  assert.equal(session.accountId, "acct-testbed");
  await testbed.control("expire?account=testbed");
  assert.equal((await session.fetch("/api/items/1")).status, 200);
});

/** A platform that wants a code after the password; `right` is the code. */
function second(base_url: string): PlatformDefinition {
  const first = {
    path: "/login",
    json: { username: "{username}", password: "{password}" },
    extract: { ticket: { json: "/ticket" } },
    challenge: { status: [202] },
  };
  const next = {
    path: "/code",
    json: { ticket: "{ticket}", code: "{code}" },
    code: { tries: 3, tries_left: "/left" },
    tokens: { access_token: "/access_token" },
  };
  return { id: "js-second", base_url, sign_in: { steps: { step: [first, next] } } };
}

test("a wrong code of a second factor is asked for again, until it is right or none is left", async (context) => {
  let left = 2;
  const { url, heard } = await listen(context, ({ path, body, headers }, response) => {
    response.setHeader("content-type", "application/json");
    if (path === "/login") {
      response.statusCode = 202;
      return JSON.stringify({ ticket: "t-1" });
    }
    if (path === "/code") {
      const { ticket, code } = JSON.parse(body) as { ticket: string; code: string };
      assert.equal(ticket, "t-1");
      if (code === "424242") return JSON.stringify({ access_token: "good" });
      response.statusCode = 401;
      return JSON.stringify({ left: left-- });
    }
    response.statusCode = headers.authorization === "Bearer good" ? 200 : 401;
    return "{}";
  });
  const told: [number, number | undefined][] = [];
  const codes = (...given: string[]): Asks => ({
    secondFactor: ({ refused, triesLeft }) => {
      told.push([refused, triesLeft]);
      return given[refused] as string;
    },
  });
  const credentials = { username: "alice", password: "planted-password" };
  const session = await client(context, { platform: second(url), asks: codes("000000", "424242") }).signIn("alice", credentials);
  assert.equal((await session.fetch("/me")).status, 200);
  assert.deepEqual(told.map(([refused]) => refused), [0, 1]);
  assert.equal(told[1]?.[1], 2);
  left = 0;
  const exhausted = client(context, { platform: second(url), asks: codes("000000") }).signIn("alice", credentials);
  await assert.rejects(exhausted, (error: unknown) => {
    assert.ok(error instanceof HallpassError && !error.message.includes("planted"));
    assert.equal(error.kind, "challenge_exhausted");
    return true;
  });
  assert.equal(heard.filter(({ path }) => path === "/code").length, 3);
  const nobody = client(context, { platform: second(url) }).signIn("alice", credentials);
  await assert.rejects(nobody, { kind: "challenge_required" });
});

test("an API key, a name and password, or nothing at all is what attempts carry, to the platform and nowhere else", async (context) => {
  const elsewhere = await listen(context, () => "{}");
  const { url, heard } = await listen(context, ({ path }, response) => {
    if (path.startsWith("/away")) {
      response.statusCode = 302;
      response.setHeader("location", `${elsewhere.url}/there`);
    }
    return "{}";
  });
  const ways: [PlatformDefinition["sign_in"], Record<string, string>, (one: (typeof heard)[number]) => unknown, unknown][] = [
    [{ api_key: { header: "x-api-key" } }, { api_key: "k-planted" }, ({ headers }) => headers["x-api-key"], "k-planted"],
    [{ api_key: { query: "key" } }, { api_key: "k-planted" }, ({ path }) => new URL(path, url).searchParams.get("key"), "k-planted"],
    [{ basic: {} }, { username: "zoë", password: "p-planted" }, ({ headers }) => headers.authorization,
      `Basic ${Buffer.from("zoë:p-planted").toString("base64")}`],
    [{ guest: {} }, {}, ({ headers }) => headers.authorization, undefined],
  ];
  for (const [sign_in, credentials, of, carried] of ways) {
    heard.length = 0;
    const session = await client(context, { platform: { id: "js-plain", base_url: url, sign_in } }).signIn("any", credentials);
    assert.equal((await session.fetch("/things?a=1")).status, 200);
    assert.equal((await session.fetch("/away")).status, 200);
    assert.deepEqual(heard.map(of), [carried, carried]);
  }
  assert.equal(elsewhere.heard.length, ways.length);
  assert.ok(!JSON.stringify(elsewhere.heard).includes("planted"));
  assert.ok(!JSON.stringify(elsewhere.heard).includes(Buffer.from("p-planted").toString("base64").slice(2, 10)));
});

test("a session that is asked about is good, or renewed once, or over; a platform that does not know ends nothing", async (context) => {
  const made = client(context, { platform: testbed.oauth() });
  const session = await made.signIn("val", { refresh_token: await testbed.grant("val") });
  await session.validate();
  assert.equal(session.stats.renewals, 0);
  await testbed.control("expire?account=val");
  await session.validate();
  assert.deepEqual([session.stats.renewals, session.generation], [1, 2]);
  await testbed.control("script", { path: "/me", times: 9, action: { kind: "status", status: 500 } });
  await assert.rejects(session.validate(), (error: unknown) => error instanceof HallpassError && error.fault !== "account");
  assert.equal((await session.fetch("/api/items/1")).status, 200);
  await fetch(`${testbed.url}/control/script`, { method: "DELETE" });
  await testbed.control("revoke?account=val");
  await assert.rejects(session.validate(), { kind: "expired" });
});

test("signing out tells the platform once, and forgets what was saved, also where the platform cannot be told", async (context) => {
  let status = 200;
  const { url, heard } = await listen(context, ({ path }, response) => {
    response.setHeader("content-type", "application/json");
    response.statusCode = path === "/revoke" ? status : 200;
    return path === "/token" ? JSON.stringify({ access_token: "a", refresh_token: "r", token_type: "Bearer" }) : "{}";
  });
  const platform: PlatformDefinition = {
    id: "js-out",
    base_url: url,
    sign_in: { oauth2_refresh: {} },
    renew: { token_url: "/token", client_id: "js" },
    sign_out: { revoke: "/revoke" },
    retry: { attempts: 1 },
  };
  const made = client(context, { platform, store: new MemoryStore(), keys: KEYS });
  const session = await made.signIn("out", { refresh_token: "first" });
  assert.deepEqual((await made.sessions()).map(({ account }) => account), ["out"]);
  await session.signOut();
  const revoked = heard.filter(({ path }) => path === "/revoke").map(({ body }) => new URLSearchParams(body).get("token"));
  assert.equal(revoked[0], "r");
  assert.deepEqual([await made.sessions(), session.state], [[], "closed"]);
  await assert.rejects(session.fetch("/me"), { kind: "closed" });
  await assert.rejects(session.signOut(), { kind: "closed" });
  status = 500;
  const untold = await made.signIn("out", { refresh_token: "second" });
  await assert.rejects(untold.signOut(), HallpassError);
  assert.deepEqual([await made.sessions(), untold.state], [[], "closed"]);
  await assert.rejects(made.resume("out"), { kind: "no_session" });
});

test("closing waits for calls under way as long as it is told and no longer", async (context) => {
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/slow") waiting.push(() => response.end("late"));
    else waiting.push(() => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const base_url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const made = client(context, { platform: { id: "js-close", base_url, sign_in: { bearer: {} } } });
  const arrived = async (count: number): Promise<void> => {
    while (waiting.length < count) await new Promise(setImmediate);
  };
  const patient = await made.signIn("a", { access_token: "t" });
  const call = patient.fetch("/slow");
  await arrived(1);
  const closed = patient.close({ within: 60_000 });
  await assert.rejects(patient.fetch("/slow"), { kind: "closed" });
  waiting[0]?.();
  assert.equal(await (await call).text(), "late");
  await closed;
  const hasty = await made.signIn("b", { access_token: "t" });
  const stuck = assert.rejects(hasty.fetch("/never"), { kind: "closed" });
  await arrived(2);
  await hasty.close({ within: 5 });
  await stuck;
  assert.equal(hasty.state, "closed");
  await assert.rejects(made.signIn("c", { access_token: "t" }).then((one) => one.close({ within: -1 })), { kind: "config_invalid" });
  const sessions = await Promise.all(["d", "e"].map((account) => made.signIn(account, { access_token: "t" })));
  const ends = sessions.map((session) => assert.rejects(session.fetch("/never"), { kind: "closed" }));
  await arrived(4);
  await assert.rejects(made.close({ within: Number.NaN }), { kind: "config_invalid" });
  // One that is closing already, for as long as its calls take, is hurried along.
  const unhurried = sessions[0]?.close();
  await made.close({ within: 5 });
  await Promise.all([unhurried, ...ends]);
  assert.deepEqual(sessions.map(({ state }) => state), ["closed", "closed"]);
});

test("an answer that waits for the identity probe is read before the platform is asked", async (context) => {
  let isSignedIn = false;
  let read = (): void => {};
  const isRead = new Promise<void>((resolve) => (read = resolve));
  const made = client(context, {
    platform: {
      id: "js-suspect",
      base_url: "https://suspect.example",
      sign_in: { bearer: {} },
      identity: { path: "/me" },
      refused: { suspect: [403] },
    },
    fetch: async (input) => {
      if (new URL(String(input)).pathname === "/me") {
        // One connection at a time.
        if (isSignedIn) await isRead;
        return new Response("{}");
      }
      const pull = (controller: ReadableStreamDefaultController): void => {
        controller.enqueue(new TextEncoder().encode("no entry"));
        controller.close();
        read();
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { status: 403 });
    },
  });
  const session = await made.signIn("a", { access_token: "t" });
  isSignedIn = true;
  const answer = await session.fetch("/x");
  assert.deepEqual([answer.status, await answer.text(), session.state], [403, "no entry", "active"]);
});

test("no cookie is taken for a public suffix, as the list says that the program gives", async (context) => {
  const base_url = "https://a.shop.co.example";
  const cookies = ["wide=1; Domain=co.example", "shop=2; Domain=shop.co.example", "ours=3", "asia=4; Domain=xn--55qx5d.example"];
  const sent = async (publicSuffixes: ClientOptions["publicSuffixes"], url = base_url): Promise<string | null> => {
    let last: string | null = null;
    const answer = async (_: unknown, init?: RequestInit): Promise<Response> => {
      last = new Headers(init?.headers).get("cookie");
      return new Response(null, { headers: cookies.map((cookie): [string, string] => ["set-cookie", cookie]) });
    };
    const platform = { id: "js-suffixes", base_url: url, sign_in: { bearer: {} } } as const;
    const session = await client(context, { platform, publicSuffixes, fetch: answer }).signIn("a", { access_token: "t" });
    await session.fetch("/first");
    await session.fetch("/second");
    return last;
  };
  assert.equal(await sent(undefined), "wide=1; shop=2; ours=3", "without a list names with a dot are not public");
  assert.equal(await sent("// ICANN\n\nexample\nco.example // more\n公司.example\n"), "shop=2; ours=3");
  assert.equal(await sent(["*.co.example"]), "wide=1; ours=3");
  assert.equal(await sent(["*.co.example", "!shop.co.example"]), "wide=1; shop=2; ours=3");
  assert.equal(await sent(["co.example"], "https://a.xn--55qx5d.example"), "ours=3; asia=4");
  assert.equal(await sent(["公司.example"], "https://a.xn--55qx5d.example"), "ours=3");
  for (const wrong of ["", "// none", ["com", "<html>"], 7]) {
    const options = { platform: { id: "p", base_url, sign_in: { bearer: {} } }, publicSuffixes: wrong } as unknown as ClientOptions;
    assert.throws(() => new Client(options), { kind: "config_invalid" });
  }
});

test("what a session was signed in with is kept only where that is said, and signs in again, also after a restart", async (context) => {
  const store = new MemoryStore();
  const form = { ...testbed.form(), retry: { base: "1ms", cap: "5ms" } };
  const forgetful = await client(context, { platform: form }).signIn("kept", password("kept"));
  await testbed.control("expire?account=kept");
  assert.equal((await forgetful.fetch("/api/items/0")).status, 401);
  assert.deepEqual([forgetful.stats.signIns, forgetful.state], [1, "expired"]);
  const options: ClientOptions = { platform: form, store, keys: KEYS, keepCredentials: "sealed" };
  const first = new Client(options);
  const session = await first.signIn("kept", password("kept"));
  await testbed.control("expire?account=kept");
  const answers = await Promise.all([1, 2, 3].map((number) => session.fetch(`/api/items/${number}`)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.equal(session.stats.signIns, 2);
  await first.close();
  const resumed = await client(context, options).resume("kept");
  await testbed.control("expire?account=kept");
  assert.equal((await resumed.fetch("/api/items/4")).status, 200);
  assert.deepEqual([resumed.stats.restores, resumed.stats.signIns], [1, 1]);
  const wrong = { platform: form, keepCredentials: "always" } as unknown as ClientOptions;
  assert.throws(() => new Client(wrong), { kind: "config_invalid" });
});
