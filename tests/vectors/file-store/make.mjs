// Makes v1.json: version files of the file store, from docs/file-store.md alone. `node make.mjs` prints the file; released vectors
// never change.
import { createHash } from "node:crypto";

const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(n)); return b; };
const i64 = (n) => { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(n)); return b; };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const part = (bytes) => Buffer.concat([u32(bytes.length), bytes]);

function make({ name, key, version, idle_ms, absolute_ms, sealed }) {
  const logical = Buffer.concat([key.namespace, key.kind, key.platform, key.account].map((text) => part(Buffer.from(text))));
  const flags = sealed === null ? 1 : (idle_ms === null ? 0 : 2) | (absolute_ms === null ? 0 : 4);
  const content = Buffer.concat([
    Buffer.from("HPFR"), Buffer.from([1, flags]), u64(idle_ms ?? 0), i64(absolute_ms ?? 0),
    part(logical), part(Buffer.from(sealed ?? "", "hex")),
  ]);
  return {
    name, key, version, idle_ms, absolute_ms, sealed,
    folder: sha256(logical).toString("hex"), file: String(version),
    content: Buffer.concat([content, sha256(content)]).toString("hex"),
  };
}

const key = (account, kind = "session") => ({ namespace: "app", kind, platform: "example", account });
const files = [
  { name: "a record that never ends", key: key("alice"), version: 1, idle_ms: null, absolute_ms: null, sealed: "0102030405" },
  { name: "a record with both expiries", key: key("bob"), version: 2, idle_ms: 86400000, absolute_ms: 4102444800000, sealed: "ff".repeat(40) },
  { name: "idle expiry only, empty", key: key("Ålice 🎫"), version: 9007199254740990, idle_ms: 1, absolute_ms: null, sealed: "" },
  { name: "an absolute expiry before 1970", key: key("carol"), version: 3, idle_ms: null, absolute_ms: -1, sealed: "00" },
  { name: "a cached response", key: key("alice", "response"), version: 10, idle_ms: null, absolute_ms: 4102444800000, sealed: "7b7d" },
  { name: "a tombstone", key: key("dave"), version: 4, idle_ms: null, absolute_ms: null, sealed: null },
].map(make);

console.log(JSON.stringify({
  about: "Version files of the file store, format 1 (docs/file-store.md): FOLDER/folder/file holds content. Bytes are hexadecimal; sealed is null in a tombstone. Each is read for ever, and saving the same as the next version of a key gives the same bytes.",
  files,
}, null, 2));
