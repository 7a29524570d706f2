// Makes v1.json from its own description with nothing but node:crypto: a second implementation of docs/envelope.md, so that
// the vectors do not come from the code they test. `node make.mjs` prints the file; released vectors never change.
import { createCipheriv, createHash, createHmac } from "node:crypto";

const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest();
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(n)); return b; };
const expand = (prk, ...info) => hmac(prk, ...info, Buffer.from([1]));
const label = (name) => Buffer.from(`hallpass/envelope/1/${name}`);

// The core's generator: `Seed::rng("seal")`, first block.
function random(seed) {
  const key = createHash("sha256").update("hallpass/seed/1").update(seed).update("seal").digest();
  return createHash("sha256").update(key).update(u64(0)).digest();
}

function seal({ keyId, master, seed, schema, key, plaintext }) {
  const logical = Buffer.concat([key.namespace, key.kind, key.platform, key.account].flatMap((part) => {
    const bytes = Buffer.from(part);
    return [u32(bytes.length), bytes];
  }));
  const prefix = Buffer.concat([Buffer.from("HPSS"), Buffer.from([1, 1, schema, keyId.length]), Buffer.from(keyId)]);
  const parts = [random(seed), prefix, logical, plaintext].flatMap((part) => [u64(part.length), part]);
  const salt = hmac(expand(master, label("salt")), ...parts).subarray(0, 24);
  const prk = hmac(salt, master);
  const context = expand(prk, label("context"), logical).subarray(0, 16);
  const committed = Buffer.concat([prefix, salt, context]);
  const header = Buffer.concat([committed, expand(prk, label("commitment"), committed)]);
  const cipher = createCipheriv("aes-256-gcm", expand(prk, label("key")), Buffer.alloc(12));
  cipher.setAAD(Buffer.concat([header, logical]));
  return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

const masters = { "2026-11": Buffer.alloc(32, 0x11), k: Buffer.from(Array.from({ length: 32 }, (_, i) => i)), "A-32-bytes_long.key-id_________.": Buffer.alloc(32, 0xff) };
const record = (name, keyId, seed, schema, key, plaintext) => ({ name, keyId, seed: Buffer.alloc(32, seed), schema, key, plaintext });
const session = (namespace, platform, account) => ({ namespace, kind: "session", platform, account });
const records = [
  record("a small session", "2026-11", 1, 1, session("app", "example", "alice"), Buffer.from("a payload")),
  record("the same seed, another account", "2026-11", 1, 1, session("app", "example", "bob"), Buffer.from("a payload")),
  record("an empty payload", "k", 2, 0, session("app", "example", "alice"), Buffer.alloc(0)),
  record("empty names", "k", 3, 255, session("", "", ""), Buffer.from("x")),
  record("names beyond ASCII", "k", 4, 1, session("café", "例え", "Ålice 🎫"), Buffer.from("päyload")),
  record("a cached response", "2026-11", 5, 2, { namespace: "app", kind: "response", platform: "example", account: "alice" }, Buffer.from("{}")),
  record("a key id of the longest length", "A-32-bytes_long.key-id_________.", 6, 1, session("app", "example", "alice"), Buffer.from("payload")),
  record("a payload over several blocks", "k", 7, 1, session("app", "example", "alice"), Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 255))),
];

const file = {
  about: "Sealed records of envelope format 1 (docs/envelope.md). Each opens for ever, and sealing again from the same seed (its generator labelled `seal`, first block) gives the same bytes. Bytes are hexadecimal.",
  keys: Object.fromEntries(Object.entries(masters).map(([id, bytes]) => [id, bytes.toString("hex")])),
  records: records.map((r) => ({
    name: r.name, key_id: r.keyId, seed: r.seed.toString("hex"), schema: r.schema, key: r.key,
    plaintext: r.plaintext.toString("hex"), sealed: seal({ ...r, master: masters[r.keyId] }).toString("hex"),
  })),
};
console.log(JSON.stringify(file, null, 2));
