//! What an OAuth 2 recipe needs of the rest of its platform file.

use std::collections::BTreeMap;

use super::{Addresses, Check, address, wrong};
use crate::platform::{AuthorizationCode, ClientAuth, ClientCredentials, DeviceCode, OAuth, Platform};

/// An address that metadata can be asked for, at an origin that the platform names.
pub(super) fn issuer(table: &OAuth, addresses: &Addresses<'_>) -> Check {
    address::base(&table.issuer, "oauth.issuer")?;
    addresses.check(&table.issuer, "oauth.issuer")
}

/// Only a client with a secret can sign in as itself (RFC 6749 §4.4).
pub(super) fn client_credentials(platform: &Platform, rules: &ClientCredentials) -> Check {
    let recipe = "sign_in.client_credentials";
    needs_client(platform, recipe)?;
    match platform.renew.as_ref().map(|renew| renew.client_auth) {
        Some(ClientAuth::Basic | ClientAuth::Body) => {}
        Some(ClientAuth::None) | None => {
            return wrong(
                recipe,
                "needs `renew.client_auth`, `basic` or `body`: the client's secret is what signs it in",
            );
        }
    }
    free(
        &rules.parameters,
        "sign_in.client_credentials.parameters",
        &["grant_type", "client_id", "client_secret", "scope"],
    )
}

pub(super) fn device_code(platform: &Platform, recipe: &DeviceCode, addresses: &Addresses<'_>) -> Check {
    needs_client(platform, "sign_in.device_code")?;
    endpoint(platform, recipe.device_url.as_deref(), "sign_in.device_code.device_url", addresses)?;
    free(&recipe.parameters, "sign_in.device_code.parameters", &["client_id", "client_secret", "scope"])
}

pub(super) fn authorization_code(platform: &Platform, recipe: &AuthorizationCode, addresses: &Addresses<'_>) -> Check {
    needs_client(platform, "sign_in.authorization_code")?;
    endpoint(platform, recipe.authorize_url.as_deref(), "sign_in.authorization_code.authorize_url", addresses)?;
    free(&recipe.parameters, "sign_in.authorization_code.parameters", AUTHORIZATION)
}

/// What an authorization request has already.
const AUTHORIZATION: &[&str] = &[
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
];

fn needs_client(platform: &Platform, recipe: &str) -> Check {
    if platform.renew.as_ref().is_none_or(|renew| renew.client_id.is_none()) {
        return wrong(recipe, "needs a table `renew` that names the client (`client_id`) and the token endpoint");
    }
    Ok(())
}

fn endpoint(platform: &Platform, text: Option<&str>, path: &str, addresses: &Addresses<'_>) -> Check {
    match text {
        Some(text) => addresses.check(text, path),
        None if platform.oauth.is_some() => Ok(()),
        None => wrong(path, "is missing, and there is no `oauth.issuer` that could name it"),
    }
}

/// Names that are not set already.
fn free(parameters: &BTreeMap<String, String>, path: &str, taken: &[&str]) -> Check {
    match parameters.keys().find(|name| name.is_empty() || taken.contains(&name.as_str())) {
        Some(name) => wrong(path, format!("cannot hold `{name}`: Hallpass sets it, or another key does")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::platform::Platform;

    fn fault(rest: &str) -> String {
        let text = format!(r#"{{"id": "p", "base_url": "https://a.example", {rest}}}"#);
        Platform::from_json(&text).expect_err(rest).detail().to_owned()
    }

    #[test]
    fn an_oauth_recipe_without_its_client_or_endpoints_is_told_what_it_lacks() {
        for (rest, problem) in [
            (r#""sign_in": {"device_code": {}}"#, "`sign_in.device_code` needs a table `renew`"),
            (
                r#""sign_in": {"device_code": {}}, "renew": {"client_id": "c", "token_url": "/t"}"#,
                "`sign_in.device_code.device_url` is missing",
            ),
            (
                r#""sign_in": {"authorization_code": {"authorize_url": "/a"}}, "renew": {"client_id": "c"}"#,
                "`renew.token_url` is missing",
            ),
            (
                r#""sign_in": {"authorization_code": {"parameters": {"state": "x"}}}, "oauth": {"issuer": "https://a.example"}, "renew": {"client_id": "c"}"#,
                "`sign_in.authorization_code.parameters` cannot hold `state`",
            ),
            (
                r#""sign_in": {"client_credentials": {}}, "renew": {"client_id": "c", "token_url": "/t"}"#,
                "`sign_in.client_credentials` needs `renew.client_auth`",
            ),
            (
                r#""sign_in": {"oauth2_refresh": {}}, "oauth": {"issuer": "https://b.example"}, "renew": {"client_id": "c"}"#,
                "`oauth.issuer` is at https://b.example, which may not see credentials",
            ),
            (
                r#""sign_in": {"oauth2_refresh": {}}, "oauth": {"issuer": "/realm"}, "renew": {"client_id": "c"}"#,
                "`oauth.issuer` has no scheme",
            ),
        ] {
            let told = fault(rest);
            assert!(told.contains(problem), "{told}");
        }
    }
}
