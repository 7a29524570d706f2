// How is a platform, and what proves an account, written as objects? The shapes of platform files and credentials files.

/** A service that accounts sign in to. Unknown keys are refused with their name and the nearest that exists. */
export interface PlatformDefinition {
  /** The stable name; saved sessions belong to it. */
  id: string;
  /** What relative addresses resolve against; its origin may see credentials. */
  base_url: string;
  /** Further origins that may see credentials. */
  origins?: string[];
  /** How an account signs in. */
  sign_in:
    | { bundle: { required_headers?: string[]; required_cookies?: string[] } }
    | { form: Login }
    | { json: Login }
    | { oauth2_refresh: Record<string, never> }
    | { bearer: Record<string, never> }
    | { custom: Record<string, never> };
  /** How a session is renewed, where that is not the sign-in recipe itself. */
  renew?: {
    token_url: string;
    client_id?: string;
    client_auth?: "none" | "basic" | "body";
    scope?: string;
    rotates?: boolean;
    reuse_safe?: boolean;
  };
  /** How a session shows itself on each attempt. */
  credential?: { header?: string; scheme?: string; cookie?: string; lifetime?: number };
  /** Who the platform says this session is. */
  identity?: { path: string; account_id?: string };
  /** What a refused session looks like. */
  refused?: {
    status?: number[];
    suspect?: number[];
    redirect_to?: string[];
    headers?: { name: string; value?: string }[];
    bodies?: { status: number[]; content_type?: string; pointer: string; values: string[]; cap?: number }[];
    cookie_deleted?: boolean;
  };
  /** When and how often attempts are repeated. */
  retry?: { attempts?: number; base?: string; cap?: string; methods?: string[] };
  /** How long things may take, such as `"30s"`. */
  timeouts?: { total?: string; exchange?: string; store?: string };
}

/** A sign-in by one request, after an optional one that fetches a token against cross-site requests. */
export interface Login {
  /** Where the request goes. */
  path: string;
  /** Its method; POST by default. */
  method?: string;
  /** Its fields: names and templates, where `{username}` stands for that field of the credentials. */
  fields: Record<string, string>;
  /** Further headers of the request. */
  headers?: Record<string, string>;
  /** The token against cross-site requests, if the platform wants one. */
  csrf?: {
    path: string;
    from: { cookie: string } | { header: string } | { json: string } | { input: string };
    to: { field: string } | { header: string };
  };
  /** What success looks like. */
  success?: { status?: number[]; body?: string; cookie?: string };
  /** Where the tokens are in the answer, if it holds any. */
  tokens?: { access_token?: string; refresh_token?: string; expires_in?: string };
}

/**
 * What proves an account: named secrets (`username`, `password`, `access_token`, `refresh_token`, …), and for imported browser
 * sessions `cookie`, `user_agent`, `id` and further headers.
 */
export interface Credentials {
  [name: string]: unknown;
}
