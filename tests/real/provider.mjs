// How is the provider started, read and stopped? It ends with its standard input, so with the test whatever becomes of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A running provider. */
export async function start() {
  const server = fileURLToPath(new URL("server.mjs", import.meta.url));
  const child = spawn(process.env.HALLPASS_NODE ?? process.execPath, [server], { stdio: ["pipe", "pipe", "ignore"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const { url } = JSON.parse(line);
  return {
    url,
    stats: async () => (await fetch(new URL("/__stats", url))).json(),
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
