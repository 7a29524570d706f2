// Does a session saved by the command line open in Node, and the other way round? And does the README's example work?

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "hallpass";
import { FileStore } from "hallpass/node";

import { PACKAGE, program, ROOT } from "./support/paths.js";
import { KEYS, password, Testbed } from "./support/testbed.js";

let testbed: Testbed;
let folder: string;
before(async () => {
  testbed = await Testbed.start("--open-registration");
  folder = await mkdtemp(join(tmpdir(), "hallpass-"));
  await writeFile(join(folder, "platform.json"), JSON.stringify(testbed.json()));
});
after(async () => {
  await testbed.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command line in folders of its own; what it printed, once it ended well. */
function hallpass(args: readonly string[], input = ""): Promise<string> {
  const home = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, HALLPASS_KEY: KEYS };
  return run(program("hallpass"), [...args, "--store", join(folder, "store")], home, input);
}

function run(file: string, args: readonly string[], env: Record<string, string>, input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { PATH: process.env["PATH"], ...env }, cwd: folder };
    const child = execFile(file, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} ${args.join(" ")}: ${stderr}`));
    });
    child.stdin?.end(input);
  });
}

async function inNode(): Promise<Client> {
  return new Client({ platform: testbed.json(), store: await FileStore.open(join(folder, "store")), keys: KEYS });
}

test("a session saved by the command line opens in Node, and goes back", async () => {
  await testbed.control("reset");
  const platform = join(folder, "platform.json");
  await hallpass(["login", platform, "from-shell", "--bundle", "-"], JSON.stringify(password("from-shell")));

  const client = await inNode();
  const session = await client.resume("from-shell");
  assert.equal((await session.fetch("/api/items/1")).status, 200);
  await session.renew();
  assert.equal(session.generation, 2);
  await client.close();

  const printed = await hallpass(["fetch", platform, "from-shell", "/api/items/2"]);
  assert.deepEqual(JSON.parse(printed), { account: "from-shell", number: 2 });
  const stats = await testbed.stats();
  assert.deepEqual([stats.sign_ins.total, stats.token_requests.total, stats.refresh_reuses], [1, 1, 0]);
});

test("a session saved by Node opens on the command line, and comes back", async () => {
  await testbed.control("reset");
  const platform = join(folder, "platform.json");
  const client = await inNode();
  await client.signIn("from-node", password("from-node"));
  await client.close();

  await testbed.control("expire?account=from-node");
  const printed = await hallpass(["fetch", platform, "from-node", "/api/items/3"]);
  assert.deepEqual(JSON.parse(printed), { account: "from-node", number: 3 });

  const again = await inNode();
  const session = await again.resume("from-node");
  assert.equal(session.generation, 2, "the command line renewed it");
  assert.equal((await session.fetch("/api/items/4")).status, 200);
  await again.close();
  const stats = await testbed.stats();
  assert.deepEqual([stats.sign_ins.total, stats.token_requests.total, stats.refresh_reuses], [1, 1, 0]);
});

test("the README's example signs in the first time and resumes the second", async () => {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const example = /<!-- js-example -->\n```js\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(example !== undefined, "README has a JavaScript example");
  const project = join(folder, "project");
  await mkdir(join(project, "examples/platforms"), { recursive: true });
  await mkdir(join(project, "node_modules"));
  await symlink(PACKAGE, join(project, "node_modules/hallpass"));
  const platform = await readFile(join(ROOT, "examples/platforms/testbed-json.json"), "utf8");
  const here = platform.replace("http://127.0.0.1:8080", testbed.url);
  await writeFile(join(project, "examples/platforms/testbed-json.json"), here);
  await writeFile(join(project, "example.mjs"), `process.chdir(${JSON.stringify(project)});\n${example}`);

  await testbed.control("reset");
  for (const _ of ["the first time", "the second"]) {
    const printed = await run(process.execPath, [join(project, "example.mjs")], { HALLPASS_KEY: KEYS });
    assert.match(printed, /^200 \{ account: 'alice', number: 1 \}/);
  }
  assert.equal((await testbed.stats()).sign_ins.total, 1);
});
