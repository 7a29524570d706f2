// Does the core behind the boundary say what Rust says?

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, HallpassError, NOTICE_TYPES, type RecordKey } from "hallpass";

import { read } from "../src/core/cbor.js";
import { engine, enter } from "../src/core/engine.js";
import { failureOf } from "../src/core/failure.js";
import { KINDS } from "../src/error.js";
import { encodeKey } from "../src/node/format.js";
import { vectors } from "./support/paths.js";

test("the kinds of errors are those of the vector file, in TypeScript and in the core", () => {
  const listed = vectors<{ kind: string; fault: string }[]>("error-kinds.json");
  assert.deepEqual([...KINDS], listed.map(({ kind }) => kind));
  const core = enter(engine(), (glue) => glue.kinds()).split("\n");
  assert.deepEqual(core, listed.map(({ kind, fault }) => `${kind} ${fault}`));
});

test("what sessions tell has the names of the vector file", () => {
  assert.deepEqual([...NOTICE_TYPES], vectors<string[]>("notices.json"));
});

test("every failure that the driver tells is one that the core knows", () => {
  const known = enter(engine(), (glue) => glue.failures()).split("\n");
  const coded = (code: string): Error => Object.assign(new TypeError("fetch failed"), { cause: { code } });
  for (const code of CODES) assert.ok(known.includes(failureOf(coded(code)).kind), code);
  assert.deepEqual(failureOf(coded("ECONNREFUSED")), {
    kind: "connect",
    maybeSent: false,
    detail: "the connection was refused (ECONNREFUSED)",
  });
  const several = { cause: { errors: [{ code: "ECONNREFUSED" }, { code: "ENETUNREACH" }] } };
  assert.equal(failureOf(several).kind, "connect");
  for (const odd of [undefined, null, "text", new Error("planted-secret"), { cause: {} }]) {
    const { kind, maybeSent, detail } = failureOf(odd);
    assert.deepEqual([kind, maybeSent, detail.includes("planted")], ["connection_lost", true, false]);
  }
});

const CODES = [
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ENETUNREACH",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "EPROTO",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "HPE_INVALID_CONSTANT",
  "ECONNRESET",
  "UND_ERR_SOCKET",
  "SOMETHING_ELSE",
];

test("every envelope of the vectors opens, under its own key only, and altered ones are told apart", () => {
  const file = vectors<{
    keys: Record<string, string>;
    records: { name: string; key_id: string; key: RecordKey; plaintext: string; sealed: string }[];
  }>("envelope/v1.json");
  const entries = Object.entries(file.keys).map(([id, hex]) => `${id}:${Buffer.from(hex, "hex").toString("base64")}`);
  const keys = enter(engine(), (glue) => glue.Keys.parse(entries.join(",")));
  const open = (key: RecordKey, sealed: Buffer): string =>
    Buffer.from(enter(engine(), () => keys.open(encodeKey(key), sealed))).toString("hex");
  assert.ok(file.records.length > 0);
  for (const { name, key, plaintext, sealed } of file.records) {
    const bytes = Buffer.from(sealed, "hex");
    assert.equal(open(key, bytes), plaintext, name);
    assert.throws(() => open({ ...key, account: `${key.account}x` }, bytes), { kind: "wrong_context" });
    const altered = Buffer.from(bytes);
    altered[altered.length - 1] = (altered[altered.length - 1] as number) ^ 1;
    assert.throws(() => open(key, altered), { kind: "damaged" });
  }
});

test("a faulty platform is refused with the same words as in Rust", () => {
  // The texts are those of `core/src/platform/parse/tests.rs`.
  const base = '{"id": "p", "base_url": "https://api.example.com",\n';
  for (const [rest, message] of [
    [
      '"sign_in": {"bearer": {}}, "retry": {"bse": "1s"}}',
      "line 2: unknown key `retry.bse`; did you mean `base`? (keys here: attempts, base, cap, methods)",
    ],
    ['"refused": {}}', "line 1: missing key `sign_in`"],
    ['"sign_in": "bearer"}', "line 2: `sign_in` must be a table with the key `bearer`, not a string"],
    [
      '"sign_in": {"bearer": {}}, "retry": {"base": "5x"}}',
      "line 2: `retry.base`: `5x` is not a duration; write 250ms, 60s, 5m or 2h",
    ],
    ['"sign_in": {"bearer": {}}, "sign_in": {"bearer": {}}}', "line 2, column 28: the key `sign_in` comes twice"],
  ] as const) {
    assert.throws(
      () => new Client({ platform: base + rest }),
      (error: unknown) => {
        assert.ok(error instanceof HallpassError);
        assert.deepEqual([error.kind, error.message], ["platform_invalid", `${message} (platform_invalid)`]);
        return true;
      },
    );
  }
});

test("options that do not exist are refused with the nearest that does", async () => {
  const platform = { id: "p", base_url: "https://a.example", sign_in: { bearer: {} } } as const;
  const refused = (make: () => unknown, hint: string): void =>
    assert.throws(make, (error: unknown) => {
      assert.ok(error instanceof HallpassError && error.kind === "config_invalid");
      assert.ok(error.message.includes(hint), error.message);
      return true;
    });
  refused(() => new Client({ platform, namespce: "x" } as never), "`namespce`; did you mean `namespace`?");
  refused(() => new Client({ platform, calls: { timout: 1 } } as never), "did you mean `timeout`?");
  const session = await new Client({ platform }).signIn("a", { access_token: "t" });
  refused(() => session.with({ idempotency_key: "x" } as never), "idempotencyKey");
  refused(() => new Client({ platform, keys: "k:AAAA" }), "`keys` are of no use without a `store`");
});

test("the reader of the core's buffers reads what CBOR says and refuses the rest", () => {
  const hex = (text: string): Uint8Array => Buffer.from(text, "hex");
  assert.deepEqual(read(hex("9f001818190100 1a00010000 1b0020000000000000 f4f5f6 fb3ff8000000000000 6161 63e282ac 4102ff".replaceAll(" ", ""))), [
    0,
    24,
    256,
    65536,
    2 ** 53,
    false,
    true,
    null,
    1.5,
    "a",
    "€",
    Buffer.from([2]),
  ]);
  for (const other of ["20", "a0", "c000", "f7", "9f00", ""]) assert.throws(() => read(hex(other)), RangeError);
});
