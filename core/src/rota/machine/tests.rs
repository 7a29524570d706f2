//! Does a rota keep its promises, in examples and over seeds in random order?

mod laws;

use std::time::Duration;

use super::*;
use crate::rota::{Policy, Reason};
use crate::time::Wall;

pub(super) fn at(millis: u64) -> Now {
    Now::new(Mono::from_nanos(millis * 1_000_000), Wall::from_millis(millis.cast_signed() + 1_000_000))
}

fn rota(rules: Rules, accounts: &[&str]) -> Rota {
    let mut rota = Rota::new(rules, &Seed::new([1; 32]));
    for account in accounts {
        assert!(rota.add(account, at(0)));
    }
    rota
}

/// Asks, and takes what is offered.
fn take(rota: &mut Rota, key: Option<&str>, now: Now) -> (Turn, Option<String>) {
    let turn = rota.acquire(key, (now.mono) + Duration::from_secs(600), now);
    (turn, claimed(rota, turn, now))
}

fn claimed(rota: &mut Rota, turn: Turn, now: Now) -> Option<String> {
    match rota.claim(turn, now) {
        Claim::Held(account) => Some(account.to_string()),
        Claim::Waiting | Claim::Over => None,
    }
}

/// One use from beginning to end; the account.
fn used(rota: &mut Rota, key: Option<&str>, outcome: Outcome, now: Now) -> String {
    let (turn, account) = take(rota, key, now);
    rota.tell(turn, outcome, now);
    rota.release(turn, now);
    account.expect("one is free")
}

fn uses(rota: &mut Rota, count: usize) -> Vec<String> {
    (0..count).map(|_| used(rota, None, Outcome::Good, at(0))).collect()
}

fn said(rota: &mut Rota, now: Now) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        match rota.poll(now) {
            Output::Offered(turn) => said.push(format!("offered {}", turn.raw())),
            Output::Failed(turn, error) => said.push(format!("failed {} {}", turn.raw(), error.kind())),
            Output::Drained => said.push("drained".to_owned()),
            Output::Wait(_) => return said,
        }
    }
}

fn error(rota: &mut Rota, now: Now) -> Error {
    loop {
        match rota.poll(now) {
            Output::Failed(_, error) => return error,
            Output::Wait(_) => panic!("nothing failed"),
            Output::Offered(_) | Output::Drained => {}
        }
    }
}

fn reason(rota: &Rota, account: &str, now: Now) -> Option<Reason> {
    let stats = rota.stats(now);
    stats.members.iter().find(|member| member.account == account).expect("a member").reason
}

#[test]
fn round_robin_goes_round_and_least_used_evens_out() {
    assert_eq!(uses(&mut rota(Rules::default(), &["a", "b", "c"]), 7), ["a", "b", "c", "a", "b", "c", "a"]);
    let mut least = rota(Rules { policy: Policy::LeastUsed, ..Rules::default() }, &["a", "b"]);
    let held = take(&mut least, None, at(0));
    assert_eq!(uses(&mut least, 3), ["b", "b", "b"]);
    least.release(held.0, at(0));
    assert_eq!(uses(&mut least, 3), ["a", "a", "b"], "until both were used as often");
}

#[test]
fn a_key_keeps_its_member_and_waits_for_it_until_it_can_serve_no_more() {
    for policy in [Policy::RoundRobin, Policy::LeastUsed, Policy::Sticky] {
        let mut rota = rota(Rules { policy, ..Rules::default() }, &["a", "b", "c", "d"]);
        let (turn, first) = take(&mut rota, Some("k"), at(0));
        let first = first.expect("one is free");
        let (second, waits) = take(&mut rota, Some("k"), at(0));
        assert_eq!(waits, None, "it is busy, and the others are not its own");
        rota.learn(turn, Outcome::Throttled(Some(Wall::from_millis(1_000_500))), at(0));
        rota.release(turn, at(0));
        assert_eq!(claimed(&mut rota, second, at(499)), None, "a throttle does not move a key");
        assert_eq!(claimed(&mut rota, second, at(500)), Some(first.clone()));
        rota.release(second, at(500));
        rota.add("e", at(500));
        assert_eq!(used(&mut rota, Some("k"), Outcome::Expired, at(500)), first);
        let moved = used(&mut rota, Some("k"), Outcome::Good, at(500));
        assert_ne!(moved, first);
        assert!(rota.restore(&first, at(500)));
        assert_eq!(used(&mut rota, Some("k"), Outcome::Good, at(500)), moved, "it does not come back either");
    }
}

#[test]
fn a_throttle_pauses_one_member_as_long_as_asked_and_costs_no_health() {
    let mut rota = rota(Rules::default(), &["a", "b"]);
    let until = Wall::from_millis(1_002_000);
    assert_eq!(used(&mut rota, None, Outcome::Throttled(Some(until)), at(0)), "a");
    assert_eq!(uses(&mut rota, 2), ["b", "b"]);
    let stats = rota.stats(at(0));
    assert_eq!(
        (stats.members[0].health, stats.members[0].reason, stats.members[0].until),
        (1000, Some(Reason::Cooling), Some(until))
    );
    assert_eq!(used(&mut rota, None, Outcome::Good, at(1999)), "b");
    assert_eq!(used(&mut rota, None, Outcome::Good, at(2000)), "a");
    used(&mut rota, None, Outcome::Throttled(None), at(2000));
    assert_eq!(reason(&rota, "b", at(2000)), Some(Reason::Cooling), "the pause of the rules, where nothing is asked");
}

#[test]
fn failures_break_a_member_and_the_cool_down_doubles_while_it_fails_on_trial() {
    let rules = Rules { concurrent: 3, recovery: Duration::from_secs(86_400), ..Rules::default() };
    let mut rota = rota(rules, &["a"]);
    for _ in 0..3 {
        used(&mut rota, None, Outcome::Failed, at(0));
        assert_eq!(reason(&rota, "a", at(0)), None);
    }
    used(&mut rota, None, Outcome::Failed, at(0));
    let mut now = at(0);
    for times in [1, 2, 4, 8, 8] {
        assert_eq!(reason(&rota, "a", now), Some(Reason::Broken));
        let until = rota.stats(now).members[0].until.expect("it comes back");
        let pause = until.since(now.wall);
        let asked = Duration::from_secs(30 * times);
        assert!(pause >= asked && pause <= asked + asked / 4, "{pause:?} for {asked:?}");
        now = Now::new(now.mono + pause + Duration::from_millis(1), now.wall + pause);
        let (turn, account) = take(&mut rota, None, now);
        assert!(account.is_some(), "on trial");
        assert_eq!(take(&mut rota, None, now).1, None, "one at a time");
        rota.tell(turn, Outcome::Failed, now);
        rota.release(turn, now);
        rota.drain_waiting_for_tests(now);
    }
    let now = Now::new(now.mono + Duration::from_secs(400), now.wall);
    assert_eq!(used(&mut rota, None, Outcome::Good, now), "a");
    let held: Vec<_> = (0..3).map(|_| take(&mut rota, None, now).1).collect();
    assert!(held.iter().all(Option::is_some), "after a success it carries all again");
}

#[test]
fn a_member_whose_health_is_low_comes_after_the_others_until_time_has_healed_it() {
    let mut rota = rota(Rules { concurrent: 9, ..Rules::default() }, &["a", "b"]);
    for _ in 0..3 {
        let (turn, _) = take(&mut rota, Some("k"), at(0));
        rota.tell(turn, Outcome::Failed, at(0));
        rota.release(turn, at(0));
    }
    assert_eq!(rota.stats(at(0)).members[0].health, 250);
    assert_eq!(uses(&mut rota, 3), ["b", "b", "b"]);
    assert_eq!(used(&mut rota, None, Outcome::Good, at(149_999)), "b");
    assert_eq!(used(&mut rota, None, Outcome::Good, at(150_001)), "a", "a quarter of ten minutes later");
}

#[test]
fn caps_retire_a_member_until_it_has_rested_or_for_good() {
    let rules = Rules { uses: Some(2), rest: Some(Duration::from_secs(1)), ..Rules::default() };
    let mut rested = rota(rules, &["a"]);
    assert_eq!(uses(&mut rested, 2), ["a", "a"]);
    assert_eq!(reason(&rested, "a", at(0)), Some(Reason::Retired));
    let (turn, none) = take(&mut rested, None, at(0));
    assert_eq!(none, None);
    assert_eq!(claimed(&mut rested, turn, at(1000)).as_deref(), Some("a"));
    let mut spent = rota(Rules { rest: None, ..rules }, &["a"]);
    uses(&mut spent, 2);
    let _ = spent.acquire(None, at(9).mono, at(0));
    let empty = error(&mut spent, at(0));
    assert_eq!(
        empty.to_string(),
        "no account of the pool can serve any more: 1 retired (pool_empty)",
        "at once, not at the deadline"
    );
    let rules = Rules { age: Some(Duration::from_secs(5)), rest: Some(Duration::from_secs(5)), ..Rules::default() };
    let mut aged = rota(rules, &["a"]);
    let (held, _) = take(&mut aged, None, at(0));
    assert_eq!(reason(&aged, "a", at(5000)), None, "a lease that is out ends as usual");
    aged.release(held, at(6000));
    assert_eq!(reason(&aged, "a", at(6000)), Some(Reason::Retired));
    assert_eq!(take(&mut aged, None, at(11_000)).1.as_deref(), Some("a"));
}

#[test]
fn nothing_free_in_time_says_how_the_members_stand() {
    let mut rota = rota(Rules::default(), &["a", "b", "c", "d"]);
    used(&mut rota, None, Outcome::Throttled(None), at(0));
    used(&mut rota, None, Outcome::Expired, at(0));
    rota.ban("c", "said so", at(0));
    let (held, _) = take(&mut rota, None, at(0));
    let _ = rota.acquire(None, at(100).mono, at(0));
    assert!(matches!(rota.poll(at(0)), Output::Offered(_)));
    let exhausted = error(&mut rota, at(100));
    assert_eq!(
        exhausted.to_string(),
        "no session of the pool was free in time: 1 busy, 1 cooling, 1 expired, 1 banned (pool_exhausted)"
    );
    assert_eq!(exhausted.retry(), crate::error::Retry::Now);
    rota.tell(held, Outcome::Banned, at(100));
    rota.release(held, at(100));
    let _ = rota.acquire(None, at(100).mono, at(100));
    assert_eq!(error(&mut rota, at(100)).retry(), crate::error::Retry::After(Wall::from_millis(1_010_000)));
}

#[test]
fn when_the_last_member_is_gone_whoever_waits_hears_it_at_once() {
    let mut rota = rota(Rules::default(), &["a"]);
    let (held, _) = take(&mut rota, None, at(0));
    let (waiting, _) = take(&mut rota, None, at(0));
    said(&mut rota, at(0));
    rota.learn(held, Outcome::Banned, at(1));
    assert_eq!(said(&mut rota, at(1)), [format!("failed {} pool_empty", waiting.raw())]);
    rota.release(held, at(1));
    assert!(rota.restore("a", at(2)));
    assert!(take(&mut rota, None, at(2)).1.is_some());
    assert_eq!(error_of_nobody(), "the pool has no accounts (pool_empty)");
}

fn error_of_nobody() -> String {
    let mut none = rota(Rules::default(), &[]);
    let _ = none.acquire(None, at(5).mono, at(0));
    error(&mut none, at(0)).to_string()
}

#[test]
fn an_offer_that_is_not_claimed_goes_to_the_next_and_its_turn_keeps_its_place() {
    let mut rota = rota(Rules::default(), &["a"]);
    let (held, _) = take(&mut rota, None, at(0));
    let turns: Vec<Turn> = (0..3).map(|_| take(&mut rota, None, at(0)).0).collect();
    rota.release(held, at(0));
    said(&mut rota, at(0));
    assert_eq!(said(&mut rota, at(250)), [format!("offered {}", turns[1].raw())], "the first was asleep");
    assert_eq!(claimed(&mut rota, turns[0], at(251)), None, "it waits again");
    assert!(claimed(&mut rota, turns[1], at(252)).is_some());
    rota.release(turns[1], at(252));
    assert_eq!(said(&mut rota, at(252)), [format!("offered {}", turns[0].raw())], "before the third");
    rota.cancel(turns[0], at(253));
    assert!(claimed(&mut rota, turns[2], at(253)).is_some());
}

#[test]
fn what_is_offered_cannot_be_claimed_once_its_member_is_banned() {
    let mut rota = rota(Rules::default(), &["a", "b"]);
    let turn = rota.acquire(None, at(1000).mono, at(0));
    rota.ban("a", "late", at(0));
    assert_eq!(claimed(&mut rota, turn, at(0)).as_deref(), Some("b"));
}

#[test]
fn what_a_lease_showed_before_its_member_was_restored_does_not_count() {
    let mut rota = rota(Rules { concurrent: 2, ..Rules::default() }, &["a"]);
    let (turn, _) = take(&mut rota, None, at(0));
    rota.restore("a", at(0));
    rota.tell(turn, Outcome::Expired, at(0));
    assert_eq!(reason(&rota, "a", at(0)), None);
    rota.release(turn, at(0));
    assert_eq!(rota.stats(at(0)).members[0].expired, 1, "but it is counted");
}

#[test]
fn a_session_that_a_call_finds_ended_is_opened_anew_once_before_its_account_is_expired() {
    let mut rota = rota(Rules { concurrent: 2, ..Rules::default() }, &["a"]);
    let found_ended = |rota: &mut Rota| {
        let turns = [take(rota, None, at(0)).0, take(rota, None, at(0)).0];
        for turn in [turns[0], turns[1], turns[0]] {
            rota.learn(turn, Outcome::Expired, at(0));
        }
        for turn in turns {
            rota.release(turn, at(0));
        }
        reason(rota, "a", at(0))
    };
    assert_eq!(found_ended(&mut rota), None, "however many calls and leases found it so");
    used(&mut rota, None, Outcome::Good, at(0));
    assert_eq!(found_ended(&mut rota), None, "it has served since");
    let (turn, _) = take(&mut rota, None, at(0));
    rota.learn(turn, Outcome::Good, at(0));
    rota.learn(turn, Outcome::Expired, at(0));
    rota.release(turn, at(0));
    assert_eq!(reason(&rota, "a", at(0)), None, "it had served within the same lease");
    assert_eq!(found_ended(&mut rota), Some(Reason::Expired));
    rota.restore("a", at(0));
    let (turn, _) = take(&mut rota, None, at(0));
    rota.pass(turn, Outcome::Expired, at(0));
    assert_eq!(reason(&rota, "a", at(0)), Some(Reason::Expired), "one that cannot be opened is at once");
}

#[test]
fn what_the_program_says_stands_over_what_its_calls_showed() {
    let mut rota = rota(Rules::default(), &["a"]);
    let (turn, _) = take(&mut rota, None, at(0));
    rota.learn(turn, Outcome::Failed, at(0));
    rota.tell(turn, Outcome::Good, at(0));
    rota.learn(turn, Outcome::Failed, at(0));
    rota.release(turn, at(0));
    let stats = rota.stats(at(0));
    assert_eq!((stats.members[0].good, stats.members[0].failed, stats.members[0].health), (1, 0, 1000));
}

#[test]
fn a_session_that_does_not_open_is_passed_over_without_losing_the_turns_place() {
    let mut rota = rota(Rules::default(), &["a", "b"]);
    let (turn, first) = take(&mut rota, None, at(0));
    assert_eq!(first.as_deref(), Some("a"));
    rota.pass(turn, Outcome::Expired, at(0));
    assert_eq!(claimed(&mut rota, turn, at(0)).as_deref(), Some("b"));
    rota.pass(turn, Outcome::Expired, at(0));
    assert_eq!(claimed(&mut rota, turn, at(0)), None);
    assert_eq!(error(&mut rota, at(0)).kind(), "pool_empty");
    assert_eq!(rota.stats(at(0)).passed, 2);
}

#[test]
fn a_drained_pool_gives_no_more_and_says_when_the_last_lease_is_back() {
    let mut rota = rota(Rules::default(), &["a"]);
    let (held, _) = take(&mut rota, None, at(0));
    let (waiting, _) = take(&mut rota, None, at(0));
    said(&mut rota, at(0));
    rota.drain(at(1));
    let late = rota.acquire(None, at(9).mono, at(1));
    let ended = [waiting, late].map(|turn| format!("failed {} closed", turn.raw()));
    assert_eq!(said(&mut rota, at(1)), ended);
    rota.release(held, at(2));
    assert_eq!(said(&mut rota, at(2)), ["drained"]);
    assert!(said(&mut rota, at(3)).is_empty());
}

#[test]
fn a_queue_that_is_full_turns_away() {
    let mut rota = rota(Rules { waiting: 1, ..Rules::default() }, &["a"]);
    let (held, _) = take(&mut rota, None, at(0));
    let (first, _) = take(&mut rota, None, at(0));
    let (second, _) = take(&mut rota, None, at(0));
    assert!(said(&mut rota, at(0)).contains(&format!("failed {} overloaded", second.raw())));
    rota.release(held, at(0));
    assert!(claimed(&mut rota, first, at(0)).is_some());
}

#[test]
fn a_member_that_is_removed_finishes_what_it_has_and_is_gone() {
    let mut rota = rota(Rules::default(), &["a", "b"]);
    assert!(!rota.add("a", at(0)));
    let (held, account) = take(&mut rota, None, at(0));
    assert_eq!(account.as_deref(), Some("a"));
    assert!(rota.remove("a", at(0)) && !rota.remove("a", at(0)));
    assert_eq!(uses(&mut rota, 2), ["b", "b"]);
    assert_eq!(rota.stats(at(0)).members.len(), 2);
    rota.release(held, at(0));
    assert_eq!(rota.stats(at(0)).members.len(), 1);
    assert!(!rota.ban("a", "", at(0)) && !rota.restore("a", at(0)));
    assert_eq!(rota.accounts().collect::<Vec<_>>(), ["b"]);
}

impl Rota {
    /// Gives up whatever waits.
    fn drain_waiting_for_tests(&mut self, now: Now) {
        let waiting: Vec<Turn> = self.turns.keys().copied().collect();
        for turn in waiting {
            self.cancel(turn, now);
        }
    }
}
