// What does a buffer of the core say? The part of CBOR (RFC 8949) that its encoder writes, and nothing else.

/** A value that the core writes. */
export type Value = number | string | boolean | null | Uint8Array | Value[];

/** Reads one value, which must be all of the buffer. */
export function read(bytes: Uint8Array): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  function length(info: number): number {
    if (info < 24) return info;
    at += 1 << (info - 24);
    switch (info) {
      case 24:
        return view.getUint8(at - 1);
      case 25:
        return view.getUint16(at - 2);
      case 26:
        return view.getUint32(at - 4);
      case 27:
        return view.getUint32(at - 8) * 2 ** 32 + view.getUint32(at - 4);
      default:
        throw new RangeError("unknown CBOR length");
    }
  }

  function value(): Value {
    const first = view.getUint8(at++);
    const info = first & 31;
    switch (first >> 5) {
      case 0:
        return length(info);
      case 2: {
        const size = length(info);
        return bytes.subarray(at, (at += size));
      }
      case 3: {
        const size = length(info);
        return text(bytes, at, (at += size));
      }
      case 4:
        return array(info);
      case 7:
        return simple(info);
      default:
        throw new RangeError("unknown CBOR type");
    }
  }

  function array(info: number): Value[] {
    const items: Value[] = [];
    if (info === 31) {
      while (bytes[at] !== 0xff) items.push(value());
      at++;
    } else {
      for (let left = length(info); left > 0; left--) items.push(value());
    }
    return items;
  }

  function simple(info: number): Value {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 27:
        at += 8;
        return view.getFloat64(at - 8);
      default:
        throw new RangeError("unknown CBOR simple value");
    }
  }

  return value();
}

/** Text between two places; short ASCII, which is most of it, without a decoder. */
function text(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > 32) return decoder.decode(bytes.subarray(from, to));
  let read = "";
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte > 127) return decoder.decode(bytes.subarray(from, to));
    read += String.fromCharCode(byte);
  }
  return read;
}

/** Bytes as header values have them: a character a byte. */
export function latin1(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte < 128)) return decoder.decode(bytes);
  let read = "";
  for (const byte of bytes) read += String.fromCharCode(byte);
  return read;
}

const decoder = /* @__PURE__ */ new TextDecoder();
