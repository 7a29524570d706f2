//! An API key that goes in the query: put on as an attempt leaves, taken off where the platform sends it back.
//!
//! **Invariant:** the address that a call has, and that replies, errors and logs show, never holds it.

use http::Uri;

use super::call::Reach;
use super::session::Session;
use crate::platform::{ApiKey, SignIn};
use crate::url;

impl Session {
    /// The address as an attempt that goes there has it.
    pub(super) fn keyed(&self, uri: Uri, reach: Reach) -> Uri {
        match (self.query_name(), &self.tokens.query, reach) {
            (Some(name), Some(key), Reach::Platform) => {
                let pair = format!("{}={}", *url::component(name), *url::component(key.expose()));
                with_query(&uri, name, Some(&pair)).unwrap_or(uri)
            }
            (_, _, Reach::Platform | Reach::Elsewhere) => uri,
        }
    }

    /// The address of a redirect, without the key that the platform may have copied into it.
    pub(super) fn unkeyed(&self, uri: Uri) -> Uri {
        self.query_name().and_then(|name| with_query(&uri, name, None)).unwrap_or(uri)
    }

    fn query_name(&self) -> Option<&str> {
        match &self.compiled.platform().sign_in {
            SignIn::ApiKey(ApiKey::Query(name)) => Some(name),
            _ => None,
        }
    }
}

/// The address with this parameter once, as given, or not at all.
fn with_query(uri: &Uri, name: &str, pair: Option<&str>) -> Option<Uri> {
    let encoded = url::component(name);
    let is_it = |part: &&str| {
        let this = part.split_once('=').map_or(*part, |(this, _)| this);
        this == name || this.eq_ignore_ascii_case(&encoded)
    };
    let query = uri.query().unwrap_or_default();
    let kept = query.split('&').filter(|part| !part.is_empty() && !is_it(part));
    let query: Vec<&str> = kept.chain(pair).collect();
    let target = if query.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), query.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}
