//! Whether a session can be kept alive, limited and ended as the platform says.

use super::super::Platform;
use super::rule::{method, positive};
use super::{Addresses, Check, wrong};

/// The first fault of `keep_alive`, `lifetime`, `sign_out` and `credential.expires_from`.
pub(super) fn check(platform: &Platform, addresses: &Addresses<'_>) -> Check {
    if let Some(keep) = &platform.keep_alive {
        positive(keep.every, "keep_alive.every")?;
        if keep.jitter > 50 {
            return wrong("keep_alive.jitter", format!("is {}; a wait varies by 0 to 50 per cent", keep.jitter));
        }
        match &keep.path {
            Some(path) => addresses.check(path, "keep_alive.path")?,
            None if platform.probe().is_none() => {
                return wrong("keep_alive", "needs a `path`, or a table `identity` whose probe (`path`) it uses");
            }
            None => {}
        }
    }
    if let Some(lifetime) = &platform.lifetime {
        for (limit, path) in [(lifetime.idle, "lifetime.idle"), (lifetime.absolute, "lifetime.absolute")] {
            if let Some(limit) = limit {
                positive(limit, path)?;
            }
        }
    }
    if let Some(sign_out) = &platform.sign_out {
        if sign_out.path.is_none() && sign_out.revoke.is_none() {
            return wrong("sign_out", "needs a `path`, an address to `revoke` tokens at, or both");
        }
        if sign_out.revoke.is_some() && platform.renew.is_none() {
            return wrong("sign_out.revoke", "needs a table `renew`, which says how the client shows itself");
        }
        method(&sign_out.method, "sign_out.method")?;
        for (text, path) in [(&sign_out.path, "sign_out.path"), (&sign_out.revoke, "sign_out.revoke")] {
            if let Some(text) = text {
                addresses.check(text, path)?;
            }
        }
    }
    let sources = platform.credential.expires_from.as_deref().unwrap_or_default();
    for (index, source) in sources.iter().enumerate() {
        if sources[..index].contains(source) {
            return wrong(format!("credential.expires_from[{index}]"), "is listed twice; each is asked once");
        }
    }
    Ok(())
}
