// Is the grant still alive after everything? oidc-provider, strict: tokens of 5 s, rotation, and reuse of a refresh token ends the grant.
// Prints one line of JSON once it listens; `/__stats` tells what it saw; ends when standard input closes.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const CLIENT = {
  client_id: "hallpass",
  client_secret: "correct horse battery staple",
  redirect_uris: ["http://127.0.0.1/callback"],
  grant_types: ["authorization_code", "refresh_token"],
};
// A program on a person's machine: public, any port of loopback, PKCE demanded.
const NATIVE = {
  client_id: "hallpass-native",
  application_type: "native",
  token_endpoint_auth_method: "none",
  redirect_uris: ["http://127.0.0.1/callback"],
  grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
};
// Another, whose tokens are good with proofs of its key only (DPoP), and the proofs with the server's nonce only.
const BOUND = { ...NATIVE, client_id: "hallpass-bound", dpop_bound_access_tokens: true };
// A program without a person.
const BATCH = {
  client_id: "hallpass-batch",
  client_secret: CLIENT.client_secret,
  redirect_uris: [],
  response_types: [],
  grant_types: ["client_credentials"],
};
// Standard output has one line, and nobody reads on: what the provider remarks goes elsewhere.
console.info = console.error;
const seen = new Set();
const keys = new Set();
const stats = { grants: {}, codeRequests: 0, refreshRequests: 0, granted: 0, errors: {}, revoked: 0, userinfo: {}, refreshTokens: 0, usedTwice: 0, proved: {}, nonces: {}, keys: 0 };
const count = (counts, key) => (counts[key] = (counts[key] ?? 0) + 1);

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(url, {
  clients: [CLIENT, NATIVE, BOUND, BATCH],
  scopes: ["openid", "offline_access"],
  ttl: { AccessToken: 5, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 60, AuthorizationCode: 60, DeviceCode: 60, ClientCredentials: 5 },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  clockTolerance: 0,
  pkce: { required: (_ctx, client) => client.tokenEndpointAuthMethod === "none" },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
  },
});
provider.on("grant.success", () => stats.granted++);
provider.on("grant.error", (_ctx, error) => count(stats.errors, error.error));
provider.on("grant.revoked", () => stats.revoked++);
provider.use(async (ctx, next) => {
  if (ctx.path === "/__stats") {
    ctx.body = stats;
    return;
  }
  await next();
  const { jkt } = ctx.oidc?.entities?.AccessToken ?? {};
  if (jkt && ctx.status === 200) {
    count(stats.proved, ctx.path);
    stats.keys = keys.add(jkt).size;
  }
  // Who is asked for a nonce has used nothing.
  if (ctx.body?.error === "use_dpop_nonce") return void count(stats.nonces, `${ctx.path} ${ctx.status}`);
  if (ctx.path === "/me") count(stats.userinfo, ctx.status);
  const { grant_type, refresh_token } = (ctx.path === "/token" && ctx.oidc?.params) || {};
  if (grant_type) count(stats.grants, `${grant_type} ${ctx.status}`);
  if (grant_type === "authorization_code") stats.codeRequests++;
  if (grant_type !== "refresh_token") return;
  stats.refreshRequests++;
  const hash = createHash("sha256").update(refresh_token).digest("hex");
  if (seen.has(hash)) stats.usedTwice++;
  seen.add(hash);
  stats.refreshTokens = seen.size;
});
server.on("request", provider.callback());
console.log(JSON.stringify({ url, pid: process.pid }));

process.stdin.resume();
await once(process.stdin, "end");
process.exit(0);
