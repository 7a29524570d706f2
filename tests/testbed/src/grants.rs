//! Which tokens are good: access tokens with a lifetime, refresh tokens that rotate, and the grants that both hang from.
//!
//! **Invariant:** under rotation a refresh token is good once, without grace; when a spent one comes back its grant is
//! killed, and with it every token that came from it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::{Rotation, TokenFormat};
use crate::identity::Refusal;

/// Every grant and token since the platform started.
pub(crate) struct Grants {
    salt: [u8; 32],
    format: TokenFormat,
    minted: u64,
    issued: Vec<Grant>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    /// Accounts whose static token is revoked.
    revoked_statics: Vec<Arc<str>>,
}

struct Grant {
    account: Arc<str>,
    is_alive: bool,
}

struct Access {
    grant: usize,
    expires: u64,
    is_revoked: bool,
}

/// When an access token begins and ends, in milliseconds as the clock counts.
#[derive(Clone, Copy)]
pub(crate) struct Term {
    pub(crate) begins: u64,
    pub(crate) ends: u64,
}

/// What was revoked by a client (RFC 7009).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revoked {
    /// A refresh token, and its grant with it.
    Refresh,
    /// One access token.
    Access,
    /// Nothing that was good: such a token was never issued, or has ended.
    Nothing,
}

struct Refresh {
    grant: usize,
    is_spent: bool,
}

/// Tokens as they are handed out.
pub(crate) struct Issued {
    pub(crate) account: Arc<str>,
    pub(crate) access: String,
    /// None where the one that was used stays good.
    pub(crate) refresh: Option<String>,
}

/// Why a refresh token was not traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRenewed {
    /// Never issued here.
    Unknown,
    /// Its grant was killed or revoked.
    Dead,
    /// It was spent before; its grant has just been killed by this.
    Killed,
    /// It was spent before, and its grant was dead already.
    Reused,
}

impl Grants {
    pub(crate) fn new(salt: [u8; 32], format: TokenFormat) -> Self {
        Self {
            salt,
            format,
            minted: 0,
            issued: Vec::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            revoked_statics: Vec::new(),
        }
    }

    /// A string that nobody was given before and another testbed will not give.
    pub(crate) fn mint(&mut self, prefix: &str) -> String {
        use std::fmt::Write as _;
        self.minted += 1;
        let digest = Sha256::new().chain_update(self.salt).chain_update(self.minted.to_be_bytes()).finalize();
        digest[..16].iter().fold(format!("{prefix}-"), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A new grant with a refresh token and no access token yet.
    pub(crate) fn grant(&mut self, account: &Arc<str>) -> String {
        self.issued.push(Grant { account: Arc::clone(account), is_alive: true });
        self.refresh_token(self.issued.len() - 1)
    }

    /// A new grant with both tokens.
    pub(crate) fn sign_in(&mut self, account: &Arc<str>, term: Term) -> Issued {
        let refresh = self.grant(account);
        let access = self.access_token(self.issued.len() - 1, term);
        Issued { account: Arc::clone(account), access, refresh: Some(refresh) }
    }

    /// A new grant with an access token only.
    pub(crate) fn access(&mut self, account: &Arc<str>, term: Term) -> Issued {
        self.issued.push(Grant { account: Arc::clone(account), is_alive: true });
        let access = self.access_token(self.issued.len() - 1, term);
        Issued { account: Arc::clone(account), access, refresh: None }
    }

    /// Trades a refresh token.
    pub(crate) fn renew(&mut self, refresh: &str, rotation: Rotation, term: Term) -> Result<Issued, NotRenewed> {
        let token = self.refresh.get_mut(refresh).ok_or(NotRenewed::Unknown)?;
        let id = token.grant;
        let grant = &mut self.issued[id];
        if token.is_spent {
            let was_alive = std::mem::replace(&mut grant.is_alive, false);
            return Err(if was_alive { NotRenewed::Killed } else { NotRenewed::Reused });
        }
        if !grant.is_alive {
            return Err(NotRenewed::Dead);
        }
        let account = Arc::clone(&grant.account);
        let refresh = match rotation {
            Rotation::Always => {
                token.is_spent = true;
                Some(self.refresh_token(id))
            }
            Rotation::Never => None,
        };
        Ok(Issued { account, access: self.access_token(id, term), refresh })
    }

    /// The account that a refresh token was issued to, whatever became of it.
    pub(crate) fn account_of_refresh(&self, refresh: &str) -> Option<Arc<str>> {
        self.refresh.get(refresh).map(|token| Arc::clone(&self.issued[token.grant].account))
    }

    /// The account that an access token was issued to, whatever became of it.
    pub(crate) fn account_of_access(&self, access: &str) -> Option<Arc<str>> {
        self.access.get(access).map(|token| Arc::clone(&self.issued[token.grant].account))
    }

    /// Every token that an account was given.
    pub(crate) fn tokens_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a str> {
        let access = self.access.iter().map(|(token, access)| (token, access.grant));
        let refresh = self.refresh.iter().map(|(token, refresh)| (token, refresh.grant));
        let is_its = move |grant: usize| self.issued[grant].account.as_ref() == account;
        access.chain(refresh).filter(move |(_, grant)| is_its(*grant)).map(|(token, _)| token.as_str())
    }

    pub(crate) fn check(&self, access: &str, now: u64) -> Result<Arc<str>, Refusal> {
        let token = self.access.get(access).ok_or(Refusal::Unknown)?;
        let grant = &self.issued[token.grant];
        if !grant.is_alive || token.is_revoked {
            return Err(Refusal::Revoked);
        }
        if token.expires <= now {
            return Err(Refusal::Expired);
        }
        Ok(Arc::clone(&grant.account))
    }

    pub(crate) fn check_static(&self, account: Arc<str>) -> Result<Arc<str>, Refusal> {
        if self.revoked_statics.contains(&account) {
            return Err(Refusal::Revoked);
        }
        Ok(account)
    }

    /// Lets the account's access tokens expire; answers how many.
    pub(crate) fn expire(&mut self, account: &str, now: u64) -> usize {
        let grants = &self.issued;
        self.access
            .values_mut()
            .filter(|token| &*grants[token.grant].account == account && token.expires > now)
            .map(|token| token.expires = now)
            .count()
    }

    /// Ends every grant of the account, and its static token; answers how many grants.
    pub(crate) fn revoke(&mut self, account: &Arc<str>) -> usize {
        if !self.revoked_statics.contains(account) {
            self.revoked_statics.push(Arc::clone(account));
        }
        self.issued
            .iter_mut()
            .filter(|grant| grant.account == *account && grant.is_alive)
            .map(|grant| grant.is_alive = false)
            .count()
    }

    /// Ends what a client shows: with a refresh token everything that came from its grant.
    pub(crate) fn revoke_token(&mut self, token: &str, now: u64) -> Revoked {
        if let Some(refresh) = self.refresh.get(token) {
            let was_alive = std::mem::replace(&mut self.issued[refresh.grant].is_alive, false);
            return if was_alive && !refresh.is_spent { Revoked::Refresh } else { Revoked::Nothing };
        }
        if self.check(token, now).is_err() {
            return Revoked::Nothing;
        }
        self.access.get_mut(token).map_or(Revoked::Nothing, |access| {
            access.is_revoked = true;
            Revoked::Access
        })
    }

    /// Makes the account's static token good again.
    pub(crate) fn restore(&mut self, account: &str) {
        self.revoked_statics.retain(|revoked| &**revoked != account);
    }

    fn access_token(&mut self, grant: usize, term: Term) -> String {
        let id = self.mint("at");
        let token = match self.format {
            TokenFormat::Opaque => id,
            TokenFormat::Jwt => self.jwt(&id, &self.issued[grant].account, term),
        };
        self.access.insert(token.clone(), Access { grant, expires: term.ends, is_revoked: false });
        token
    }

    /// A JWT (RFC 7519) whose dates are exact to the millisecond.
    fn jwt(&self, id: &str, account: &str, term: Term) -> String {
        let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
        let claims = json!({ "sub": account, "jti": id, "iat": seconds(term.begins), "exp": seconds(term.ends) });
        let parts = [json!({ "alg": "HS256", "typ": "at+jwt" }), claims];
        let [head, claims] = parts.map(|part| Base64UrlUnpadded::encode_string(part.to_string().as_bytes()));
        let signed = format!("{head}.{claims}");
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.salt).expect("an HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
    }

    fn refresh_token(&mut self, grant: usize) -> String {
        let token = self.mint("rt");
        self.refresh.insert(token.clone(), Refresh { grant, is_spent: false });
        token
    }
}
