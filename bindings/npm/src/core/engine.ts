// Which instance of the core is in use? Compiled at the first use, never at import, and replaced after a trap.

import { errorFrom, failure, type HallpassError } from "../error.js";
import type * as Bindgen from "../generated/bindgen.js";
import { glue } from "../generated/glue.js";
import { base64 } from "../generated/wasm.js";

export type { Imported, Keys, Limits, Platform, Rota, Rules, Session as CoreSession, Suffixes } from "../generated/bindgen.js";

/** What one instance exports. */
export type Glue = Omit<typeof Bindgen, "default">;

/** One instance of the core; all that was made with it ends with it. */
export interface Engine {
  readonly glue: Glue;
  /** Whether it trapped: its memory is not to be trusted any more. */
  trapped: boolean;
  /** Whoever has something under way, to be told of a trap. */
  readonly busy: Set<(error: HallpassError) => void>;
}

/** The instance in use, made now if there is none. */
export function engine(): Engine {
  if (current === undefined || current.trapped) {
    compiled ??= new WebAssembly.Module(decode(base64));
    const made = glue() as Glue;
    made.initSync({ module: compiled });
    current = { glue: made, trapped: false, busy: new Set() };
  }
  return current;
}

/**
 * Calls into the core.
 *
 * The core throws strings, which become errors; anything else is a trap, after which the instance is not used again.
 */
export function enter<T>(engine: Engine, act: (glue: Glue) => T): T {
  if (engine.trapped) throw lost();
  try {
    return act(engine.glue);
  } catch (thrown) {
    if (typeof thrown === "string") throw errorFrom(thrown);
    engine.trapped = true;
    const error = lost(thrown);
    for (const end of [...engine.busy]) end(error);
    throw error;
  }
}

/** The error of whatever was under way when the core trapped. */
function lost(cause?: unknown): HallpassError {
  const what = "the core trapped and its memory is not trusted any more; what was saved can be opened again";
  return failure("core_trapped", "internal", what, cause);
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

let current: Engine | undefined;
let compiled: WebAssembly.Module | undefined;
