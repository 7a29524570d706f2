//! Which known word somebody meant.

/// The candidate that `word` is most likely a slip of, if one is near enough: at most a third of its letters wrong.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word = plain(word);
    if word.len() > LONGEST {
        return None;
    }
    let scored = candidates.iter().map(|&candidate| {
        let other = plain(candidate);
        (distance(&word, &other), word.len().max(other.len()), candidate)
    });
    let (slips, length, found) = scored.min_by_key(|&(slips, ..)| slips)?;
    (slips <= length.max(3) / 3).then_some(found)
}

/// Letters compared: case and the kind of dash do not matter.
fn plain(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Words longer than this are nobody's slip.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let keys = ["path", "method", "fields", "headers", "csrf", "success", "tokens"];
        for (slip, meant) in
            [("feilds", "fields"), ("Fields", "fields"), ("header", "headers"), ("crsf", "csrf"), ("sucess", "success")]
        {
            assert_eq!(nearest(slip, &keys), Some(meant), "{slip}");
        }
        assert_eq!(nearest("base-url", &["id", "base_url"]), Some("base_url"));
    }

    #[test]
    fn a_word_that_is_like_none_finds_none() {
        for word in ["", "colour", "x", "zzzzzz", &"fields".repeat(20)] {
            assert_eq!(nearest(word, &["path", "method", "fields"]), None, "{word}");
        }
        assert_eq!(nearest("id", &[]), None);
    }

    #[test]
    fn distances_count_swaps_once() {
        let of = |a: &str, b: &str| distance(&plain(a), &plain(b));
        assert_eq!(of("feilds", "fields"), 1);
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("abc", ""), 3);
        assert_eq!(of("same", "same"), 0);
    }
}
