//! What in a platform file is allowed, but looks like a mistake?

use hallpass::core::document::Node;
use hallpass::core::platform::{Platform, SignIn};

/// Something that looks like a mistake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// The key, such as `refused.status`.
    pub(super) key: String,
    /// The line that it stands in, or that its table begins in; 1 for what is not there.
    pub(super) line: u32,
    /// What looks wrong, as the rest of a sentence that begins with the key.
    pub(super) what: String,
}

/// Every remark, in the order of the file.
pub(super) fn about(platform: &Platform, file: &Node) -> Vec<Remark> {
    let mut found = Vec::new();
    let mut remark = |key: &str, what: String| {
        found.push(Remark { key: key.to_owned(), line: line(file, key), what });
    };
    for (key, address) in std::iter::once(("base_url", &platform.base_url))
        .chain(platform.origins.iter().map(|origin| ("origins", origin)))
    {
        if is_readable_on_the_way(address) {
            remark(key, format!("is `{address}`: without TLS everybody on the way can read the credentials"));
        }
    }
    let login = match &platform.sign_in {
        SignIn::Form(login) => Some((login, "sign_in.form.fields")),
        SignIn::Json(login) => Some((login, "sign_in.json.fields")),
        _ => None,
    };
    if let Some((login, table)) = login {
        for (name, template) in &login.fields {
            let is_secret = ["pass", "secret", "token"].iter().any(|part| name.to_ascii_lowercase().contains(part));
            if is_secret && !template.contains('{') {
                let key = format!("{table}.{name}");
                remark(
                    &key,
                    "is the same for everybody; a secret belongs into the credentials: write `{password}`".to_owned(),
                );
            }
        }
    }
    if let SignIn::Bundle(bundle) = &platform.sign_in
        && bundle.required_cookies.is_empty()
        && bundle.required_headers.is_empty()
    {
        let what = "names neither `required_cookies` nor `required_headers`: that a bundle is incomplete shows only when it is refused";
        remark("sign_in.bundle", what.to_owned());
    }
    if platform.renew.as_ref().is_some_and(|renew| renew.rotates && renew.reuse_safe) {
        remark(
            "renew.reuse_safe",
            "says that a rotated refresh token can be sent twice; most issuers end the grant then".to_owned(),
        );
    }
    // A client that signs in for itself is nobody in particular, and neither is a guest.
    let is_somebody = !matches!(platform.sign_in, SignIn::ClientCredentials(_) | SignIn::Guest(_));
    if platform.probe().is_none() && is_somebody {
        remark("identity.path", "is missing: nobody can ask whether a session is good (`hallpass check`)".to_owned());
    }
    for status in &platform.refused.status {
        let why = match status {
            429 => "is a throttle: it is never the session's fault",
            500..=599 => "is the platform's own failure, and would end sessions during an outage",
            200..=299 => "is a success: every served call would end the session; use `bodies` or `headers`",
            _ => continue,
        };
        remark("refused.status", format!("lists {status}, which {why}"));
    }
    let (retry, timeouts) = (&platform.retry, &platform.timeouts);
    if retry.cap < retry.base {
        remark("retry.cap", "is below `retry.base`, so that every wait is the cap".to_owned());
    }
    if retry.attempts > 10 {
        remark("retry.attempts", format!("is {}: retries make an outage longer", retry.attempts));
    }
    if timeouts.total < timeouts.exchange {
        remark("timeouts.total", "is below `timeouts.exchange`: a call cannot wait for a renewal".to_owned());
    }
    found.sort_by_key(|remark| remark.line);
    found
}

fn is_readable_on_the_way(address: &str) -> bool {
    let uri = address.parse::<http::Uri>().ok();
    uri.is_some_and(|uri| uri.scheme_str() == Some("http") && !uri.host().is_some_and(hallpass::core::url::is_loopback))
}

/// The line of what is there of a path.
fn line(file: &Node, path: &str) -> u32 {
    let mut found = file;
    for step in path.split('.') {
        let Some(next) = found.member(step) else { break };
        found = next;
    }
    found.line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<(String, u32)> {
        let platform = Platform::from_toml(text).expect("valid");
        let file = hallpass::core::document::toml::read(text).expect("valid");
        about(&platform, &file).into_iter().map(|remark| (remark.key, remark.line)).collect()
    }

    #[test]
    fn the_examples_deserve_no_remark() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/platforms");
        for entry in std::fs::read_dir(folder).expect("the examples") {
            let path = entry.expect("an example").path();
            if path.extension().is_some_and(|it| it == "toml") {
                let text = std::fs::read_to_string(&path).expect("text");
                assert_eq!(keys(&text), [], "{}", path.display());
            }
        }
    }

    #[test]
    fn what_looks_like_a_mistake_is_named_with_its_line() {
        let text = "id = \"x\"\nbase_url = \"http://api.example\"\n[sign_in.form]\npath = \"/l\"\n\
            fields = { user = \"{username}\", Password = \"hunter2\" }\n[refused]\nstatus = [401, 429, 503]\n\
            [retry]\nattempts = 50\nbase = \"10s\"\ncap = \"1s\"\n[timeouts]\ntotal = \"1s\"\n";
        let found = keys(text);
        let expected = [
            ("identity.path", 1),
            ("base_url", 2),
            ("sign_in.form.fields.Password", 5),
            ("refused.status", 7),
            ("refused.status", 7),
            ("retry.attempts", 9),
            ("retry.cap", 11),
            ("timeouts.total", 13),
        ];
        assert_eq!(found, expected.map(|(key, line)| (key.to_owned(), line)));
    }
}
