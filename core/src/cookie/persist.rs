//! How does a jar lie in a sealed record? Maps with integer keys; what a later release adds is skipped.
//!
//! **Invariant:** what was encoded decodes to an equal jar; a record of an older or newer release opens.

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use zeroize::Zeroizing;

use super::merge::Tombstone;
use super::parse::has_control;
use super::{Cookie, Jar, Key, SameSite};
use crate::time::Wall;

impl<C> Encode<C> for Jar {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.map(3)?;
        e.u8(0)?.array(self.cookies.len() as u64)?;
        for cookie in &self.cookies {
            cookie.encode(e, ctx)?;
        }
        e.u8(1)?.array(self.tombstones.len() as u64)?;
        for tombstone in &self.tombstones {
            e.map(5)?;
            encode_key(e, &tombstone.key)?;
            e.u8(4)?.i64(tombstone.at.as_millis())?;
        }
        e.u8(2)?.u64(self.next_seq)?;
        Ok(())
    }
}

impl<C> Encode<C> for Cookie {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.map(11 + u64::from(self.expires.is_some()))?;
        encode_key(e, &self.key)?;
        e.u8(4)?.i64(self.updated.as_millis())?;
        e.u8(5)?.bytes(&self.value)?;
        e.u8(6)?.bool(self.is_secure)?;
        e.u8(7)?.bool(self.is_http_only)?;
        e.u8(8)?.u8(self.same_site.number())?;
        e.u8(9)?.i64(self.created.as_millis())?;
        e.u8(10)?.u64(self.seq)?;
        if let Some(expires) = self.expires {
            e.u8(11)?.i64(expires.as_millis())?;
        }
        Ok(())
    }
}

fn encode_key<W: Write>(e: &mut Encoder<W>, key: &Key) -> Result<(), EncodeError<W::Error>> {
    e.u8(0)?.bytes(&key.name)?;
    e.u8(1)?.str(&key.domain)?;
    e.u8(2)?.bytes(&key.path)?;
    e.u8(3)?.bool(key.is_host_only)?;
    Ok(())
}

impl<'b, C> Decode<'b, C> for Jar {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let mut jar = Self::new();
        fields(d, |field, d| match field {
            0 => items(d, |d| {
                let entry = Entry::decode(d)?;
                jar.cookies.push(entry.cookie()?);
                Ok(())
            }),
            1 => items(d, |d| {
                let entry = Entry::decode(d)?;
                let tombstone = entry.tombstone()?;
                jar.bury(tombstone.key, tombstone.at);
                Ok(())
            }),
            2 => {
                jar.next_seq = d.u64()?;
                Ok(())
            }
            _ => d.skip(),
        })?;
        jar.cookies.sort_by(Cookie::sending_order);
        jar.fit();
        Ok(jar)
    }
}

/// The fields that cookies and tombstones share, as far as they were there.
#[derive(Default)]
struct Entry<'b> {
    name: &'b [u8],
    domain: Option<&'b str>,
    path: Option<&'b [u8]>,
    is_host_only: bool,
    updated: Option<i64>,
    value: &'b [u8],
    is_secure: bool,
    is_http_only: bool,
    same_site: SameSite,
    created: Option<i64>,
    seq: u64,
    expires: Option<i64>,
}

impl<'b> Entry<'b> {
    fn decode(d: &mut Decoder<'b>) -> Result<Self, DecodeError> {
        let mut entry = Self::default();
        fields(d, |field, d| {
            match field {
                0 => entry.name = d.bytes()?,
                1 => entry.domain = Some(d.str()?),
                2 => entry.path = Some(d.bytes()?),
                3 => entry.is_host_only = d.bool()?,
                4 => entry.updated = Some(d.i64()?),
                5 => entry.value = d.bytes()?,
                6 => entry.is_secure = d.bool()?,
                7 => entry.is_http_only = d.bool()?,
                8 => entry.same_site = SameSite::numbered(d.u8()?),
                9 => entry.created = Some(d.i64()?),
                10 => entry.seq = d.u64()?,
                11 => entry.expires = Some(d.i64()?),
                _ => d.skip()?,
            }
            Ok(())
        })?;
        Ok(entry)
    }

    fn tombstone(&self) -> Result<Tombstone, DecodeError> {
        let (Some(domain), Some(path), Some(at)) = (self.domain, self.path, self.updated) else {
            return Err(DecodeError::message("a cookie lacks its domain, path or date"));
        };
        let key =
            Key { name: self.name.into(), domain: domain.into(), path: path.into(), is_host_only: self.is_host_only };
        Ok(Tombstone { key, at: Wall::from_millis(at) })
    }

    fn cookie(&self) -> Result<Cookie, DecodeError> {
        let Tombstone { key, at: updated } = self.tombstone()?;
        if has_control(self.name) || has_control(self.value) {
            return Err(DecodeError::message("a cookie has a control character"));
        }
        Ok(Cookie {
            key,
            value: Zeroizing::new(self.value.into()),
            is_secure: self.is_secure,
            is_http_only: self.is_http_only,
            same_site: self.same_site,
            expires: self.expires.map(Wall::from_millis),
            created: self.created.map_or(updated, Wall::from_millis),
            seq: self.seq,
            updated,
        })
    }
}

impl SameSite {
    const fn number(self) -> u8 {
        match self {
            Self::Unset => 0,
            Self::None => 1,
            Self::Lax => 2,
            Self::Strict => 3,
        }
    }

    const fn numbered(number: u8) -> Self {
        match number {
            1 => Self::None,
            2 => Self::Lax,
            3 => Self::Strict,
            _ => Self::Unset,
        }
    }
}

/// Calls `read` for each entry of a map, of either length form.
fn fields<'b>(
    d: &mut Decoder<'b>,
    mut read: impl FnMut(u64, &mut Decoder<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut left = d.map()?;
    while more(d, &mut left)? {
        let field = d.u64()?;
        read(field, d)?;
    }
    Ok(())
}

/// Calls `read` for each item of an array, of either length form.
fn items<'b>(
    d: &mut Decoder<'b>,
    mut read: impl FnMut(&mut Decoder<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut left = d.array()?;
    while more(d, &mut left)? {
        read(d)?;
    }
    Ok(())
}

fn more(d: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DecodeError> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if d.datatype()? == Type::Break => d.skip().map(|()| false),
        None => Ok(true),
    }
}
