//! How serde walks lists, tables and choices; every step adds its key to an error that passes.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{Error, Key, Node};

/// A list's items.
pub(super) struct Items<'de> {
    rest: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

/// A table's keys and values.
pub(super) struct Members<'de> {
    rest: std::slice::Iter<'de, (Key, Node)>,
    present: Option<&'de (Key, Node)>,
}

/// One of several: a word, or a table with one key.
pub(super) enum Choice<'de> {
    Word(&'de str),
    Table(&'de Key, &'de Node),
}

impl<'de> Items<'de> {
    pub(super) fn of(items: &'de [Node]) -> Self {
        Self { rest: items.iter().enumerate() }
    }
}

impl<'de> Members<'de> {
    pub(super) fn of(members: &'de [(Key, Node)]) -> Self {
        Self { rest: members.iter(), present: None }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|error| error.at(node.line).in_item(index))
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.present = self.rest.next();
        let Some((key, _)) = self.present else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = key.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.at(key.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, node)) = self.present.take() else {
            return Err(serde::de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(node).map_err(|error| error.at(node.line).in_key(&key.name))
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = match &self {
            Self::Word(name) => name.into_deserializer(),
            Self::Table(key, _) => key.name.as_str().into_deserializer(),
        };
        let read = seed.deserialize(name).map_err(|error| match &self {
            Self::Word(_) => error,
            Self::Table(key, _) => error.of_a_key().at(key.line),
        })?;
        Ok((read, self))
    }
}

impl<'de> Choice<'de> {
    fn table<T>(self, read: impl FnOnce(&'de Node) -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Self::Word(name) => Err(Error::wants_table(name)),
            Self::Table(key, node) => read(node).map_err(|error| error.at(node.line).in_key(&key.name)),
        }
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self {
            Self::Word(_) => Ok(()),
            Self::Table(key, node) => Err(Error::wants_word(&key.name).at(node.line)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.table(|node| seed.deserialize(node))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.table(|node| serde::Deserializer::deserialize_seq(node, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.table(|node| serde::Deserializer::deserialize_map(node, visitor))
    }
}
