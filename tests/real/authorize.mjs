// What would a browser do? Walks an authorization once: sign in, consent, exchange the code; the refresh token is handed over.

export const LOGIN = "bob";
export const CLIENT_ID = "hallpass";
export const CLIENT_SECRET = "correct horse battery staple";
const REDIRECT = "http://127.0.0.1/callback";
const MOST_STEPS = 12;

/** A refresh token of a new grant. */
export async function authorize(url) {
  const query = { client_id: CLIENT_ID, response_type: "code", redirect_uri: REDIRECT, scope: "openid offline_access", prompt: "consent" };
  const back = await sentTo(new URL(`/auth?${new URLSearchParams(query)}`, url));
  return exchange(url, back.searchParams.get("code"));
}

/** Signs in and consents where a program sent the browser; the whole address that it comes back to. */
export async function sentTo(address) {
  const forms = [{ prompt: "login", login: LOGIN, password: "x" }, { prompt: "consent" }];
  const cookies = new Map();
  let at = new URL(address);
  for (let step = 0; step < MOST_STEPS; step++) {
    if (at.pathname === "/callback") return at;
    const form = at.pathname.startsWith("/interaction/") ? forms.shift() : undefined;
    at = await next(at, form, cookies);
  }
  throw new Error(`the walk led nowhere: ${at}`);
}

/** Fetches a page, or sends its form, and answers where it leads. Cookies are told apart by name and path, as the provider scopes them. */
async function next(at, form, cookies) {
  const meant = [...cookies.values()].filter(({ path }) => at.pathname.startsWith(path));
  const headers = { cookie: meant.map(({ pair }) => pair).join("; ") };
  const body = form && new URLSearchParams(form);
  const answer = await fetch(at, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
  for (const line of answer.headers.getSetCookie()) {
    const [pair, ...attributes] = line.split(/; */);
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? "/";
    const key = `${pair.split("=")[0]} ${path}`;
    if (attributes.some((attribute) => attribute.startsWith("expires=Thu, 01 Jan 1970"))) cookies.delete(key);
    else cookies.set(key, { path, pair });
  }
  const location = answer.headers.get("location");
  if (location === null) throw new Error(`${at} answered ${answer.status}: ${await answer.text()}`);
  return new URL(location, at);
}

async function exchange(url, code) {
  const body = new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: REDIRECT });
  // RFC 6749 §2.3.1: both are form-encoded first.
  const basic = Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET.replaceAll(" ", "+")}`).toString("base64");
  const answer = await fetch(new URL("/token", url), { method: "POST", body, headers: { authorization: `Basic ${basic}` } });
  return (await answer.json()).refresh_token;
}
