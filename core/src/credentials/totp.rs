//! Time-based one-time passwords (RFC 6238), from the secret that an authenticator app is set up with.
//!
//! **Invariant:** the clock is an argument, and no code or secret is ever shown.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::Secret;
use crate::error::{Error, Kind};
use crate::time::Wall;

/// A second factor's secret and what it is made into codes with.
pub struct Totp {
    secret: Zeroizing<Vec<u8>>,
    algorithm: Algorithm,
    digits: u32,
    period: u64,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Totp {
    /// Reads a secret in base 32 (spaces, dashes and padding allowed), or the whole `otpauth://totp/…` address of a QR code, which may also
    /// name `algorithm`, `digits` and `period`.
    ///
    /// # Errors
    ///
    /// `credentials_invalid`; it shows nothing of what was given.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let mut totp = Self { secret: Zeroizing::default(), algorithm: Algorithm::Sha1, digits: 6, period: 30 };
        let Some(address) = text.strip_prefix("otpauth://") else {
            totp.secret = base32(text).ok_or_else(|| invalid("is neither base 32 nor an otpauth:// address"))?;
            return Ok(totp);
        };
        if !address.starts_with("totp/") {
            return Err(invalid("is for codes that do not come from the time; only otpauth://totp/ is known"));
        }
        let (_, query) = address.split_once('?').ok_or_else(|| invalid("is an address without a secret"))?;
        for pair in query.split('#').next().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || value.parse::<u32>().map_err(|_| invalid("has a number that is none"));
            match name.to_ascii_lowercase().as_str() {
                "secret" => {
                    let plain = value.replace("%3D", "=").replace("%3d", "=").replace("%20", "");
                    totp.secret = base32(&plain).ok_or_else(|| invalid("has a secret that is not base 32"))?;
                }
                "algorithm" => {
                    totp.algorithm = match value.to_ascii_uppercase().as_str() {
                        "SHA1" => Algorithm::Sha1,
                        "SHA256" => Algorithm::Sha256,
                        "SHA512" => Algorithm::Sha512,
                        _ => return Err(invalid("names an algorithm other than SHA1, SHA256 and SHA512")),
                    };
                }
                "digits" => totp.digits = number()?,
                "period" => totp.period = number()?.into(),
                _ => {}
            }
        }
        if totp.secret.is_empty() {
            return Err(invalid("is an address without a secret"));
        }
        if !(6..=9).contains(&totp.digits) || totp.period == 0 {
            return Err(invalid("asks for codes of other than 6 to 9 digits, or for no period"));
        }
        Ok(totp)
    }

    /// The time step of a moment.
    pub fn step(&self, at: Wall) -> u64 {
        at.as_millis().max(0).cast_unsigned() / 1000 / self.period
    }

    /// How long until the next time step begins.
    pub fn until_next(&self, at: Wall) -> Duration {
        let period = self.period * 1000;
        Duration::from_millis(period - at.as_millis().max(0).cast_unsigned() % period)
    }

    /// The code of a time step.
    pub fn code(&self, step: u64) -> Secret {
        let message = step.to_be_bytes();
        let digest = match self.algorithm {
            Algorithm::Sha1 => mac::<Hmac<Sha1>>(&self.secret, &message),
            Algorithm::Sha256 => mac::<Hmac<Sha256>>(&self.secret, &message),
            Algorithm::Sha512 => mac::<Hmac<Sha512>>(&self.secret, &message),
        };
        // RFC 4226 §5.3: four bytes from where the last one's low half says.
        let at = usize::from(digest.last().copied().unwrap_or_default() & 15);
        let picked = digest.get(at..at + 4).unwrap_or_default();
        let number = picked.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        let width = self.digits as usize;
        Secret::new(format!("{:0width$}", number % 10_u32.pow(self.digits)))
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
    let made =
        <M as KeyInit>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec());
    // An HMAC takes a key of any length.
    Zeroizing::new(made.unwrap_or_default())
}

/// Base 32 (RFC 4648 §6), as people type it.
fn base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        let value = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

fn invalid(why: &str) -> Error {
    Error::new(Kind::CredentialsInvalid, format!("the field `totp_secret` {why}"))
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totp").field("digits", &self.digits).field("period", &self.period).finish_non_exhaustive()
    }
}
