//! Kept credentials in a record: a map of its own, whose unknown fields are left out, for what they mean was proved by nobody here.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};

use super::Written;
use crate::credentials::{Credentials, Secret};

/// The numbers of the fields.
mod field {
    pub(super) const FIELDS: u64 = 0;
    pub(super) const COOKIES: u64 = 1;
    pub(super) const JAR: u64 = 2;
    pub(super) const USER_AGENT: u64 = 3;
    pub(super) const HEADERS: u64 = 4;
    pub(super) const ACCOUNT_ID: u64 = 5;
}

pub(super) fn write(credentials: &Credentials, to: &mut Encoder<&mut Vec<u8>>) -> Written {
    to.begin_map()?;
    for (number, secrets) in [(field::FIELDS, &credentials.fields), (field::HEADERS, &credentials.headers)] {
        if !secrets.is_empty() {
            to.u64(number)?.map(secrets.len() as u64)?;
            for (name, secret) in secrets {
                to.str(name)?.str(secret.expose())?;
            }
        }
    }
    if let Some(cookies) = &credentials.cookies {
        to.u64(field::COOKIES)?.str(cookies.expose())?;
    }
    if !credentials.jar.is_empty() {
        to.u64(field::JAR)?.encode(&credentials.jar)?;
    }
    for (number, text) in [(field::USER_AGENT, &credentials.user_agent), (field::ACCOUNT_ID, &credentials.account_id)] {
        if let Some(text) = text {
            to.u64(number)?.str(text)?;
        }
    }
    to.end()?;
    Ok(())
}

pub(super) fn read(from: &mut Decoder<'_>) -> Result<Credentials, minicbor::decode::Error> {
    let mut credentials = Credentials::default();
    let fields = from.map()?;
    let mut seen = 0;
    while fields.map_or_else(|| from.datatype().is_ok_and(|kind| kind != minicbor::data::Type::Break), |all| seen < all)
    {
        seen += 1;
        match from.u64()? {
            field::FIELDS => credentials.fields = secrets(from)?,
            field::HEADERS => credentials.headers = secrets(from)?,
            field::COOKIES => credentials.cookies = Some(Secret::new(from.str()?)),
            field::JAR => credentials.jar = from.decode()?,
            field::USER_AGENT => credentials.user_agent = Some(from.str()?.to_owned()),
            field::ACCOUNT_ID => credentials.account_id = Some(from.str()?.to_owned()),
            _ => from.skip()?,
        }
    }
    if fields.is_none() {
        from.skip()?;
    }
    Ok(credentials)
}

fn secrets(from: &mut Decoder<'_>) -> Result<BTreeMap<String, Secret>, minicbor::decode::Error> {
    let mut secrets = BTreeMap::new();
    for pair in from.map_iter::<&str, &str>()? {
        let (name, secret) = pair?;
        secrets.insert(name.to_owned(), Secret::new(secret));
    }
    Ok(secrets)
}
