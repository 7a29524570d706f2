// Are these options that exist?

import { engine, enter } from "./core/engine.js";
import { failure } from "./error.js";

/** Refuses options that do not exist, with the nearest one that does. */
export function check(options: object, known: readonly string[], of: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = enter(engine(), (core) => core.nearest(name, known.join("\n")));
    const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean \`${meant}\`?`;
    throw failure("config_invalid", "program", `${of} has no option \`${name}\`; ${hint}`);
  }
}
