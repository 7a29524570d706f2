//! One program of the demo: a runtime, a client and its share of the resources, from its start to its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hallpass::core::machine::store_error;
use hallpass::store::FileStore;
use hallpass::{Client, Error, Keyring, Kind, Session};
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::{JoinError, JoinSet};
use zeroize::Zeroizing;

use crate::report;

use super::ledger::Ledger;
use super::stage::Stage;

/// What a program is given, and which resources of each account are its share.
pub(super) struct Program<'a> {
    pub(super) stage: &'a Arc<Stage>,
    pub(super) folder: &'a Path,
    pub(super) secret: &'a Zeroizing<[u8; 32]>,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) begin: Begin,
}

/// How its sessions come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    SigningIn,
    Resuming,
}

/// What the workers of one account share.
struct Share {
    session: Session,
    stage: Arc<Stage>,
    ledger: Arc<Ledger>,
    next: AtomicU64,
    last: u64,
    /// At this resource the workers wait for each other while the platform ends the token before its time.
    interlude: u64,
    together: Barrier,
}

impl Program<'_> {
    /// Runs it to its end; nothing of it stays but the store.
    pub(super) fn run(&self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the runtime cannot be started: {error}")))?;
        runtime.block_on(self.live())
    }

    async fn live(&self) -> Result<(), Error> {
        let store = FileStore::open(self.folder).map_err(|error| store_error(&error))?;
        let heard = Arc::clone(self.ledger);
        let client = Client::builder()
            .store(store)
            .keyring(Keyring::new("demo", **self.secret)?)
            .on_notice(move |account, notice| heard.hear(account, notice))
            .build()?;
        let mut accounts = JoinSet::new();
        for name in self.stage.accounts() {
            let (client, stage, ledger) = (client.clone(), Arc::clone(self.stage), Arc::clone(self.ledger));
            let (name, begin, first, last) = (name.clone(), self.begin, self.first, self.last);
            accounts.spawn(async move {
                let begun = Instant::now();
                let session = match begin {
                    Begin::SigningIn => client.sign_in(stage.platform(), &name, Stage::credentials(&name)).await?,
                    Begin::Resuming => client.resume(stage.platform(), &name).await?,
                };
                let (next, interlude) = (AtomicU64::new(first), first + (last - first) * 3 / 4);
                let together = Barrier::new(AT_ONCE);
                let share = Share { session, stage, ledger, next, last, interlude, together };
                fetch_all(share, begun).await
            });
        }
        let mut result = Ok(());
        while let Some(ended) = accounts.join_next().await {
            result = result.and(ended.map_err(|error| broken(&error)).flatten());
        }
        result.and(client.close().await)
    }
}

/// Fetches an account's share through several workers, and writes down what that took.
async fn fetch_all(share: Share, begun: Instant) -> Result<(), Error> {
    let share = Arc::new(share);
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(work(Arc::clone(&share)));
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|error| broken(&error))?;
    }
    let closed = share.session.close().await;
    share.ledger.ended(share.session.account(), share.session.stats(), begun.elapsed());
    closed
}

async fn work(share: Arc<Share>) {
    let account = share.session.account();
    let mut is_before_interlude = true;
    loop {
        let number = share.next.fetch_add(1, Ordering::Relaxed);
        // Every worker comes by here once, be it after the last resource.
        if is_before_interlude && number >= share.interlude {
            is_before_interlude = false;
            if share.together.wait().await.is_leader() {
                end_token(&share).await;
            }
            share.together.wait().await;
        }
        if number >= share.last {
            return;
        }
        match fetch(&share, number).await {
            Ok(()) => share.ledger.served(account),
            Err(error) => share.ledger.failed(account, number, &error),
        }
    }
}

/// Ends the token that is in use while no call is under way and no renewal is near, so that the calls that follow are refused
/// together, and only once.
async fn end_token(share: &Share) {
    // A session that nothing renews any more is not waited for: its calls will tell.
    for _ in 0..LOOKS {
        if share.session.expires_at().is_none_or(|ends| ends.since(report::now()) > CLEAR_OF_THE_WINDOW) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    share.stage.expire(share.session.account());
}

/// Fetches one resource and reads it. A body that breaks off in the middle was delivered already as far as it came, so it is
/// the program's to fetch it again.
async fn fetch(share: &Share, number: u64) -> Result<(), Error> {
    let account = share.session.account();
    let path = format!("/api/items/{number}");
    let mut fetched = 1;
    loop {
        let answer = share.session.get(&path).send().await?.error_for_verdict()?;
        let status = answer.status();
        match answer.json::<Value>().await {
            Ok(item) if item["account"] == account && item["number"] == number => return Ok(()),
            Ok(_) => {
                let what = format!("{path} answered {status} with something else than the item of {account}");
                return Err(Error::new(Kind::UnexpectedAnswer, what));
            }
            Err(error) if error.code() == Kind::BodyTruncated && fetched < FETCHES => {
                share.ledger.broke_off(account);
                fetched += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn broken(error: &JoinError) -> Error {
    Error::new(Kind::Misuse, format!("a task of the demo ended early: {error}"))
}

/// Calls of one account at a time.
const AT_ONCE: usize = 8;

/// More than the 400 ms before its end from which on a token of two seconds is renewed.
const CLEAR_OF_THE_WINDOW: Duration = Duration::from_millis(700);

/// How often the token's end is looked at.
const LOOKS: u32 = 150;

/// How often a resource is fetched at most.
const FETCHES: u32 = 5;
