// How does the package come to be: the glue as a function, the module as text, then TypeScript twice (ESM and CommonJS).
//
// The wasm module and wasm-bindgen's glue are in `wasm/`, where `cargo xtask npm build` puts them. With `--tests` the tests are
// compiled instead of the package.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { platformTypes } from "./platform-types.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (path) => root + path;

/** Turns wasm-bindgen's module, which is one instance for ever, into a function that makes as many as are wanted. */
function glueAsFunction(source) {
  const names = [...source.matchAll(/^export (?:class|function|const) (\w+)/gm)].map((found) => found[1]);
  const body = source
    .replace(/^export \{[^}]*\};?$/m, "")
    .replace(/^export /gm, "")
    // The loader never lets the glue fetch the module by itself.
    .replace(/^async function __wbg_load[\s\S]*?^}\n/m, "")
    .replace(/^let __wbg_init_promise;\n/m, "")
    .replace(/^async function __wbg_init\([\s\S]*?^}\n/m, "")
    .replace(/^async function __wbg_init_once[\s\S]*?^}\n/m, "");
  return `// Made by scripts/build.mjs from wasm-bindgen's glue.

/**
 * Glue for one instance.
 *
 * @returns {any}
 */
export function glue() {
${body}
return { initSync, ${names.join(", ")} };
}
`;
}

function generate() {
  rmSync(at("src/generated"), { recursive: true, force: true });
  mkdirSync(at("src/generated"), { recursive: true });
  const wasm = readFileSync(at("wasm/hallpass_wasm_bg.wasm"));
  writeFileSync(at("src/generated/glue.js"), glueAsFunction(readFileSync(at("wasm/hallpass_wasm.js"), "utf8")));
  const types = readFileSync(at("wasm/hallpass_wasm.d.ts"), "utf8");
  writeFileSync(at("src/generated/bindgen.d.ts"), `// What does wasm-bindgen say that the core exports?\n\n${types}`);
  writeFileSync(
    at("src/generated/wasm.ts"),
    `// Made by scripts/build.mjs: the core's module.\n\n/** The module's bytes in base64. */\nexport const base64: string =\n  "${wasm.toString("base64")}";\n`,
  );
}

/** The types of platforms come from the repository's schema. */
function describe() {
  const schema = JSON.parse(readFileSync(at("../../docs/platform.schema.json"), "utf8"));
  writeFileSync(at("src/generated/platform.ts"), platformTypes(schema));
}

function compile(project) {
  execFileSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at(project)], { stdio: "inherit" });
}

if (process.argv.includes("--tests")) {
  rmSync(at("test/dist"), { recursive: true, force: true });
  compile("tsconfig.test.json");
} else {
  rmSync(at("dist"), { recursive: true, force: true });
  generate();
  describe();
  compile("tsconfig.json");
  compile("tsconfig.cjs.json");
  for (const format of ["esm", "cjs"]) {
    cpSync(at("src/generated/bindgen.d.ts"), at(`dist/${format}/generated/bindgen.d.ts`));
  }
  writeFileSync(at("dist/cjs/package.json"), '{ "type": "commonjs", "sideEffects": false }\n');
  cpSync(at("wasm/hallpass_wasm_bg.wasm"), at("dist/core.wasm"));
}
