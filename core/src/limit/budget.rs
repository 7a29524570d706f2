//! How many retries an origin may see: a token bucket that successes fill, so that retries cannot multiply an outage.
//!
//! **Invariant:** over any time an origin sees at most `capacity + refill · seconds + deposit · successes` retries, and the
//! table never holds more origins than its bound.

use std::collections::BTreeMap;

use crate::time::Mono;

/// The retries that the sessions of one client may spend, per origin.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    rules: BudgetRules,
    origins: BTreeMap<String, Bucket>,
}

/// How a [`RetryBudget`] fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetRules {
    /// The most tokens that an origin's bucket holds, and what it starts with; a retry costs one.
    pub capacity: u32,
    /// What a successful call adds, in hundredths of a token.
    pub deposit_percent: u32,
    /// Tokens added per second, so that a client whose every call fails still asks now and then.
    pub refill_per_second: u32,
    /// Origins remembered at most; the fullest, among equals the one untouched for longest, is forgotten first.
    pub origins: usize,
}

/// One origin's tokens, in billionths.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u64,
    filled: Mono,
}

impl RetryBudget {
    /// A budget in which every origin's bucket is full.
    pub fn new(rules: BudgetRules) -> Self {
        Self { rules, origins: BTreeMap::new() }
    }

    /// Takes one token of this origin's, after adding for `deposits` successful calls since the asker last asked; false when there
    /// is none, and then the call must not be repeated.
    #[must_use]
    pub fn withdraw(&mut self, origin: &str, deposits: u32, now: Mono) -> bool {
        let rules = self.rules;
        let full = Bucket { tokens: rules.full(), filled: now };
        let mut bucket = self.origins.get(origin).map_or(full, |bucket| bucket.at(&rules, now));
        bucket.tokens = bucket.tokens.saturating_add(rules.deposits(deposits)).min(rules.full());
        let granted = bucket.tokens >= TOKEN;
        if granted {
            bucket.tokens -= TOKEN;
        }
        self.remember(origin, bucket, now);
        granted
    }

    /// Whole tokens that this origin has left.
    pub fn left(&self, origin: &str, now: Mono) -> u32 {
        let tokens = self.origins.get(origin).map_or(self.rules.full(), |bucket| bucket.at(&self.rules, now).tokens);
        u32::try_from(tokens / TOKEN).unwrap_or(u32::MAX)
    }

    /// Origins remembered at present.
    pub fn origins(&self) -> usize {
        self.origins.len()
    }

    fn remember(&mut self, origin: &str, bucket: Bucket, now: Mono) {
        if let Some(known) = self.origins.get_mut(origin) {
            *known = bucket;
            return;
        }
        while self.origins.len() >= self.rules.origins.max(1) {
            let fullness = |bucket: &Bucket| (bucket.at(&self.rules, now).tokens, std::cmp::Reverse(bucket.filled));
            let fullest = self.origins.iter().max_by_key(|(_, bucket)| fullness(bucket));
            let Some(fullest) = fullest.map(|(origin, _)| origin.clone()) else { break };
            self.origins.remove(&fullest);
        }
        self.origins.insert(origin.to_owned(), bucket);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(BudgetRules::default())
    }
}

impl Bucket {
    /// The bucket with what time has added; time that goes back adds nothing.
    fn at(self, rules: &BudgetRules, now: Mono) -> Self {
        let nanos = u64::try_from(now.since(self.filled).as_nanos()).unwrap_or(u64::MAX);
        let added = nanos.saturating_mul(rules.refill_per_second.into());
        Self { tokens: self.tokens.saturating_add(added).min(rules.full()), filled: self.filled.max(now) }
    }
}

impl BudgetRules {
    fn full(&self) -> u64 {
        u64::from(self.capacity) * TOKEN
    }

    fn deposits(&self, calls: u32) -> u64 {
        u64::from(calls).saturating_mul(u64::from(self.deposit_percent)).saturating_mul(TOKEN / 100)
    }
}

impl Default for BudgetRules {
    fn default() -> Self {
        Self { capacity: 100, deposit_percent: 20, refill_per_second: 1, origins: 1024 }
    }
}

const TOKEN: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "https://a.example";

    fn at(seconds: u64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    fn spend(budget: &mut RetryBudget, origin: &str, now: Mono) -> u32 {
        let mut spent = 0;
        while budget.withdraw(origin, 0, now) {
            spent += 1;
        }
        spent
    }

    #[test]
    fn a_full_bucket_grants_its_capacity_and_no_more() {
        let mut budget = RetryBudget::default();
        assert_eq!(spend(&mut budget, A, at(0)), 100);
        assert!(!budget.withdraw(A, 0, at(0)));
    }

    #[test]
    fn five_successes_or_one_second_buy_one_retry() {
        let mut budget = RetryBudget::default();
        spend(&mut budget, A, at(0));
        assert!(!budget.withdraw(A, 4, at(0)));
        assert!(budget.withdraw(A, 1, at(0)), "deposits of a refused asker are kept");
        assert!(!budget.withdraw(A, 0, Mono::from_nanos(999_999_999)));
        assert!(budget.withdraw(A, 0, at(1)));
        assert!(!budget.withdraw(A, 0, at(1)));
    }

    #[test]
    fn origins_do_not_spend_each_others_tokens() {
        let mut budget = RetryBudget::default();
        spend(&mut budget, A, at(0));
        assert_eq!(budget.left("https://b.example", at(0)), 100);
        assert!(budget.withdraw("https://b.example", 0, at(0)));
    }

    #[test]
    fn the_fullest_origin_is_forgotten_first_and_an_exhausted_one_last() {
        let mut budget = RetryBudget::new(BudgetRules { origins: 3, ..BudgetRules::default() });
        spend(&mut budget, A, at(0));
        for other in 0..50 {
            let _ = budget.withdraw(&format!("https://{other}.example"), 0, at(0));
            assert!(budget.origins() <= 3);
        }
        assert_eq!(budget.left(A, at(0)), 0);
    }

    #[test]
    fn time_that_goes_back_adds_nothing_and_is_not_added_twice() {
        let mut budget = RetryBudget::default();
        spend(&mut budget, A, at(10));
        assert!(!budget.withdraw(A, 0, at(5)));
        assert!(!budget.withdraw(A, 0, at(10)));
        assert!(budget.withdraw(A, 0, at(11)));
    }

    #[test]
    fn extreme_rules_do_not_overflow() {
        let rules =
            BudgetRules { capacity: u32::MAX, deposit_percent: u32::MAX, refill_per_second: u32::MAX, origins: 0 };
        let mut budget = RetryBudget::new(rules);
        assert!(budget.withdraw(A, u32::MAX, Mono::from_nanos(u64::MAX)));
        assert_eq!(budget.origins(), 1);
        let mut none = RetryBudget::new(BudgetRules { capacity: 0, ..rules });
        assert!(!none.withdraw(A, u32::MAX, at(1)));
    }

    proptest! {
        #[test]
        fn retries_never_exceed_what_capacity_time_and_successes_paid_for(
            steps in prop::collection::vec((0_u64..3_000_000_000, 0_u32..8, 0_u8..3), 1..400)
        ) {
            let mut budget = RetryBudget::new(BudgetRules { capacity: 5, ..BudgetRules::default() });
            let (mut now, mut paid, mut granted) = (0_u64, [5 * TOKEN; 3], [0_u64; 3]);
            for (pause, deposits, which) in steps {
                now += pause;
                for paid in &mut paid {
                    *paid += pause;
                }
                let origin = usize::from(which);
                paid[origin] += u64::from(deposits) * (TOKEN / 5);
                if budget.withdraw(["a", "b", "c"][origin], deposits, Mono::from_nanos(now)) {
                    granted[origin] += TOKEN;
                }
                prop_assert!(granted[origin] <= paid[origin]);
            }
        }
    }
}
