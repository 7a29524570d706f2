//! Rows that are named by a number which is never given twice: calls and effects that wait for an answer.

/// Rows under 52-bit names: a sequence number and a slot, so that a late answer never meets a stranger.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: Vec<Slot<T>>,
    /// The first free slot, if any; the others follow from it.
    free: Option<u32>,
    sequence: u32,
    live: u32,
}

/// A row with its sequence number, or a free slot with the next free one.
#[derive(Debug)]
enum Slot<T> {
    Taken(u32, T),
    Free(Option<u32>),
}

/// Sixteen million rows at once, more than fit into memory; a name stays exact as a double.
pub(crate) const SLOT_BITS: u32 = 24;
const SEQUENCES: u32 = 1 << 28;

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), free: None, sequence: 0, live: 0 }
    }

    /// Rows that are in use.
    pub(super) const fn len(&self) -> usize {
        self.live as usize
    }

    /// Adds a row and names it.
    pub(super) fn insert(&mut self, row: T) -> u64 {
        self.sequence = (self.sequence + 1) % SEQUENCES;
        self.live += 1;
        let taken = Slot::Taken(self.sequence, row);
        let slot = if let Some(slot) = self.free {
            let before = std::mem::replace(&mut self.rows[slot as usize], taken);
            self.free = if let Slot::Free(next) = before { next } else { None };
            slot
        } else {
            self.rows.push(taken);
            (self.rows.len() - 1) as u32
        };
        (u64::from(self.sequence) << SLOT_BITS) | u64::from(slot)
    }

    pub(super) fn at(&self, name: u64) -> Option<&T> {
        let (wanted, slot) = parts(name);
        match self.rows.get(slot)? {
            Slot::Taken(sequence, row) if *sequence == wanted => Some(row),
            Slot::Taken(..) | Slot::Free(_) => None,
        }
    }

    pub(super) fn at_mut(&mut self, name: u64) -> Option<&mut T> {
        let (wanted, slot) = parts(name);
        match self.rows.get_mut(slot)? {
            Slot::Taken(sequence, row) if *sequence == wanted => Some(row),
            Slot::Taken(..) | Slot::Free(_) => None,
        }
    }

    pub(super) fn remove(&mut self, name: u64) -> Option<T> {
        self.at(name)?;
        let slot = parts(name).1;
        let free = Slot::Free(self.free.replace(slot as u32));
        self.live -= 1;
        match std::mem::replace(self.rows.get_mut(slot)?, free) {
            Slot::Taken(_, row) => Some(row),
            Slot::Free(_) => None,
        }
    }

    /// The names in use, oldest slot first.
    pub(super) fn names(&self) -> Vec<u64> {
        let named = |(slot, row): (usize, &Slot<T>)| match row {
            Slot::Taken(sequence, _) => Some((u64::from(*sequence) << SLOT_BITS) | slot as u64),
            Slot::Free(_) => None,
        };
        self.rows.iter().enumerate().filter_map(named).collect()
    }

    /// Gives the memory of an empty table back; its names go on from where they are.
    pub(super) fn release(&mut self) {
        if self.live == 0 {
            (self.rows, self.free) = (Vec::new(), None);
        }
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
        table.release();
        assert_eq!(table.at(second), Some(&'b'), "what is in use is not released");
        assert_eq!(table.remove(second), Some('b'));
        table.release();
        let third = table.insert('c');
        assert!(third != first && third != second);
        assert_eq!((table.at(second), table.at(third)), (None, Some(&'c')));
    }

    #[test]
    fn slots_that_were_freed_are_taken_before_new_ones() {
        let mut table = Table::new();
        let names: Vec<_> = (0..4).map(|row| table.insert(row)).collect();
        assert_eq!((table.remove(names[1]), table.remove(names[3]), table.remove(names[3])), (Some(1), Some(3), None));
        let again = [table.insert(5), table.insert(6), table.insert(7)];
        assert_eq!(again.map(|name| parts(name).1), [3, 1, 4]);
        assert_eq!(table.names().len(), 5);
    }
}
