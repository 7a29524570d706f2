/**
 * What Hallpass has for Node: a store of files that Rust and JavaScript share, and keys from the environment or a file.
 *
 * @packageDocumentation
 */

export { FileStore } from "./file-store.js";
export { type Emptiness, keysFromEnvironment, keysFromFile } from "./keys.js";
