// Why did an exchange bring no answer, and may the server have seen the request?

/** An exchange that brought no answer, in the core's words. */
export interface Failure {
  /** One of the words that the core's `failures` lists. */
  readonly kind: string;
  /** Whether bytes of the request may have reached the server. */
  readonly maybeSent: boolean;
  /** What is told about it; never a secret. */
  readonly detail: string;
}

/**
 * Tells what a rejected `fetch` means.
 *
 * Only codes are looked at and shown: messages of runtimes can hold header values. What is not known for sure not to have been sent
 * counts as sent.
 */
export function failureOf(thrown: unknown): Failure {
  const code = codeOf(thrown);
  if ((thrown as { cause?: { message?: unknown } } | null)?.cause?.message === "bad port") {
    return { kind: "request_invalid", maybeSent: false, detail: "fetch refuses this port" };
  }
  for (const [pattern, kind, maybeSent, words] of KNOWN) {
    if (pattern.test(code)) return { kind, maybeSent, detail: `${words} (${code})` };
  }
  const detail = code === "" ? "the connection broke or could not be made" : `the connection broke (${code})`;
  return { kind: "connection_lost", maybeSent: true, detail };
}

/** The code of an error, of its cause, or of the first of its parts that has one. */
function codeOf(thrown: unknown, depth = 0): string {
  if (typeof thrown !== "object" || thrown === null || depth > 4) return "";
  const { code, cause, errors } = thrown as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  const below = codeOf(cause, depth + 1);
  if (below !== "" || !Array.isArray(errors)) return below;
  return errors.map((error) => codeOf(error, depth + 1)).find((found) => found !== "") ?? "";
}

const KNOWN: readonly (readonly [RegExp, string, boolean, string])[] = [
  [/^(ENOTFOUND|EAI_\w+|EDNS\w*)$/, "dns", false, "the host name does not resolve"],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, "connect_timeout", false, "no connection was made in time"],
  [/^(ECONNREFUSED|ConnectionRefused)$/, "connect", false, "the connection was refused"],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES)$/, "connect", false, "the host cannot be reached"],
  [/^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/, "tls", false, "the TLS handshake failed"],
  [/^UND_ERR_HEADERS_TIMEOUT$/, "first_byte_timeout", true, "the answer's head did not arrive in time"],
  [/^UND_ERR_BODY_TIMEOUT$/, "chunk_timeout", true, "the answer's body stopped"],
  [/^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_|ERR_HTTP2_)/, "protocol", true, "the answer is not HTTP"],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/, "connection_lost", true, "the connection broke"],
];
