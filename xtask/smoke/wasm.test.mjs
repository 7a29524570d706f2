// Does the wasm module that was just built load here, and does it ask its host for nothing it must not have?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const file = process.env.HALLPASS_WASM;
assert.ok(file, "HALLPASS_WASM names the module; `cargo xtask test --only wasm` sets it");
const bytes = readFileSync(file);

test("the module and its glue load in Node", async () => {
  const glue = await import(pathToFileURL(join(dirname(file), "hallpass_wasm.js")).href);
  const exported = glue.initSync({ module: bytes });
  assert.ok(exported.memory instanceof WebAssembly.Memory);
});

test("the module imports no clock and no randomness", async () => {
  const names = WebAssembly.Module.imports(await WebAssembly.compile(bytes)).map((one) => `${one.module}.${one.name}`);
  const forbidden = /getrandom|get_?random_?values|random_?fill|math_random|performance|date_?now|\bnow_|crypto|wasi/i;
  assert.deepEqual(names.filter((name) => forbidden.test(name)), []);
});

test("the module is at most 65 KB after gzip", (context) => {
  const size = gzipSync(bytes, { level: 9 }).length;
  context.diagnostic(`${size} bytes of ${bytes.length} after gzip`);
  assert.ok(size <= 65 * 1024, `${size} bytes after gzip`);
});
