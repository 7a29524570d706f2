// How do tests make clients that do not outlive them?

import { Client, type ClientOptions } from "hallpass";

/** A client that is closed when the test ends. */
export function client(context: { after(end: () => Promise<void>): void }, options: ClientOptions): Client {
  const made = new Client(options);
  context.after(() => made.close().catch(() => {}));
  return made;
}
