// What does the store say, and how is that told to the machine?

import { type Store, StoreError } from "../store.js";
import type { CoreSession } from "./engine.js";
import type { LeaseEffect, StoreEffect } from "./outputs.js";

/** Asks the store; ends with what to tell the machine. */
export async function ask(
  store: Store | undefined,
  leaseStore: Store | undefined,
  effect: StoreEffect | LeaseEffect,
): Promise<(core: CoreSession, mono: number, wall: number) => boolean> {
  const { id, key } = effect;
  try {
    if (store === undefined) throw new StoreError("unsupported", "this client has no store");
    if (effect.kind === "load") {
      const record = await store.load(key);
      return (core, mono, wall) => core.loaded(id, record?.version ?? 0, record?.sealed, mono, wall);
    }
    if (effect.kind === "lease") {
      if (leaseStore?.lease === undefined) throw new StoreError("unsupported", "this store has no leases");
      const number = await leaseStore.lease(key, effect.hold);
      return (core, mono, wall) => core.leased(id, number, mono, wall);
    }
    if (effect.kind === "release") {
      const wasHeld = (await leaseStore?.release?.(key, effect.number)) ?? false;
      return (core, mono, wall) => core.released(id, wasHeld, mono, wall);
    }
    if (effect.kind === "remove") {
      await store.remove(key, "any");
      return (core, mono, wall) => core.removed(id, mono, wall);
    }
    const expected = effect.expected === null ? "absent" : effect.expected === true ? "any" : effect.expected;
    const expiry = { idle: effect.idle ?? undefined, absolute: effect.end ?? undefined };
    const version = await store.save(key, effect.sealed, expected, expiry);
    return (core, mono, wall) => core.saved(id, version, mono, wall);
  } catch (thrown) {
    // What other errors say may hold an address with a password.
    const error = thrown instanceof StoreError ? thrown : new StoreError("unavailable", nameOf(thrown));
    const detail = error.fault === "conflict" ? String(error.present ?? "") : error.message;
    return (core, mono, wall) => core.storeFailed(id, error.fault, detail, mono, wall);
  }
}

function nameOf(thrown: unknown): string {
  const { name, code } = thrown as { name?: unknown; code?: unknown };
  return `the store threw ${String(name)}${code === undefined ? "" : ` (${String(code)})`}`;
}
