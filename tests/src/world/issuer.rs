//! A platform and its token issuer, as strict as they come: a refresh token that is used twice kills its grant.

use std::collections::BTreeMap;

/// Grants, refresh tokens and access tokens.
#[derive(Debug, Default)]
pub(super) struct Issuer {
    grants: Vec<Grant>,
    /// Refresh tokens by name: their grant and their number in it.
    refresh: BTreeMap<String, (usize, u32)>,
    /// Access tokens by name, and when they end, in virtual milliseconds.
    access: BTreeMap<String, u64>,
    /// Whether old refresh tokens stay good.
    pub(super) is_lenient: bool,
    /// How often a used refresh token came back.
    pub(super) reused: u32,
    /// The lifetime of access tokens in seconds.
    pub(super) lifetime: u64,
}

#[derive(Debug)]
struct Grant {
    newest: u32,
    is_dead: bool,
}

impl Issuer {
    /// A new grant: its first refresh token.
    pub(super) fn grant(&mut self) -> String {
        self.grants.push(Grant { newest: 0, is_dead: false });
        let grant = self.grants.len() - 1;
        let name = format!("r{grant}.0");
        self.refresh.insert(name.clone(), (grant, 0));
        name
    }

    /// Exchanges a refresh token: the answer's body, or `None` where it is refused.
    pub(super) fn exchange(&mut self, token: &str, at: u64) -> Option<(String, String)> {
        let (number, sequence) = *self.refresh.get(token)?;
        let grant = &mut self.grants[number];
        if sequence != grant.newest && !self.is_lenient {
            self.reused += 1;
            grant.is_dead = true;
        }
        if grant.is_dead {
            return None;
        }
        grant.newest += 1;
        let (access, refresh) = (format!("a{number}.{}", grant.newest), format!("r{number}.{}", grant.newest));
        self.refresh.insert(refresh.clone(), (number, grant.newest));
        self.access.insert(access.clone(), at + self.lifetime * 1000);
        let lifetime = self.lifetime;
        let body = format!(r#"{{"access_token": "{access}", "refresh_token": "{refresh}", "expires_in": {lifetime}}}"#);
        Some((body, refresh))
    }

    /// Whether an access token is good at a moment.
    pub(super) fn accepts(&self, token: &str, at: u64) -> bool {
        self.access.get(token).is_some_and(|ends| at < *ends)
    }

    /// Revokes every access token there is.
    pub(super) fn revoke(&mut self) {
        self.access.clear();
    }
}
