// Which byte of a version file means what? `docs/file-store.md`, format 1.
//
// A file that is not exactly what the store writes is an error, never a record and never a miss.

import { createHash } from "node:crypto";

import { type Expiry, type RecordKey, type RecordKind, StoreError } from "../store.js";

/** What one version of a key is: a record and when it ends, or the trace of a removal. */
export type Content = { readonly sealed: Uint8Array; readonly expiry: Expiry } | "tombstone";

/** The one byte form of a logical key: each part as a big-endian u32 length and its UTF-8 bytes. */
export function encodeKey(key: RecordKey): Buffer {
  const parts = [key.namespace, key.kind, key.platform, key.account].map((part) => Buffer.from(part, "utf8"));
  return Buffer.concat(parts.flatMap((part) => [u32(part.length), part]));
}

/** The name of a key's folder. */
export function digestOf(key: RecordKey): string {
  return createHash("sha256").update(encodeKey(key)).digest("hex");
}

/** Writes a version file's content. */
export function encode(key: RecordKey, content: Content): Buffer {
  const isGone = content === "tombstone";
  const { idle, absolute } = isGone ? {} : content.expiry;
  const sealed = isGone ? new Uint8Array() : content.sealed;
  if (sealed.length > 0xffff_ffff) throw new StoreError("unsupported", "a record of the file store is below 4 GiB");
  const head = Buffer.alloc(22);
  head.write(MAGIC, "latin1");
  head[4] = FORMAT;
  head[5] = (isGone ? TOMBSTONE : 0) | (idle === undefined ? 0 : IDLE) | (absolute === undefined ? 0 : ABSOLUTE);
  head.writeBigUInt64BE(BigInt(Math.trunc(idle ?? 0)), 6);
  head.writeBigInt64BE(BigInt(Math.trunc(absolute ?? 0)), 14);
  const logical = encodeKey(key);
  const all = Buffer.concat([head, u32(logical.length), logical, u32(sealed.length), sealed]);
  return Buffer.concat([all, createHash("sha256").update(all).digest()]);
}

/** Reads a version file's content. */
export function decode(bytes: Buffer): { readonly key: RecordKey; readonly content: Content } {
  if (bytes.length < 5 || bytes.toString("latin1", 0, 4) !== MAGIC) {
    throw damaged("it does not begin like one of the file store");
  }
  if (bytes[4] !== FORMAT) {
    throw new StoreError("unsupported", `this record's file has format ${bytes[4]}, which a newer release wrote`);
  }
  if (bytes.length < 5 + DIGEST) throw damaged("it is cut short");
  const all = bytes.subarray(0, -DIGEST);
  if (!createHash("sha256").update(all).digest().equals(bytes.subarray(-DIGEST))) {
    throw damaged("it is cut short or altered");
  }
  const read = fields(all);
  if (read === undefined) throw damaged("its fields contradict each other");
  return read;
}

function fields(all: Buffer): { key: RecordKey; content: Content } | undefined {
  if (all.length < 22) return undefined;
  const flags = all[5] as number;
  const idle = all.readBigUInt64BE(6);
  const absolute = all.readBigInt64BE(14);
  const logical = part(all, 22);
  const sealed = logical && part(all, logical.end);
  const isWhole =
    sealed?.end === all.length &&
    (flags & ~(TOMBSTONE | IDLE | ABSOLUTE)) === 0 &&
    ((flags & IDLE) !== 0 || idle === 0n) &&
    ((flags & ABSOLUTE) !== 0 || absolute === 0n) &&
    ((flags & TOMBSTONE) === 0 || (flags === TOMBSTONE && sealed.bytes.length === 0));
  const key = logical && decodeKey(logical.bytes);
  if (!isWhole || key === undefined) return undefined;
  if (flags === TOMBSTONE) return { key, content: "tombstone" };
  const expiry = {
    idle: (flags & IDLE) === 0 ? undefined : Number(idle),
    absolute: (flags & ABSOLUTE) === 0 ? undefined : Number(absolute),
  };
  return { key, content: { sealed: new Uint8Array(sealed.bytes), expiry } };
}

function decodeKey(bytes: Buffer): RecordKey | undefined {
  const texts: string[] = [];
  let at = 0;
  for (let count = 0; count < 4; count++) {
    const found = part(bytes, at);
    const text = found?.bytes.toString("utf8");
    // Bytes that are no UTF-8 do not come back as they were.
    if (found === undefined || text === undefined || !Buffer.from(text, "utf8").equals(found.bytes)) return undefined;
    texts.push(text);
    at = found.end;
  }
  const [namespace, kind, platform, account] = texts as [string, string, string, string];
  if (at !== bytes.length || !KINDS.includes(kind)) return undefined;
  return { namespace, kind: kind as RecordKind, platform, account };
}

function part(bytes: Buffer, at: number): { readonly bytes: Buffer; readonly end: number } | undefined {
  if (at + 4 > bytes.length) return undefined;
  const end = at + 4 + bytes.readUInt32BE(at);
  return end > bytes.length ? undefined : { bytes: bytes.subarray(at + 4, end), end };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function damaged(how: string): StoreError {
  return new StoreError("damaged", how);
}

const MAGIC = "HPFR";
const FORMAT = 1;
const TOMBSTONE = 1;
const IDLE = 2;
const ABSOLUTE = 4;
const DIGEST = 32;
const KINDS: readonly string[] = ["session", "response"];
