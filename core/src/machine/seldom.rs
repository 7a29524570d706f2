//! What of a session takes memory only once there is something in it? A crowd of sessions at rest is small by that.
//!
//! **Invariant:** absent reads as empty, so whoever looks need not know. Writing makes room; [`Seldom::release`] gives it back.

use std::fmt;
use std::ops::{Deref, DerefMut};

use http::HeaderName;

use crate::cookie::Jar;

/// Something that most sessions have nothing of, at least while they rest.
pub(super) struct Seldom<T: Emptied>(Option<Box<T>>);

/// What is empty until something happens.
pub(super) trait Emptied: Sized + 'static {
    /// The empty one.
    const EMPTY: Self;

    /// The empty one, to be read wherever there is none.
    fn nothing() -> &'static Self;

    /// Whether it says nothing that the empty one does not.
    fn is_empty(&self) -> bool;
}

impl<T: Emptied> Seldom<T> {
    /// Gives its memory back where it is empty.
    pub(super) fn release(&mut self) {
        if self.0.as_deref().is_some_and(Emptied::is_empty) {
            self.0 = None;
        }
    }

    /// What was in it; it is empty now.
    pub(super) fn take(&mut self) -> T {
        self.0.take().map_or(T::EMPTY, |this| *this)
    }
}

impl<T: Emptied> Default for Seldom<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Emptied> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(this) => this,
            None => T::nothing(),
        }
    }
}

impl<T: Emptied> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::EMPTY))
    }
}

impl<T: Emptied + fmt::Debug> fmt::Debug for Seldom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Emptied for Jar {
    const EMPTY: Self = Self::new();

    fn nothing() -> &'static Self {
        static NOTHING: Jar = Jar::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }
}

impl Emptied for Vec<HeaderName> {
    const EMPTY: Self = Self::new();

    fn nothing() -> &'static Self {
        static NOTHING: Vec<HeaderName> = <Vec<HeaderName>>::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Notes {
        lines: Vec<u8>,
    }

    impl Emptied for Notes {
        const EMPTY: Self = Self { lines: Vec::new() };

        fn nothing() -> &'static Self {
            static NOTHING: Notes = Notes::EMPTY;
            &NOTHING
        }

        fn is_empty(&self) -> bool {
            self.lines.is_empty()
        }
    }

    #[test]
    fn absent_reads_as_empty_and_room_is_given_back_only_when_it_is_empty_again() {
        let mut notes = Seldom::<Notes>::default();
        assert_eq!((&*notes, notes.0.is_none()), (&Notes::EMPTY, true));
        notes.lines.push(7);
        notes.release();
        assert_eq!(*notes, Notes { lines: vec![7] });
        notes.lines.clear();
        notes.release();
        assert!(notes.0.is_none());
        assert_eq!((notes.take(), notes.0.is_none()), (Notes::EMPTY, true));
    }
}
