// Is `session.fetch` fetch? Its contract, over a listener that hears everything.

import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test, type TestContext } from "node:test";

import { Client, HallpassError, type PlatformDefinition, replyInfo, type Session } from "hallpass";

import { type Answer, type Heard, listen } from "./support/listener.js";

function platform(url: string, more: Partial<PlatformDefinition> = {}): PlatformDefinition {
  return { id: "plain", base_url: `${url}/v1/`, sign_in: { bearer: {} }, retry: { base: "1ms", cap: "2ms" }, ...more };
}

async function signedIn(
  context: TestContext,
  answer: Answer,
  more: Partial<PlatformDefinition> = {},
): Promise<{ session: Session; url: string; heard: Heard[] }> {
  const { url, heard } = await listen(context, answer);
  const client = new Client({ platform: platform(url, more) });
  context.after(() => client.close());
  return { session: await client.signIn("alice", { access_token: "token-1" }), url, heard };
}

/** A platform whose first token is refused once and renewed. */
const RENEWED: Partial<PlatformDefinition> = {
  sign_in: { oauth2_refresh: {} },
  renew: { token_url: "/token", client_id: "c" },
};

async function renewing(
  context: TestContext,
  answer: Answer,
): Promise<{ session: Session; url: string; heard: Heard[] }> {
  let issued = 0;
  const { url, heard } = await listen(context, (one, response, request) => {
    if (one.path === "/token") {
      response.setHeader("content-type", "application/json");
      return JSON.stringify({ access_token: `token-${++issued}`, refresh_token: `refresh-${issued}`, expires_in: 3600 });
    }
    if (one.headers.authorization === "Bearer token-1") {
      response.statusCode = 401;
      return "refused";
    }
    return answer(one, response, request);
  });
  const client = new Client({ platform: platform(url, RENEWED) });
  context.after(() => client.close());
  const session = await client.signIn("alice", { refresh_token: "refresh-0" });
  heard.length = 0;
  return { session, url, heard };
}

test("relative and absolute addresses, URLs and Requests all work, detached", async (context) => {
  const { session, url, heard } = await signedIn(context, () => "ok");
  const { fetch } = session;
  for (const input of ["items?a=1", "/root", `${url}/absolute`, new URL(`${url}/url`), new Request(`${url}/request`)]) {
    assert.equal(await (await fetch(input)).text(), "ok");
  }
  assert.deepEqual(heard.map((one) => one.path), ["/v1/items?a=1", "/root", "/absolute", "/url", "/request"]);
  assert.ok(heard.every((one) => one.headers.authorization === "Bearer token-1"));
});

test("the platform's own Response is passed on", async (context) => {
  const { url } = await listen(context, () => "ok");
  const seen: Response[] = [];
  const fetch = async (to: string, init: RequestInit): Promise<Response> => {
    const response = await globalThis.fetch(to, init);
    seen.push(response);
    return response;
  };
  const client = new Client({ platform: platform(url), fetch });
  context.after(() => client.close());
  const session = await client.signIn("alice", { access_token: "t" });
  const response = await session.fetch("x");
  assert.equal(response, seen[0]);
  assert.deepEqual(replyInfo(response), {
    verdict: "served",
    retryAt: undefined,
    attempts: 1,
    redirects: 0,
    generation: 1,
    url: `${url}/v1/x`,
  });
  assert.equal(replyInfo(new Response("x")), undefined);
});

test("no init field is passed that the caller did not set", async (context) => {
  const inits: RequestInit[] = [];
  const fetch = async (_: string, init: RequestInit): Promise<Response> => {
    inits.push(init);
    return new Response("ok");
  };
  const client = new Client({ platform: platform("http://127.0.0.1:9"), fetch });
  context.after(() => client.close());
  const session = await client.signIn("alice", { access_token: "t" });
  await session.fetch("x");
  await session.fetch(new Request("http://127.0.0.1:9/y", { method: "POST", body: "b", cache: "no-store" }));
  await session.fetch("z", { keepalive: true, headers: { a: "b" } });
  assert.deepEqual(inits.map((init) => Object.keys(init).sort()), [
    ["headers", "method", "redirect", "signal"],
    ["body", "headers", "method", "redirect", "signal"],
    ["headers", "keepalive", "method", "redirect", "signal"],
  ]);
});

test("final refusals, limits and failures are returned as received, with a verdict", async (context) => {
  const { session } = await signedIn(context, (one, response) => {
    response.statusCode = Number(one.path.slice("/v1/".length));
    response.setHeader("x-kept", "yes");
    return `body of ${response.statusCode}`;
  });
  for (const [status, verdict] of [
    [403, "declined"],
    [404, "declined"],
    [500, "failed"],
    [503, "failed"],
    [429, "throttled"],
    [401, "refused"],
  ] as const) {
    const response = await session.fetch(String(status));
    assert.equal(await response.text(), `body of ${status}`);
    assert.deepEqual([response.status, response.headers.get("x-kept")], [status, "yes"]);
    const told = replyInfo(response)?.verdict;
    assert.ok(told === verdict || (status === 401 && told === "rejected"), `${status}: ${told}`);
  }
});

test("a body inside a Request survives a refusal, and so does every other that is no stream", async (context) => {
  const bodies: [string, () => BodyInit, (body: string) => boolean][] = [
    ["text", () => "käse", (body) => body === "käse"],
    ["bytes", () => new TextEncoder().encode("bytes"), (body) => body === "bytes"],
    ["buffer", () => new TextEncoder().encode("buffer").buffer as ArrayBuffer, (body) => body === "buffer"],
    ["parameters", () => new URLSearchParams({ a: "1 2" }), (body) => body === "a=1+2"],
    ["blob", () => new Blob(["blob"], { type: "text/x-blob" }), (body) => body === "blob"],
    ["form", formData, (body) => body.includes('name="field"') && body.includes("value")],
  ];
  for (const [name, make, holds] of bodies) {
    for (const wrap of [false, true]) {
      const { session, url, heard } = await renewing(context, (one) => one.body);
      const init = { method: "POST", body: make() };
      const response = await (wrap ? session.fetch(new Request(`${url}/echo`, init)) : session.fetch("echo", init));
      assert.ok(holds(await response.text()), name);
      const sent = heard.filter((one) => one.path !== "/token");
      assert.equal(sent.length, 2);
      assert.ok(sent.every((one) => holds(one.body) && one.headers["content-type"] !== undefined || name.startsWith("b")), name);
    }
  }
});

function formData(): FormData {
  const form = new FormData();
  form.set("field", "value");
  return form;
}

test("a body is sent as it was when fetch was called", async (context) => {
  const { session } = await renewing(context, (one) => one.body);
  const bytes = new TextEncoder().encode("before");
  const reply = session.fetch("echo", { method: "POST", body: bytes });
  bytes.fill(0);
  assert.equal(await (await reply).text(), "before");
});

test("a body beyond the replay limit is sent once, whole, and not again", async (context) => {
  const { session, url, heard } = await renewing(context, (one) => String(one.body.length));
  const large = "x".repeat(300_000);
  const request = (): Request => new Request(`${url}/echo`, { method: "POST", body: large });
  await assert.rejects(session.with({ replayLimit: 1000 })(request()), { kind: "body_not_replayable" });
  assert.equal(heard.find((one) => one.path === "/echo")?.body.length, 300_000);
  assert.equal(await (await session.with({ replayLimit: 1000 })(request())).text(), "300000");
});

test("streams go up and down", async (context) => {
  const { session } = await signedIn(context, (one, response) => {
    response.write("head ");
    response.end(one.body);
    return undefined;
  });
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of ["a", "b", "c"]) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  const response = await session.fetch("up", { method: "POST", body: stream, duplex: "half" } as RequestInit);
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) text += new TextDecoder().decode(chunk);
  assert.equal(text, "head abc");
});

test("abort rejects with the signal's own reason, and ends a body that is under way", async (context) => {
  const { session } = await signedIn(context, (one, response) => {
    if (one.path.endsWith("/body")) response.write("first");
    return undefined;
  });
  const reason = new Error("my own reason");
  await assert.rejects(session.fetch("x", { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const during = new AbortController();
  const reply = session.fetch("never", { signal: during.signal });
  setTimeout(() => during.abort(reason), 20);
  await assert.rejects(reply, (error) => error === reason);
  await assert.rejects(session.fetch("never", { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
  const after = new AbortController();
  const response = await session.fetch("body", { signal: after.signal });
  after.abort(reason);
  // What the runtime's own fetch does then: Node 20 has an AbortError here, later ones the reason.
  await assert.rejects(response.text(), (error) => error === reason || (error as Error).name === "AbortError");
});

test("errors of the network are TypeErrors with a kind", async (context) => {
  const { session } = await signedIn(context, () => "ok");
  const closed = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
  for (const [url, kind] of [
    [`http://127.0.0.1:${closed}/`, "connect"],
    ["http://nowhere.invalid/", "dns"],
  ] as const) {
    await assert.rejects(session.with({ timeout: 3000 })(url), (error: unknown) => {
      assert.ok(error instanceof TypeError && error instanceof HallpassError && error instanceof Error);
      assert.deepEqual([error.name, error.kind, error.fault], ["TypeError", kind, "network"]);
      return true;
    });
  }
  for (const input of ["http://127.0.0.1:9/", "ftp://a.example/", "http://", "//user:pass@host/"]) {
    await assert.rejects(session.fetch(input), (error: unknown) => {
      assert.ok(error instanceof TypeError && error instanceof HallpassError, String(error));
      return error.kind === "request_invalid";
    });
  }
  await assert.rejects(session.fetch("x", { method: "GET", body: "b" }), { kind: "request_invalid" });
});

test("redirects are followed by us, with credentials for the platform only", async (context) => {
  const elsewhere = await listen(context, () => "elsewhere");
  const { session, url, heard } = await signedIn(context, (one, response) => {
    const to = { "/v1/out": `${elsewhere.url}/land`, "/v1/in": "/v1/end" }[one.path];
    if (to === undefined) return "end";
    response.writeHead(302, { location: to, "set-cookie": "hop=1; Path=/" });
    return "";
  });
  const out = await session.fetch("out", { headers: { cookie: "mine=1", authorization: "Basic mine", "x-own": "1" } });
  assert.deepEqual([out.url, out.redirected, out.clone().redirected], [`${elsewhere.url}/land`, true, true]);
  assert.equal(await out.text(), "elsewhere");
  const [landed] = elsewhere.heard;
  assert.deepEqual(
    [landed?.headers.cookie, landed?.headers.authorization, landed?.headers["x-own"]],
    [undefined, undefined, "1"],
  );
  assert.deepEqual([heard[0]?.headers.authorization, heard[0]?.headers.cookie], ["Bearer token-1", undefined]);
  const inside = await session.fetch("in");
  assert.equal(inside.url, `${url}/v1/end`);
  assert.equal(heard.at(-1)?.headers.cookie, "hop=1");
  const direct = await session.fetch(`${elsewhere.url}/direct`, { headers: { authorization: "Basic mine" } });
  assert.equal(replyInfo(direct)?.generation, 0);
  assert.equal(elsewhere.heard.at(-1)?.headers.authorization, "Basic mine", "elsewhere the caller's own is the caller's");
});

test("the caller's redirect mode is honoured", async (context) => {
  const { session } = await signedIn(context, (one, response) => {
    if (one.path === "/v1/end") return "end";
    response.writeHead(302, { location: "/v1/end" });
    return "moved";
  });
  const manual = await session.fetch("x", { redirect: "manual" });
  assert.deepEqual([manual.status, manual.headers.get("location"), manual.redirected], [302, "/v1/end", false]);
  await assert.rejects(session.fetch("x", { redirect: "error" }), (error) => error instanceof TypeError);
});

test("Set-Cookie that the jar took is removed from the reply unless it is asked for", async (context) => {
  const { session, heard } = await signedIn(context, (one, response) => {
    response.setHeader("set-cookie", ["a=1; Path=/", "b=2; Path=/"]);
    if (one.path.endsWith("none")) response.statusCode = 204;
    return "body";
  });
  const response = await session.fetch("x", { headers: { cookie: "visitor=planted" } });
  assert.equal(response.headers.get("set-cookie"), null);
  const copy = response.clone();
  assert.equal(await response.text(), "body");
  assert.equal(await copy.text(), "body");
  assert.deepEqual([copy.url, response.url, replyInfo(copy)?.verdict], [copy.url, copy.url, "served"]);
  assert.ok(copy.url.endsWith("/v1/x"));
  const shown = await session.with({ exposeSetCookie: true })("x");
  assert.deepEqual(shown.headers.getSetCookie(), ["a=1; Path=/", "b=2; Path=/"]);
  assert.deepEqual([heard[0]?.headers.cookie, heard[1]?.headers.cookie], [undefined, "a=1; b=2"]);
  assert.equal((await session.fetch("none")).status, 204);
});

test("a small body that tells what an answer means is read and given back whole", async (context) => {
  const refused = { bodies: [{ status: [200], pointer: "/error/code", values: ["session_expired"], cap: 100 }] };
  const { session } = await signedIn(
    context,
    (one, response) => {
      response.setHeader("content-type", "application/json; charset=utf-8");
      if (one.path.endsWith("gone")) return JSON.stringify({ error: { code: "session_expired" } });
      return JSON.stringify({ long: "x".repeat(Number(one.path.slice("/v1/".length))) });
    },
    { refused },
  );
  for (const size of [10, 100_000]) {
    const response = await session.fetch(String(size));
    assert.equal(((await response.json()) as { long: string }).long.length, size);
    assert.ok(response.url.endsWith(`/v1/${size}`));
  }
  const gone = await session.fetch("gone");
  assert.deepEqual(await gone.json(), { error: { code: "session_expired" } });
  assert.ok(["refused", "rejected"].includes(replyInfo(gone)?.verdict ?? ""));
});

test("bodies of discarded attempts are cancelled", async (context) => {
  let cancelled = 0;
  let count = 0;
  const fetch = async (): Promise<Response> => {
    const body = new ReadableStream({ cancel: () => void cancelled++ });
    return new Response(body, { status: ++count < 3 ? 503 : 200 });
  };
  const client = new Client({ platform: platform("http://127.0.0.1:9"), fetch });
  context.after(() => client.close());
  const session = await client.signIn("alice", { access_token: "t" });
  const response = await session.fetch("x");
  assert.deepEqual([response.status, count, cancelled], [200, 3, 2]);
});
