// Does a session sign in, renew once, retry, survive a restart, and end?

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client, type ClientOptions, HallpassError, MemoryStore, type Notice, replyInfo } from "hallpass";
import { FileStore } from "hallpass/node";

import { client } from "./support/client.js";
import { KEYS, password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
before(async () => {
  testbed = await Testbed.start("--open-registration");
});
after(() => testbed.stop());

for (const recipe of ["oauth", "json", "form", "bearer"] as const) {
  test(`a session signs in by ${recipe} and calls`, async (context) => {
    const account = `by-${recipe}`;
    const credentials = {
      oauth: async () => ({ refresh_token: await testbed.grant(account) }),
      json: async () => password(account),
      form: async () => password(account),
      bearer: async () => ({ access_token: `static-${account}` }),
    };
    const session = await client(context, { platform: testbed[recipe]() }).signIn(account, await credentials[recipe]());
    const response = await session.fetch("/api/items/7");
    assert.deepEqual(await response.json(), { account, number: 7 });
    assert.deepEqual([session.state, session.generation, session.stats.signIns], ["active", 1, 1]);
  });
}

test("what is saved of an account is removed without opening it, and an open session with it", async (context) => {
  const store = new MemoryStore();
  const options = { platform: testbed.json(), store, keys: KEYS };
  const first = new Client(options);
  await first.signIn("left", password("left"));
  await first.close();
  const made = client(context, options);
  assert.equal(await made.forget("left"), true);
  assert.equal(await made.forget("left"), false);
  await assert.rejects(made.resume("left"), { kind: "no_session" });
  const session = await made.signIn("left", password("left"));
  assert.equal(await made.forget("left"), true);
  assert.equal(session.state, "closed");
  assert.deepEqual(await made.sessions(), []);
});

test("refused credentials are an error of their own and asked for once", async (context) => {
  await testbed.control("reset");
  const made = client(context, { platform: testbed.json() });
  await assert.rejects(made.signIn("carla", { username: "carla", password: "wrong" }), (error: unknown) => {
    assert.ok(error instanceof HallpassError && !(error instanceof TypeError));
    assert.deepEqual([error.kind, error.fault, error.retry], ["credentials_refused", "account", "never"]);
    return true;
  });
  assert.equal((await testbed.stats()).sign_ins.refused, 1);
  const session = await made.signIn("carla", password("carla"));
  assert.equal(session.state, "active", "the account can be tried again");
});

test("a refused answer is let go before its call waits for the renewal, which may need its connection", async (context) => {
  let letGo = (): void => {};
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  let isExpired = false;
  const made = client(context, {
    platform: testbed.oauth(),
    fetch: async (input, init) => {
      const answer = fetch(input, init);
      if (!isExpired) return answer;
      // One connection at a time: the token endpoint is reached once the refused answer has given its connection back.
      if (String(input).endsWith("/oauth/token")) return isLetGo.then(() => answer);
      const { status, headers } = await answer;
      if (status !== 401) return answer;
      return new Response(new ReadableStream({ cancel: letGo }), { status, headers });
    },
  });
  const session = await made.signIn("single", { refresh_token: await testbed.grant("single") });
  await testbed.control("expire?account=single");
  isExpired = true;
  assert.equal((await session.fetch("/api/items/1")).status, 200);
  assert.equal(session.stats.renewals, 1);
});

test("sixty-four refused calls renew once", async (context) => {
  const made = client(context, { platform: testbed.oauth() });
  const session = await made.signIn("many", { refresh_token: await testbed.grant("many") });
  await testbed.control("expire?account=many");
  await testbed.control("reset");
  const answers = await Promise.all(
    Array.from({ length: 64 }, async (_, number) => {
      const response = await session.fetch(`/api/items/${number}`);
      return [response.status, ((await response.json()) as { number: number }).number, replyInfo(response)?.verdict];
    }),
  );
  assert.deepEqual(answers, Array.from({ length: 64 }, (_, number) => [200, number, "served"]));
  const stats = await testbed.stats();
  assert.deepEqual([stats.token_requests.total, stats.refresh_reuses], [1, 0]);
  assert.deepEqual([session.stats.renewals, session.generation], [1, 2]);
});

test("a call's effects are performed only in that call's own async chain", async (context) => {
  const storage = new AsyncLocalStorage<number>();
  const exchanges: { path: string; chain: number | undefined }[] = [];
  const recording = (to: string, init: RequestInit): Promise<Response> => {
    exchanges.push({ path: new URL(to).pathname, chain: storage.getStore() });
    return fetch(to, init);
  };
  const made = client(context, { platform: testbed.oauth(), fetch: recording });
  const session = await made.signIn("chained", { refresh_token: await testbed.grant("chained") });
  await testbed.control("expire?account=chained");
  await testbed.control("reset");
  exchanges.length = 0;
  const calls = Array.from({ length: 8 }, (_, number) =>
    storage.run(number, async () => {
      const response = await session.fetch(`/api/items/${number}`);
      assert.equal(storage.getStore(), number);
      return [response.status, ((await response.json()) as { number: number }).number];
    }),
  );
  assert.deepEqual(await Promise.all(calls), Array.from({ length: 8 }, (_, number) => [200, number]));
  for (let number = 0; number < 8; number++) {
    const own = exchanges.filter(({ path }) => path === `/api/items/${number}`);
    assert.deepEqual(own.map(({ chain }) => chain), [number, number], `call ${number}: refused, then replayed`);
  }
  const renewals = exchanges.filter(({ path }) => path === "/oauth/token");
  assert.equal(renewals.length, 1);
  assert.deepEqual([exchanges.length, (await testbed.stats()).token_requests.total], [17, 1]);
  assert.deepEqual([session.stats.replays, session.stats.renewals, session.generation], [8, 1, 2]);
});

test("a renewal goes on although the call that caused it was aborted", async (context) => {
  const made = client(context, { platform: testbed.oauth() });
  const session = await made.signIn("gone", { refresh_token: await testbed.grant("gone") });
  await testbed.control("expire?account=gone");
  await testbed.control("script", { path: "/oauth/token", action: { kind: "delay", ms: 200 } });
  const controller = new AbortController();
  const aborted = session.fetch("/api/items/1", { signal: controller.signal });
  while (session.state !== "renewing") await new Promise(setImmediate);
  controller.abort(new Error("never mind"));
  await assert.rejects(aborted, { message: "never mind" });
  assert.equal((await session.fetch("/api/items/2")).status, 200);
  assert.deepEqual([session.stats.renewals, session.generation], [1, 2]);
});

test("429 and lost connections are retried, writes that may have happened are not", async (context) => {
  const made = client(context, { platform: testbed.bearer() });
  const session = await made.signIn("dave", { access_token: "static-dave" });
  await testbed.control("script", [
    { path: "/api/items/1", action: { kind: "throttle", count: 2, retry_after: 0 } },
    { path: "/api/items/2", times: 2, action: { kind: "reset" } },
    { path: "/api/items/3", action: { kind: "reset", at: "answered" } },
    { path: "/api/items/4", action: { kind: "reset", at: "answered" } },
  ]);
  const throttled = await session.fetch("/api/items/1");
  assert.deepEqual([throttled.status, replyInfo(throttled)?.attempts], [200, 3]);
  assert.equal((await session.fetch("/api/items/2")).status, 200);
  await assert.rejects(session.fetch("/api/items/3", { method: "POST" }), (error: unknown) => {
    assert.ok(error instanceof TypeError && error instanceof HallpassError);
    assert.deepEqual([error.kind, error.fault, error.retry], ["connection_lost", "network", "now"]);
    return true;
  });
  const keyed = await session.with({ idempotencyKey: "once" })("/api/items/4", { method: "POST" });
  assert.deepEqual([keyed.status, replyInfo(keyed)?.attempts], [201, 2]);
  assert.equal((await testbed.stats()).writes["POST /api/items/4"], 1);
});

test("a wait beyond the deadline is not waited: the 429 is returned and says when", async (context) => {
  const made = client(context, { platform: testbed.bearer(), calls: { timeout: 2000 } });
  const session = await made.signIn("erin", { access_token: "static-erin" });
  const response = await session.fetch("/odd/429?retry_after=3600&key=erin");
  assert.equal(response.status, 429);
  const info = replyInfo(response);
  assert.deepEqual([info?.verdict, info?.attempts], ["throttled", 1]);
  assert.ok(Math.abs((info?.retryAt?.getTime() ?? 0) - Date.now() - 3_600_000) < 60_000);
});

test("a deadline that passes is a timeout", async (context) => {
  const made = client(context, { platform: testbed.bearer() });
  const session = await made.signIn("frank", { access_token: "static-frank" });
  await testbed.control("script", { path: "/api/items/55", action: { kind: "stall" } });
  await assert.rejects(session.with({ timeout: 100 })("/api/items/55"), { kind: "timeout", fault: "network" });
});

test("a session is resumed by a new client without signing in, and renewed there", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "hallpass-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const store of [new MemoryStore(), await FileStore.open(folder)]) {
    const options: ClientOptions = { platform: testbed.oauth(), store, keys: KEYS };
    const first = new Client(options);
    await first.signIn("grace", { refresh_token: await testbed.grant("grace") });
    await first.close();
    await testbed.control("reset");
    const second = client(context, options);
    assert.deepEqual((await second.sessions()).map((saved) => saved.account), ["grace"]);
    const session = await second.resume("grace");
    assert.equal((await session.fetch("/api/items/1")).status, 200);
    assert.deepEqual([session.stats.restores, session.stats.signIns, session.accountId], [1, 0, "acct-grace"]);
    assert.equal((await testbed.stats()).token_requests.total, 0);
    await session.renew();
    assert.deepEqual([session.generation, (await testbed.stats()).refresh_reuses], [2, 0]);
    await session.forget();
    await assert.rejects(second.resume("grace"), { kind: "no_session" });
    assert.deepEqual(await second.sessions(), []);
  }
});

test("resuming says what is wrong: no session, no key, another key, another origin, damage, no store", async (context) => {
  const store = new MemoryStore();
  const options: ClientOptions = { platform: testbed.bearer(), store, keys: KEYS };
  const made = client(context, options);
  await assert.rejects(made.resume("nobody"), { kind: "no_session" });
  await made.signIn("heidi", { access_token: "static-heidi" });
  await made.close();
  const other = `other:${Buffer.alloc(32, 9).toString("base64")}`;
  await assert.rejects(client(context, { ...options, keys: other }).resume("heidi"), { kind: "key_unknown" });
  const elsewhere = { ...testbed.bearer(), base_url: "http://127.0.0.1:9" };
  await assert.rejects(client(context, { ...options, platform: elsewhere }).resume("heidi"), { kind: "platform_changed" });
  const key = { namespace: "hallpass", kind: "session", platform: "testbed-bearer", account: "heidi" } as const;
  const sealed = (await store.load(key))?.sealed as Uint8Array;
  await store.save({ ...key, account: "mallory" }, sealed, "absent");
  await assert.rejects(client(context, options).resume("mallory"), { kind: "wrong_context" });
  await store.save(key, sealed.slice(0, -1), "any");
  await assert.rejects(client(context, options).resume("heidi"), { kind: "damaged" });
  assert.throws(() => new Client({ platform: testbed.bearer(), store }), { kind: "key_missing" });
  await assert.rejects(client(context, { platform: testbed.bearer() }).resume("heidi"), { kind: "key_missing" });
});

test("closing saves and stops; what comes after is refused; nothing was signed out", async (context) => {
  const store = new MemoryStore();
  const notices: Notice[] = [];
  const options = { platform: testbed.form(), store, keys: KEYS, onNotice: (notice: Notice) => notices.push(notice) };
  const made = client(context, options);
  const session = await made.signIn("ivan", password("ivan"));
  await (await session.fetch("/cookies/set?flavour=sweet")).text();
  const { fetch } = session;
  await session[Symbol.asyncDispose]();
  assert.equal(session.state, "closed");
  await assert.rejects(fetch("/me"), { kind: "closed" });
  await assert.rejects(session.renew(), { kind: "closed" });
  await session.close();
  assert.deepEqual(notices.map((notice) => notice.type), ["saved", "signed_in", "saved", "closed"]);
  const again = await made.resume("ivan");
  const seen = (await (await again.fetch("/cookies")).json()) as { cookies: Record<string, string> };
  assert.equal(seen.cookies["flavour"], "sweet");
  assert.equal((await again.fetch("/me")).status, 200);
});

test("whoever opens an account that is being closed waits, and gets the next session", async (context) => {
  const store = new MemoryStore();
  const made = client(context, { platform: testbed.form(), store, keys: KEYS });
  await testbed.control("reset");
  const session = await made.signIn("rose", password("rose"));
  await (await session.fetch("/cookies/set?flavour=salt")).text();
  const closing = session.close();
  const [first, second] = await Promise.all([made.resume("rose"), made.resume("rose")]);
  await closing;
  assert.ok(first === second && first !== session);
  const seen = (await (await first.fetch("/cookies")).json()) as { cookies: Record<string, string> };
  assert.equal(seen.cookies["flavour"], "salt", "what was saved last is what was opened");
  assert.equal((await testbed.stats()).sign_ins.total, 1);
});

for (const seed of [1, 2, 3, 4]) {
  test(`one account in the hands of sixty-four signs in once a life (${seed})`, async (context) => {
    const notices: Notice[] = [];
    const options = { platform: testbed.json(), store: new MemoryStore(), keys: KEYS };
    const made = client(context, { ...options, onNotice: (notice) => notices.push(notice) });
    const account = `shared-${seed}`;
    await testbed.control("reset");
    let state = seed;
    const dice = (sides: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >> 16) % sides;
    };
    const pause = async (): Promise<void> => {
      for (let left = dice(12); left > 0; left--) await Promise.resolve();
    };
    let forgotten = 0;
    const useAndEnd = async (): Promise<void> => {
      await pause();
      const session = await made.resume(account).catch((error: unknown) => {
        assert.equal((error as HallpassError).kind, "no_session");
        return made.signIn(account, password(account));
      });
      const end = dice(3);
      if (end === 0) await session.close();
      else if (end === 1) await session.forget().then(() => forgotten++, (error: unknown) => assert.equal((error as HallpassError).kind, "closed"));
      else {
        const answered = await session.fetch("/me").then((response) => response.status, (error: HallpassError) => error.kind);
        assert.ok(answered === 200 || answered === "closed", String(answered));
      }
    };
    await Promise.all(Array.from({ length: 64 }, useAndEnd));
    const generations = notices.flatMap((notice) => (notice.type === "signed_in" ? [notice.generation] : []));
    assert.ok(generations.every((generation) => generation === 1), String(generations));
    assert.equal((await testbed.stats()).sign_ins.total, generations.length);
    assert.ok(generations.length >= 1 && generations.length <= 1 + forgotten);
  });
}

test("disposing of a client saves and closes every session and signs none out", async (context) => {
  const options: ClientOptions = { platform: testbed.form(), store: new MemoryStore(), keys: KEYS };
  await testbed.control("reset");
  const accounts = ["olga", "pete", "quinn"];
  const made = client(context, options);
  const sessions = await Promise.all(accounts.map((account) => made.signIn(account, password(account))));
  for (const session of sessions) await (await session.fetch(`/cookies/set?flavour=${session.account}`)).text();
  await made[Symbol.asyncDispose]();
  for (const session of sessions) {
    assert.equal(session.state, "closed");
    await assert.rejects(session.fetch("/me"), { kind: "closed" });
  }
  await assert.rejects(made.resume("olga"), { kind: "closed" });
  await made[Symbol.asyncDispose]();
  const second = client(context, options);
  assert.deepEqual((await second.sessions()).map((saved) => saved.account).sort(), accounts);
  for (const account of accounts) {
    const again = await second.resume(account);
    const seen = (await (await again.fetch("/cookies")).json()) as { cookies: Record<string, string> };
    assert.equal(seen.cookies["flavour"], account, "what was not saved before is saved by disposing");
    assert.equal((await again.fetch("/me")).status, 200, "the platform still knows it");
    assert.deepEqual([again.stats.restores, again.stats.signIns], [1, 0]);
  }
  const { sign_ins } = await testbed.stats();
  assert.deepEqual([sign_ins.total, sign_ins.refused], [accounts.length, 0]);
});

test("a store that fails is told apart from one that holds nothing, and calls go on", async (context) => {
  const store = new MemoryStore();
  const options: ClientOptions = { platform: testbed.bearer(), store, keys: KEYS };
  const made = client(context, options);
  store.load = () => Promise.reject(new Error("redis://user:planted-secret@host is away"));
  await assert.rejects(made.resume("judy"), (error: unknown) => {
    assert.ok(error instanceof HallpassError);
    assert.equal(error.kind, "store_unavailable");
    assert.ok(!error.message.includes("planted-secret"));
    return true;
  });
});

test("what comes in after a session is closed has nowhere to go and harms nobody", async (context) => {
  let answer: (response: Response) => void = () => {};
  const fetch = (to: string): Promise<Response> =>
    to.endsWith("/slow") ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(new Response("ok"));
  const made = client(context, { platform: testbed.bearer(), fetch, calls: { timeout: 50 } });
  const session = await made.signIn("lara", { access_token: "t" });
  const other = await made.signIn("mike", { access_token: "t" });
  await assert.rejects(session.fetch("/slow"), { kind: "timeout" });
  await session.close();
  answer(new Response("late"));
  await new Promise(setImmediate);
  assert.equal(await (await other.fetch("/x")).text(), "ok");
});

test("a notice may use the session that it is about", async (context) => {
  let renewing: Promise<void> | undefined;
  const made: Client = client(context, {
    platform: testbed.oauth(),
    onNotice: ({ type }) => {
      if (type === "signed_in") renewing = Promise.resolve().then(async () => (await made.resume("nina").catch(() => undefined))?.renew());
    },
  });
  const session = await made.signIn("nina", { refresh_token: await testbed.grant("nina") });
  await renewing;
  assert.equal((await session.fetch("/me")).status, 200);
});
