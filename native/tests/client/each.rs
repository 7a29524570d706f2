//! Does every item have its outcome, whatever happens to the others?

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use hallpass::each::{Each, End, Outcome, for_each};
use hallpass::{Error, Verdict};
use hallpass_testbed::{Action, Rule};
use proptest::prelude::*;

use crate::pool::{NAMES, builder};
use crate::support::{client, testbed};

#[tokio::test]
async fn a_failure_or_panic_is_its_items_own() {
    let outcomes = for_each(["1", "x", "3", "boom", "5"], 3, async |text| {
        assert!(text != "boom", "went {text}");
        tokio::task::yield_now().await;
        text.parse::<u32>()
    })
    .await;
    let ends: Vec<_> = outcomes.into_iter().map(|Outcome { index, end }| (index, end)).collect();
    assert_eq!(ends[0], (0, End::Ok(1)));
    assert!(matches!(ends[1], (1, End::Err(_))));
    assert_eq!(ends[2], (2, End::Ok(3)));
    assert_eq!(ends[3], (3, End::Panicked("went boom".to_owned())));
    assert_eq!(ends[4], (4, End::Ok(5)));
}

#[tokio::test]
async fn outcomes_come_as_they_end_in_a_stream_and_a_stop_rule_cancels_the_rest() {
    let stream = Each::of([3_u32, 1, 2]).concurrency(3).stream(async |turns| {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        Ok::<_, ()>(turns)
    });
    let ends: Vec<_> = stream.map(|outcome| outcome.end).collect().await;
    assert_eq!(ends, [End::Ok(1), End::Ok(2), End::Ok(3)]);
    let begun = AtomicUsize::new(0);
    let outcomes = Each::of(0..10).concurrency(2).stop_after(2).run(async |number| {
        begun.fetch_add(1, Ordering::Relaxed);
        if number % 3 == 0 { Err(()) } else { Ok(()) }
    });
    let outcomes = outcomes.await;
    let cancelled = outcomes.iter().filter(|outcome| outcome.end == End::Cancelled).count();
    assert_eq!((outcomes.len(), cancelled + begun.into_inner()), (10, 10));
    assert!(cancelled >= 5 && outcomes[9].end == End::Cancelled && outcomes[3].end == End::Err(()));
}

proptest! {
    #[test]
    fn whatever_the_items_do_each_has_one_outcome_in_order_and_no_more_are_under_way(
        items in prop::collection::vec((0_u8..4, 0_u8..4), 0..60),
        concurrency in 0_usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let outcomes = runtime.block_on(for_each(&items, concurrency, async |(turns, what)| {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            for _ in 0..*turns {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::Relaxed);
            match what {
                0 => Err("failed"),
                1 => std::panic::resume_unwind(Box::new("panicked")),
                _ => Ok(*what),
            }
        }));
        prop_assert!(most.into_inner() <= concurrency.max(1));
        prop_assert_eq!(outcomes.len(), items.len());
        for (place, (Outcome { index, end }, (_, what))) in outcomes.iter().zip(&items).enumerate() {
            prop_assert_eq!(*index, place);
            let expected = match what {
                0 => End::Err("failed"),
                1 => End::Panicked("panicked".to_owned()),
                _ => End::Ok(*what),
            };
            prop_assert_eq!(end, &expected);
        }
    }
}

#[tokio::test]
async fn a_hundred_items_over_three_accounts_keep_their_order_although_some_fail() {
    let (testbed, client) = (testbed().await, client());
    testbed.script(Rule { times: 0, ..Rule::on("/api/items/7", status(503)) }).expect("a rule");
    let pool = builder(&client, &testbed).build().await.expect("a pool");
    let outcomes = pool
        .for_each(0..100, 8, async |session, number| {
            let answer = session.get(&format!("/api/items/{number}")).send().await?;
            let served = answer.verdict() == Verdict::Served;
            let text = answer.text().await?;
            if !served {
                return Err(Error::new(hallpass::Kind::PlatformFailed, "as scripted"));
            }
            assert!(number != 50, "a panic of its own");
            Ok(text)
        })
        .await;
    for (number, outcome) in outcomes.iter().enumerate() {
        match &outcome.end {
            End::Ok(text) => assert!(text.contains(&format!("\"number\":{number}")), "{text}"),
            End::Err(error) => assert!(number == 7 || number / 10 == 7, "{number}: {error}"),
            End::Panicked(_) => assert_eq!(number, 50),
            End::Cancelled => panic!("nothing was cancelled"),
        }
    }
    assert_eq!(outcomes.iter().filter(|outcome| outcome.end.is_ok()).count(), 100 - 11 - 1);
    let stats = pool.stats();
    assert_eq!((stats.released, stats.held), (100, 0));
    assert!(NAMES.iter().all(|name| testbed.stats().requests.by_account[*name] > 10));
}

fn status(status: u16) -> Action {
    Action::Status { status, headers: [].into(), body: String::new() }
}
