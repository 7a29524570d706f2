//! Rows that are named by a number which is never given twice: calls and effects that wait for an answer.

/// Rows under 52-bit names: a sequence number and a slot, so that a late answer never meets a stranger.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: Vec<Option<(u32, T)>>,
    free: Vec<u32>,
    sequence: u32,
    live: usize,
}

/// Sixteen million rows at once, more than fit into memory; a name stays exact as a double.
pub(crate) const SLOT_BITS: u32 = 24;
const SEQUENCES: u32 = 1 << 28;

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), free: Vec::new(), sequence: 0, live: 0 }
    }

    /// Rows that are in use.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Adds a row and names it.
    pub(super) fn insert(&mut self, row: T) -> u64 {
        self.sequence = (self.sequence + 1) % SEQUENCES;
        self.live += 1;
        let slot = if let Some(slot) = self.free.pop() {
            slot
        } else {
            self.rows.push(None);
            (self.rows.len() - 1) as u32
        };
        self.rows[slot as usize] = Some((self.sequence, row));
        (u64::from(self.sequence) << SLOT_BITS) | u64::from(slot)
    }

    pub(super) fn at(&self, name: u64) -> Option<&T> {
        let (sequence, slot) = parts(name);
        self.rows.get(slot)?.as_ref().filter(|row| row.0 == sequence).map(|row| &row.1)
    }

    pub(super) fn at_mut(&mut self, name: u64) -> Option<&mut T> {
        let (sequence, slot) = parts(name);
        self.rows.get_mut(slot)?.as_mut().filter(|row| row.0 == sequence).map(|row| &mut row.1)
    }

    pub(super) fn remove(&mut self, name: u64) -> Option<T> {
        let (sequence, slot) = parts(name);
        let row = self.rows.get_mut(slot)?;
        if row.as_ref().is_none_or(|row| row.0 != sequence) {
            return None;
        }
        self.live -= 1;
        self.free.push(slot as u32);
        row.take().map(|row| row.1)
    }

    /// The names in use, oldest slot first.
    pub(super) fn names(&self) -> Vec<u64> {
        let named = |(slot, row): (usize, &Option<(u32, T)>)| {
            row.as_ref().map(|row| (u64::from(row.0) << SLOT_BITS) | slot as u64)
        };
        self.rows.iter().enumerate().filter_map(named).collect()
    }
}

const fn parts(name: u64) -> (u32, usize) {
    ((name >> SLOT_BITS) as u32, (name & ((1 << SLOT_BITS) - 1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_given_twice_and_a_stale_one_finds_nothing() {
        let mut table = Table::new();
        let first = table.insert('a');
        assert_eq!(table.remove(first), Some('a'));
        let second = table.insert('b');
        assert_ne!(first, second);
        assert_eq!(table.at(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.at(second), Some(&'b'));
        assert_eq!(table.len(), 1);
    }
}
