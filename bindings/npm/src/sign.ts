// Who signs what leaves? The program's signer for attempts, and the runtime's own cryptography for proofs of possession.
//
// Nothing of it is policy: the core says what is signed, when, and what becomes of an attempt that is not.

import type { CoreSession } from "./core/engine.js";
import { linesOf, type Payload } from "./core/exchange.js";
import type { SignEffect } from "./core/outputs.js";

/** An attempt as a signer sees it, just before it leaves. */
export interface SignRequest {
  readonly method: string;
  /** The absolute address. */
  readonly url: string;
  /** Every header so far, the session's credentials included; what the runtime adds (`host`, `content-length`) is not there yet. */
  readonly headers: Headers;
  /** The present moment. */
  readonly time: Date;
  /** The account's name. */
  readonly account: string;
  /** The id that the platform gave the account, once it is known. */
  readonly accountId: string | undefined;
  /** The generation of the session whose credentials the attempt carries. */
  readonly generation: number;
  /** The number of this attempt within its call, from 1. */
  readonly attempt: number;
  /** The body, where the platform's `signer.body` is `bytes`; empty where there is none. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** The SHA-256 of the body, where the platform's `signer.body` is `sha256`. */
  readonly bodySha256: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Signs one attempt: gives headers, which replace those of the same name. What it throws ends the call with `signer_failed` and the
 * error's message, so that must hold no secret. The signal aborts when the signature is not waited for any more.
 */
export type Signer = (request: SignRequest, context: { readonly signal: AbortSignal }) => HeadersInit | Promise<HeadersInit>;

/** What to tell the machine. */
export type Tell = (core: CoreSession, mono: number, wall: number) => boolean;

/** Makes what the core wants made; never rejects. */
export async function signed(
  effect: SignEffect,
  signer: Signer | undefined,
  account: string,
  payload: Payload,
  signal: AbortSignal,
): Promise<Tell> {
  const { id, work } = effect;
  try {
    switch (work.type) {
      case "key": {
        const { pkcs8, point } = await newKey();
        return (core, mono, wall) => core.keyMade(id, pkcs8, point, mono, wall);
      }
      case "es256": {
        const signature = await es256(work.pkcs8, work.input);
        return (core, mono, wall) => core.signatureMade(id, signature, mono, wall);
      }
      case "attempt": {
        if (signer === undefined) throw new Error("the client was given no `signer`");
        const { method, url, time, accountId, generation, attempt, wanted } = work;
        const body = wanted === "none" ? undefined : await bytesOf(work.body === true ? payload.body : work.body);
        const bodySha256 = wanted === "sha256" && body ? new Uint8Array(await crypto.subtle.digest("SHA-256", body)) : undefined;
        const shown = wanted === "bytes" ? body : undefined;
        const headers = new Headers(work.headers);
        const request = { method, url, headers, time: new Date(time), account, accountId, generation, attempt, body: shown, bodySha256 };
        const lines = linesOf(new Headers(await signer(request, { signal })));
        return (core, mono, wall) => core.signed(id, lines, mono, wall);
      }
    }
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return (core, mono, wall) => core.notSigned(id, why, mono, wall);
  }
}

async function bytesOf(body: BodyInit | null | undefined): Promise<Uint8Array<ArrayBuffer>> {
  if (body == null) return new Uint8Array();
  if (typeof FormData === "function" && body instanceof FormData) {
    throw new Error("a FormData is written anew each time, so its bytes cannot be signed; give them as bytes");
  }
  return new Uint8Array(await new Response(body).arrayBuffer());
}

async function newKey(): Promise<{ pkcs8: Uint8Array<ArrayBuffer>; point: Uint8Array<ArrayBuffer> }> {
  const pair = (await crypto.subtle.generateKey(P256, true, ["sign", "verify"])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { pkcs8, point };
}

async function es256(pkcs8: Uint8Array<ArrayBuffer>, input: string): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, P256, false, ["sign"]);
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new TextEncoder().encode(input));
  return new Uint8Array(signature);
}

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
