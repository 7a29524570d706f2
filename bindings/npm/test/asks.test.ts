// Does a program answer what a platform asks, and are pasted credentials understood, without a secret showing anywhere?

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { type Asks, Client, type ClientOptions, HallpassError, Imported } from "hallpass";

import { client } from "./support/client.js";
import { password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
before(async () => {
  testbed = await Testbed.start("--open-registration");
});
after(() => testbed.stop());

/** The testbed, for programs that sign in by themselves. */
function custom(): ClientOptions["platform"] {
  return { ...testbed.json(), sign_in: { custom: {} } };
}

test("a sign-in of the program's own gives the session what it shows itself with", async (context) => {
  const asked: string[] = [];
  const asks: Asks = {
    custom: async (credentials, { account, signal }) => {
      asked.push(account);
      assert.equal(signal.aborted, false);
      const answer = await fetch(`${testbed.url}/json/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ username: credentials["username"], password: credentials["password"] }),
      });
      const { access_token, refresh_token, expires_in } = (await answer.json()) as Record<string, string | number>;
      return { access_token, refresh_token, expires_in };
    },
  };
  const session = await client(context, { platform: custom(), asks }).signIn("own", password("own"));
  assert.deepEqual(await (await session.fetch("/api/items/3")).json(), { account: "own", number: 3 });
  assert.deepEqual(asked, ["own"]);
  await testbed.control("expire?account=own");
  assert.equal((await session.fetch("/api/items/4")).status, 200, "it renews as any other session");
  assert.equal(session.stats.renewals, 1);
});

test("a question that nobody answers, or whose answer throws, ends the sign-in with a kind of its own", async (context) => {
  const kinds = async (asks: Asks | undefined): Promise<[string, unknown]> => {
    const error = await client(context, { platform: custom(), asks }).signIn("none", {}).then(
      () => assert.fail("signed in"),
      (error: unknown) => error,
    );
    assert.ok(error instanceof HallpassError);
    return [error.kind, error.cause];
  };
  assert.deepEqual(await kinds(undefined), ["challenge_required", undefined]);
  const thrown = new RangeError("planted-secret in the program's own words");
  const custom_: Asks = { custom: () => Promise.reject(thrown) };
  assert.deepEqual(await kinds(custom_), ["challenge_cancelled", thrown]);
  assert.equal((await kinds({ secondFactor: () => "123456" }))[0], "challenge_cancelled");
});

test("questions that do not exist are refused with the nearest one that does", () => {
  const asks = { secondFaktor: () => "1" } as Asks;
  assert.throws(() => new Client({ platform: custom(), asks }), /secondFaktor.*did you mean `secondFactor`/);
  const noFunction = { custom: "x" } as unknown as Asks;
  assert.throws(() => new Client({ platform: custom(), asks: noFunction }), /`asks.custom` must be a function/);
});

test("a cURL command is imported, told without its secrets, and signed in with", async (context) => {
  const { cookie, user_agent, x_bc } = await testbed.issueBundle("curl");
  const made = client(context, { platform: testbed.bundle() });
  const command = `curl '${testbed.url}/bundle/me' -H 'x-bc: ${x_bc}' -A '${user_agent}' -b '${cookie}; other=planted' --compressed`;
  const imported = made.import(command);
  assert.ok(imported instanceof Imported);
  assert.deepEqual([imported.form, imported.missing, imported.foreignOrigin], ["a cURL command", [], undefined]);
  assert.ok(imported.summary.some((line) => line.startsWith("cookies: ")), String(imported.summary));
  for (const shown of [JSON.stringify(imported), inspect(imported, { depth: 9, showHidden: true })]) {
    assert.ok(!shown.includes("planted") && !shown.includes(x_bc), shown);
  }
  const session = await made.signIn("curl", imported);
  assert.equal((await session.fetch("/bundle/me")).status, 200);
  const exported = new TextDecoder().decode(session.cookiesTxt());
  assert.match(exported, /\tother\tplanted\n/);
  const again = made.import(exported);
  const cookies = (one: Imported): string | undefined => one.summary.find((line) => line.startsWith("cookies: "));
  assert.deepEqual([again.form, cookies(again)], ["cookies.txt", cookies(imported)]);
});

test("what was copied from another service, or is no credentials at all, is told", (context) => {
  const made = client(context, { platform: testbed.bundle() });
  const foreign = made.import("curl 'https://elsewhere.example/me' -H 'cookie: a=1'");
  assert.equal(foreign.foreignOrigin, "https://elsewhere.example");
  assert.ok(foreign.missing.length > 0);
  assert.throws(() => made.import("<html>"), (error: unknown) => {
    assert.ok(error instanceof HallpassError);
    assert.equal(error.kind, "credentials_invalid");
    return true;
  });
});

test("credentials come from environment variables with a prefix", async (context) => {
  const made = client(context, { platform: testbed.json() });
  const { username, password: secret } = password("env") as Record<string, string>;
  const imported = made.importEnvironment("TESTBED", { TESTBED_USERNAME: username, TESTBED_PASSWORD: secret, PATH: "/bin" });
  assert.deepEqual(imported.missing, []);
  assert.equal((await made.signIn("env", imported)).state, "active");
});
