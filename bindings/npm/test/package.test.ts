// Is the package what it says it is: nothing at import, both formats agree, traps end one instance only, the README runs?

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import * as esm from "hallpass";

import { engine } from "../src/core/engine.js";
import { Client as SourceClient } from "../src/index.js";
import { listen } from "./support/listener.js";
import { PACKAGE } from "./support/paths.js";
import { KEYS, Testbed } from "./support/testbed.js";

const require = createRequire(join(PACKAGE, "package.json"));

test("importing compiles nothing, reads no clock and draws no randomness", () => {
  const script = `
    const refuse = (name) => () => { console.error(name + " at import"); process.exit(3); };
    WebAssembly.Module = WebAssembly.compile = WebAssembly.instantiate = refuse("WebAssembly");
    crypto.getRandomValues = refuse("randomness");
    Date.now = performance.now = globalThis.setTimeout = globalThis.fetch = refuse("clock, timer or fetch");
    await import("hallpass");
    await import("hallpass/node");
  `;
  execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: PACKAGE, stdio: "inherit" });
});

test("the ESM and the CommonJS build know each other's errors and replies", async (context) => {
  const cjs = require("hallpass") as typeof esm;
  const node = require("hallpass/node") as typeof import("hallpass/node");
  assert.notEqual(cjs.Client, esm.Client);
  assert.equal(typeof node.FileStore.open, "function");
  const { url } = await listen(context, () => "ok");
  const client = new cjs.Client({ platform: { id: "p", base_url: url, sign_in: { bearer: {} } } });
  const session = await client.signIn("a", { access_token: "t" });
  assert.equal(esm.replyInfo(await session.fetch("/"))?.verdict, "served");
  await assert.rejects(client.resume("b"), (error) => error instanceof esm.HallpassError && error instanceof cjs.HallpassError);
  assert.ok(cjs.StoreError.conflict(1) instanceof esm.StoreError);
  assert.ok(!(new Error("x") instanceof esm.HallpassError) && !(null as unknown instanceof esm.HallpassError));
  await client.close();
});

test("core.wasm is exported and is the module that is inlined", async () => {
  const bytes = await readFile(require.resolve("hallpass/core.wasm"));
  const inlined = (await import("../src/generated/wasm.js")).base64;
  assert.equal(bytes.toString("base64"), inlined);
});

test("the package is of the workspace's version, and so is the core", async () => {
  const { version } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  assert.equal(engine().glue.version(), version);
});

test("a trap ends what is under way and nothing else: saved sessions open again in a new instance", async (context) => {
  let isHanging = true;
  const { url, heard } = await listen(context, (one) => (one.path === "/hangs" && isHanging ? undefined : "ok"));
  const store = new esm.MemoryStore();
  const client = new SourceClient({ platform: { id: "p", base_url: url, sign_in: { bearer: {} } }, store, keys: KEYS });
  context.after(() => client.close());
  const [alice, bob] = await Promise.all(["alice", "bob"].map((account) => client.signIn(account, { access_token: account })));
  assert.ok(alice && bob);
  const under = [alice.fetch("/hangs"), bob.fetch("/hangs")];
  const ended = under.map((call) => assert.rejects(call, { kind: "core_trapped", fault: "internal" }));
  while (heard.length < 2) await new Promise(setImmediate);
  const before = engine();
  const { Session } = before.glue;
  const { poll } = Session.prototype;
  Session.prototype.poll = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  await assert.rejects(alice.fetch("/x"), { kind: "core_trapped" });
  Session.prototype.poll = poll;
  isHanging = false;
  assert.equal(await (await alice.fetch("/x")).text(), "ok");
  assert.equal(await (await bob.fetch("/x")).text(), "ok");
  await Promise.all(ended);
  assert.notEqual(engine(), before);
  assert.deepEqual([alice.stats.restores, bob.stats.restores, alice.generation], [1, 1, 1]);
  assert.deepEqual(heard.filter((one) => one.path === "/hangs").length, 2, "what may have been sent is not sent again");
  assert.equal(heard.at(-1)?.headers.authorization, "Bearer bob");
});

test("an idle session keeps no script alive, a pending save does", async (context) => {
  const { url } = await listen(context, (one, response) => {
    if (one.path === "/set") response.setHeader("set-cookie", "a=1; Path=/");
    return '{"access_token":"t","refresh_token":"r","expires_in":3600}';
  });
  const script = `
    import { Client, MemoryStore } from "hallpass";
    const platform = { id: "p", base_url: ${JSON.stringify(url)}, sign_in: { json: { path: "/login", fields: {}, tokens: {} } },
      renew: { token_url: "/token" } };
    const onNotice = (notice) => console.log(notice.type);
    const client = new Client({ platform, store: new MemoryStore(), keys: ${JSON.stringify(KEYS)}, onNotice });
    const session = await client.signIn("a", { username: "a" });
    await (await session.fetch("/set", { headers: { connection: "close" } })).text();
  `;
  const out = await run(script);
  assert.deepEqual(out.trim().split("\n"), ["saved", "signed_in", "saved"]);
});

function run(script: string, cwd = PACKAGE, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = import("node:child_process").then(({ execFile }) =>
      execFile(
        process.execPath,
        ["--input-type=module", "-e", script],
        { cwd, timeout: 30_000, env: { ...process.env, ...environment } },
        (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stdout}\n${stderr}`)) : resolve(stdout)),
      ),
    );
    child.catch(reject);
  });
}

test("the README's example runs as it stands", async (context) => {
  const readme = await readFile(join(PACKAGE, "README.md"), "utf8");
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(example);
  const testbed = await Testbed.start();
  const folder = await mkdtemp(join(tmpdir(), "hallpass-"));
  context.after(async () => {
    await testbed.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await mkdir(join(folder, "node_modules"));
  await symlink(PACKAGE, join(folder, "node_modules/hallpass"));
  await writeFile(join(folder, "platform.json"), JSON.stringify(testbed.json()));
  const environment = { HALLPASS_KEY: KEYS, PASSWORD: "alice-password" };
  for (const expected of ["signed in", "resumed"]) {
    const out = await run(example, folder, environment);
    assert.ok(out.startsWith(expected), out);
    assert.ok(out.includes('{ account: \'alice\', number: 1 }'), out);
  }
  assert.equal((await testbed.stats()).sign_ins.total, 1);
});
