//! The pool against a model, step by step.

use std::num::NonZeroUsize;

use ::http::Uri;
use proptest::prelude::*;

use super::*;

fn origin(number: u8) -> Origin {
    let uri: Uri = format!("http://host{number}.example/").parse().expect("a URL");
    Origin::split(uri).expect("an origin").0
}

fn pool(max_idle: usize, max_open: Option<usize>) -> Pool<u64> {
    Pool::new(&TransportSettings {
        max_idle_per_host: max_idle,
        max_per_host: max_open.and_then(NonZeroUsize::new),
        idle_timeout: Duration::from_secs(30),
        ..TransportSettings::default()
    })
}

fn acquire(pool: &mut Pool<u64>, number: u8, now: Instant) -> Acquired<u64> {
    let mut spent = Vec::new();
    pool.acquire(&origin(number), Turn::InOrder, now, &mut spent)
}

#[test]
fn the_most_recently_used_connection_is_handed_out_first() {
    let now = Instant::now();
    let mut pool = pool(8, None);
    for _ in 0..3 {
        let Acquired::Connect(host) = acquire(&mut pool, 1, now) else { panic!("nothing is idle") };
        pool.connected(host);
    }
    for id in 1..=3 {
        assert_eq!(pool.release(HostId(0), ConnectionId(id), id, now), None);
    }
    assert!(matches!(acquire(&mut pool, 1, now), Acquired::Reuse(3, _)));
}

#[test]
fn connections_that_idled_too_long_are_never_handed_out() {
    let now = Instant::now();
    let mut pool = pool(8, None);
    let Acquired::Connect(host) = acquire(&mut pool, 1, now) else { panic!("nothing is idle") };
    let id = pool.connected(host);
    assert_eq!(pool.release(host, id, 1, now), None);
    let mut spent = Vec::new();
    let later = now + Duration::from_secs(30);
    assert!(matches!(pool.acquire(&origin(1), Turn::InOrder, later, &mut spent), Acquired::Connect(_)));
    assert_eq!(spent, [1]);
    assert_eq!(pool.stats().idle, 0);
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    let now = Instant::now();
    let mut pool = pool(8, Some(1));
    let Acquired::Connect(host) = acquire(&mut pool, 1, now) else { panic!("nothing is idle") };
    let id = pool.connected(host);
    let Acquired::Wait(mut first) = acquire(&mut pool, 1, now) else { panic!("the host is full") };
    let Acquired::Wait(mut second) = acquire(&mut pool, 1, now) else { panic!("the host is full") };
    assert_eq!(pool.release(host, id, 1, now), None);
    assert!(matches!(first.try_recv(), Ok(Granted::Reuse(1))));
    assert!(second.try_recv().is_err());
    pool.discard();
    assert_eq!(pool.closed(host, id), None);
    assert!(matches!(second.try_recv(), Ok(Granted::Connect(_))));
    assert_eq!((pool.stats().waiting, pool.stats().connecting), (0, 1));
}

#[test]
fn what_a_session_does_for_itself_goes_before_the_calls_that_wait() {
    let now = Instant::now();
    let mut pool = pool(8, Some(1));
    let Acquired::Connect(host) = acquire(&mut pool, 1, now) else { panic!("nothing is idle") };
    let id = pool.connected(host);
    let Acquired::Wait(mut call) = acquire(&mut pool, 1, now) else { panic!("the host is full") };
    let renewal = pool.acquire(&origin(1), Turn::First, now, &mut Vec::new());
    let Acquired::Wait(mut renewal) = renewal else { panic!("the host is full") };
    assert_eq!(pool.release(host, id, 1, now), None);
    assert!(matches!(renewal.try_recv(), Ok(Granted::Reuse(1))));
    assert!(call.try_recv().is_err());
    assert_eq!(pool.stats().waiting, 1);
}

#[test]
fn a_host_without_connections_is_forgotten() {
    let now = Instant::now();
    let mut pool = pool(8, None);
    for number in 0..100 {
        let Acquired::Connect(host) = acquire(&mut pool, number, now) else { panic!("nothing is idle") };
        pool.failed(host);
    }
    assert_eq!((pool.index.len(), pool.hosts.len()), (0, 1));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire(u8),
    Connected,
    Failed,
    Release,
    Discard,
    HangUp,
    Claim,
    Leave,
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..3).prop_map(Step::Acquire),
        3 => Just(Step::Connected),
        1 => Just(Step::Failed),
        3 => Just(Step::Release),
        1 => Just(Step::Discard),
        1 => Just(Step::HangUp),
        2 => Just(Step::Claim),
        1 => Just(Step::Leave),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..200)
}

/// What really happened, kept in the plainest way.
#[derive(Default)]
struct Model {
    connecting: Vec<HostId>,
    in_use: Vec<(HostId, ConnectionId)>,
    open: Vec<(HostId, ConnectionId)>,
    queue: Vec<(u8, oneshot::Receiver<Granted<u64>>)>,
}

impl Model {
    fn take(&mut self, granted: &Granted<u64>) {
        match granted {
            Granted::Reuse(raw) => {
                let id = ConnectionId(*raw);
                let host = self.open.iter().find(|open| open.1 == id).expect("a granted connection is open").0;
                self.in_use.push((host, id));
            }
            Granted::Connect(host) => self.connecting.push(*host),
        }
    }
}

proptest! {
    #[test]
    fn counters_are_exact_and_limits_hold_whatever_happens(steps in steps(), max_open in prop::option::of(1_usize..4)) {
        let now = Instant::now();
        let mut pool = pool(2, max_open);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Acquire(number) => match acquire(&mut pool, number, now) {
                    Acquired::Reuse(raw, _) => model.take(&Granted::Reuse(raw)),
                    Acquired::Connect(host) => model.connecting.push(host),
                    Acquired::Wait(place) => model.queue.push((number, place)),
                },
                Step::Connected => if let Some(host) = model.connecting.pop() {
                    let id = pool.connected(host);
                    model.open.push((host, id));
                    model.in_use.push((host, id));
                },
                Step::Failed => if let Some(host) = model.connecting.pop() {
                    pool.failed(host);
                },
                Step::Release => if let Some((host, id)) = model.in_use.pop() {
                    if model.open.contains(&(host, id)) {
                        if pool.release(host, id, id.0, now).is_some() {
                            model.open.retain(|open| *open != (host, id));
                            prop_assert_eq!(pool.closed(host, id), None);
                        }
                    } else {
                        pool.discard();
                    }
                },
                Step::Discard => if let Some((host, id)) = model.in_use.pop() {
                    pool.discard();
                    if model.open.contains(&(host, id)) {
                        model.open.retain(|open| *open != (host, id));
                        prop_assert_eq!(pool.closed(host, id), None);
                    }
                },
                Step::HangUp => if let Some((host, id)) = model.open.first().copied() {
                    model.open.remove(0);
                    let _ = pool.closed(host, id);
                },
                Step::Claim => {
                    let mut waiting = Vec::new();
                    for (number, mut place) in std::mem::take(&mut model.queue) {
                        match place.try_recv() {
                            Ok(granted) => model.take(&granted),
                            Err(_) => waiting.push((number, place)),
                        }
                    }
                    model.queue = waiting;
                }
                Step::Leave => if let Some((number, mut place)) = model.queue.pop() {
                    place.close();
                    match place.try_recv() {
                        Ok(granted) => model.take(&granted),
                        Err(_) => pool.left(&origin(number)),
                    }
                },
                Step::Sweep => for raw in pool.sweep(now + Duration::from_secs(31)) {
                    let place = model.open.iter().position(|open| open.1 == ConnectionId(raw)).expect("idle ones are open");
                    let (host, id) = model.open.remove(place);
                    prop_assert_eq!(pool.closed(host, id), None);
                },
            }
            settle(&mut pool, &mut model, max_open)?;
        }
    }
}

/// Claims what was granted, then compares every counter.
fn settle(pool: &mut Pool<u64>, model: &mut Model, max_open: Option<usize>) -> Result<(), TestCaseError> {
    let mut waiting = Vec::new();
    for (number, mut place) in std::mem::take(&mut model.queue) {
        match place.try_recv() {
            Ok(granted) => model.take(&granted),
            Err(_) => waiting.push((number, place)),
        }
    }
    model.queue = waiting;
    let stats = pool.stats();
    let idle: usize = pool.hosts.iter().map(|host| host.idle.len()).sum();
    prop_assert_eq!(stats.open, model.open.len());
    prop_assert_eq!(stats.idle, idle);
    prop_assert_eq!(stats.in_use, model.in_use.len());
    prop_assert_eq!(stats.connecting, model.connecting.len());
    prop_assert_eq!(stats.waiting, model.queue.len());
    prop_assert_eq!(stats.open as u64, stats.created - stats.closed);
    for host in &pool.hosts {
        prop_assert!(host.open + host.connecting <= max_open.unwrap_or(usize::MAX));
        prop_assert!(host.waiters.is_empty() || host.open + host.connecting > 0, "a waiter that nothing will wake");
    }
    Ok(())
}
