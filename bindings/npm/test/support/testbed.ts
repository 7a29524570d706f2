// What platform do the tests sign in to? The testbed's binary, as a process of its own.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import type { PlatformDefinition } from "hallpass";

import { program } from "./paths.js";

/** What `/stats` says, as far as tests look. */
export interface Stats {
  readonly requests: { readonly total: number; readonly by_status: Record<string, number> };
  readonly sign_ins: { readonly total: number; readonly refused: number };
  readonly token_requests: { readonly total: number; readonly refused: number };
  readonly access_tokens: { readonly total: number };
  readonly refresh_reuses: number;
  readonly writes: Record<string, number>;
}

/** A running testbed. */
export class Testbed {
  readonly url: string;
  readonly stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.stop = stop;
  }

  /** Starts one with these flags. */
  static async start(...flags: string[]): Promise<Testbed> {
    const child = spawn(program("hallpass-testbed"), ["--until-stdin-closes", ...flags], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    for await (const line of createInterface({ input: child.stdout })) {
      const { url } = JSON.parse(line) as { url: string };
      return new Testbed(url, () => {
        child.stdin.end();
        return ended;
      });
    }
    throw new Error("the testbed ended before it listened");
  }

  /** Its counters. */
  stats(): Promise<Stats> {
    return fetch(`${this.url}/stats`).then((answer) => answer.json() as Promise<Stats>);
  }

  /** Gives a command. */
  async control<T = unknown>(command: string, body?: unknown): Promise<T> {
    const init: RequestInit = { method: "POST", ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await fetch(`${this.url}/control/${command}`, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${command}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Every request since `control("record")`. */
  recorded(): Promise<string[]> {
    return fetch(`${this.url}/control/recorded`).then((answer) => answer.json() as Promise<string[]>);
  }

  /** A refresh token of an account. */
  async grant(account: string): Promise<string> {
    return (await this.control<{ refresh_token: string }>(`grant?account=${account}`)).refresh_token;
  }

  /** A bundle of an account: what a browser would have. */
  issueBundle(account: string): Promise<{ cookie: string; user_agent: string; x_bc: string }> {
    return this.control(`bundle?account=${account}&user_agent=Mozilla/5.0%20(Test)`);
  }

  /** The platform with the refresh-token grant. */
  oauth(): PlatformDefinition {
    return {
      id: "testbed-oauth",
      base_url: this.url,
      sign_in: { oauth2_refresh: {} },
      renew: { token_url: "/oauth/token", client_id: "testbed" },
      identity: { path: "/me", account_id: "/id" },
      retry: { base: "1ms", cap: "5ms" },
    };
  }

  /** The platform with a JSON sign-in. */
  json(): PlatformDefinition {
    return {
      ...this.oauth(),
      id: "testbed-json",
      sign_in: { json: { path: "/json/login", fields: { username: "{username}", password: "{password}" }, tokens: {} } },
    };
  }

  /** The platform with a form sign-in and cookies. */
  form(): PlatformDefinition {
    return {
      id: "testbed-form",
      base_url: this.url,
      sign_in: {
        form: {
          path: "/form/login",
          fields: { username: "{username}", password: "{password}" },
          csrf: { path: "/form/login", from: { input: "_xsrf" }, to: { field: "_xsrf" } },
          success: { status: [302], cookie: "sid" },
        },
      },
      credential: { cookie: "sid" },
      identity: { path: "/me", account_id: "/id" },
    };
  }

  /** The platform with credentials that a browser exported. */
  bundle(): PlatformDefinition {
    return {
      id: "testbed-bundle",
      base_url: this.url,
      sign_in: { bundle: { required_headers: ["x-bc"], required_cookies: ["sid"] } },
      credential: { cookie: "sid" },
      identity: { path: "/bundle/me", account_id: "/id" },
      retry: { base: "1ms", cap: "5ms" },
    };
  }

  /** The platform with a token that does not change. */
  bearer(): PlatformDefinition {
    return { id: "testbed-bearer", base_url: this.url, sign_in: { bearer: {} }, retry: { base: "1ms", cap: "5ms" } };
  }
}

/** The password that the testbed's accounts have. */
export function password(account: string): { username: string; password: string } {
  return { username: account, password: `${account}-password` };
}

/** A key for tests. */
export const KEYS = `test:${Buffer.alloc(32, 7).toString("base64")}`;
