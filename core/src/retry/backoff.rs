//! How long to wait before a retry when the server does not say: exponential backoff with full jitter.
//!
//! **Invariant:** a delay is never longer than the rules' cap, whatever the inputs.

use std::time::Duration;

use crate::platform::RetryRules;
use crate::seed::Rng;

/// A uniform draw from zero to the ceiling of this retry, both included ("full jitter": of the known variants the one that
/// spreads a crowd of clients best). The first retry is number 1.
#[must_use]
pub fn delay(rules: &RetryRules, retry_number: u32, rng: &mut Rng) -> Duration {
    let nanos = u64::try_from(ceiling(rules, retry_number).as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.below(nanos.saturating_add(1)))
}

/// The longest delay that retry number `retry_number` can draw: `base · 2^(n − 1)`, at most `cap`.
#[must_use]
pub fn ceiling(rules: &RetryRules, retry_number: u32) -> Duration {
    let doublings = retry_number.saturating_sub(1);
    // A base of a nanosecond passes every cap after 94 doublings, so more need no arithmetic.
    let nanos = match 1_u128.checked_shl(doublings) {
        Some(factor) => rules.base.as_nanos().saturating_mul(factor),
        None if rules.base.is_zero() => 0,
        None => u128::MAX,
    };
    if nanos >= rules.cap.as_nanos() {
        rules.cap
    } else {
        Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn rules(base: Duration, cap: Duration) -> RetryRules {
        RetryRules { base, cap, ..RetryRules::default() }
    }

    #[test]
    fn ceilings_double_until_the_cap() {
        let rules = rules(Duration::from_millis(250), Duration::from_secs(20));
        let seen: Vec<u128> = (0..=9).map(|retry| ceiling(&rules, retry).as_millis()).collect();
        assert_eq!(seen, [250, 250, 500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    }

    #[test]
    fn no_input_overflows() {
        let far = rules(Duration::MAX, Duration::MAX);
        let small = rules(Duration::from_nanos(1), Duration::MAX);
        let mut rng = Seed::new([7; 32]).rng("backoff");
        for retry in [0, 1, 2, 31, 32, 33, 63, 64, 65, u32::MAX - 1, u32::MAX] {
            assert_eq!(ceiling(&far, retry), Duration::MAX);
            let _ = delay(&far, retry, &mut rng);
            let _ = delay(&small, retry, &mut rng);
        }
        assert_eq!(ceiling(&rules(Duration::ZERO, Duration::MAX), u32::MAX), Duration::ZERO);
    }

    #[test]
    fn draws_fill_the_whole_range_evenly() {
        let rules = rules(Duration::from_secs(1), Duration::from_secs(1));
        let mut tenths = [0_u32; 10];
        let mut rng = Seed::new([1; 32]).rng("backoff");
        for _ in 0..10_000 {
            let drawn = delay(&rules, 1, &mut rng).as_nanos() / 100_000_001;
            tenths[usize::try_from(drawn).expect("a tenth")] += 1;
        }
        assert!(tenths.iter().all(|&count| (850..1150).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let rules = RetryRules::default();
        let draw = || {
            let mut rng = Seed::new([9; 32]).rng("backoff");
            (1..20).map(|retry| delay(&rules, retry, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }

    proptest! {
        #[test]
        fn a_delay_never_passes_its_ceiling_and_a_ceiling_never_the_cap(
            base in any::<Duration>(), cap in any::<Duration>(), retry in any::<u32>(), seed in any::<[u8; 32]>()
        ) {
            let rules = rules(base, cap);
            let ceiling = ceiling(&rules, retry);
            prop_assert!(ceiling <= cap);
            prop_assert!(delay(&rules, retry, &mut Seed::new(seed).rng("backoff")) <= ceiling);
            prop_assert!(ceiling >= super::ceiling(&rules, retry.saturating_sub(1)), "ceilings never shrink");
        }
    }
}
