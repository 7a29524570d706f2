// Makes v1-sealed.json and v1-plaintext.json from ../payload/v1.json and docs/exported-sessions.md alone, with Node's own cryptography.
//   node tests/vectors/exported-sessions/make.mjs

import { createDecipheriv, hkdfSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
const payload = JSON.parse(readFileSync(new URL("../payload/v1.json", here), "utf8"));
const sealed = Buffer.from(payload.sealed, "hex");
const master = Buffer.from(payload.keyring.split(":")[1], "base64");

// docs/envelope.md
const n = sealed[7];
const salt = sealed.subarray(8 + n, 32 + n);
const header = sealed.subarray(0, 80 + n);
const part = (text) => {
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const logical = Buffer.concat([payload.namespace, "session", payload.platform.id, payload.account].map(part));
const key = Buffer.from(hkdfSync("sha256", master, salt, "hallpass/envelope/1/key", 32));
const open = createDecipheriv("aes-256-gcm", key, Buffer.alloc(12));
open.setAAD(Buffer.concat([header, logical]));
open.setAuthTag(sealed.subarray(-16));
const plaintext = Buffer.concat([open.update(sealed.subarray(80 + n, -16)), open.final()]);

const session = {
  namespace: payload.namespace,
  platform: payload.platform.id,
  account: payload.account,
  idle: 86400000,
  absolute: 4102444800000,
};
const write = (name, content) => {
  const file = { hallpass_sessions: 1, sessions: [{ ...session, ...content }] };
  writeFileSync(new URL(name, here), JSON.stringify(file, undefined, 2) + "\n");
};
write("v1-sealed.json", { sealed: sealed.toString("base64") });
write("v1-plaintext.json", { schema: sealed[6], plaintext: plaintext.toString("base64") });
