// How is a platform, and what proves an account, written as objects? The shapes of platform files and credentials files.

export type { Login, PlatformDefinition } from "./generated/platform.js";

/**
 * What proves an account: named secrets (`username`, `password`, `access_token`, `refresh_token`, …), and for imported browser
 * sessions `cookie`, `user_agent`, `id` and further headers.
 */
export interface Credentials {
  [name: string]: unknown;
}
