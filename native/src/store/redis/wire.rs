//! How does a command get to Redis and its answer back, whatever happens to connections?
//!
//! **Invariant:** every call ends within the connect and the command timeout together. What may have been done is asked again only
//! where doing it twice is doing it once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::aio::ConnectionLike;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::time::timeout;

use super::dial::{Dialer, Link};
use super::fault::{Fault, Then};
use super::line::Line;
use super::script::{Script, is_forgotten};
use super::settings::RedisSettings;

/// The connections of a store.
pub(super) struct Wire {
    dialer: Dialer,
    settings: Arc<RedisSettings>,
    reads: Vec<Line>,
    /// Apart from the reads where replicas must confirm: waiting for them holds up whatever comes by the same connection.
    writes: Vec<Line>,
    turn: AtomicUsize,
}

/// Whether a call whose answer was lost may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Doing it twice is doing it once.
    Yes,
    /// A second answer would not tell what the first call did.
    No,
}

/// One run of a script.
pub(super) struct Run<'a> {
    pub(super) script: &'a Script,
    pub(super) key: &'a str,
    pub(super) arguments: &'a [&'a [u8]],
    pub(super) again: Again,
}

/// A node of a cluster, by host and port.
pub(super) type Node = (String, u16);

/// What is sent over one connection.
enum Order<'a> {
    Run(Run<'a>),
    /// A script and then, for at most so many milliseconds, the wait for replicas.
    Confirmed {
        run: Run<'a>,
        replicas: u32,
        within: u64,
    },
    Ask(&'a Cmd, Option<&'a Node>),
}

impl Wire {
    pub(super) fn new(settings: RedisSettings) -> Self {
        let settings = Arc::new(settings);
        let lines = || (0..settings.connections.get()).map(|_| Line::new()).collect::<Vec<_>>();
        let writes = if settings.confirming() > 0 { lines() } else { Vec::new() };
        Self { dialer: Dialer::new(Arc::clone(&settings)), reads: lines(), writes, turn: AtomicUsize::new(0), settings }
    }

    /// Opens every connection, or says why not.
    pub(super) async fn connect(&self) -> Result<(), Fault> {
        for line in self.reads.iter().chain(&self.writes) {
            line.link(&self.dialer).await?;
        }
        Ok(())
    }

    /// Runs a script by a connection of reads.
    pub(super) async fn run(&self, run: Run<'_>) -> Result<Value, Fault> {
        let again = run.again;
        self.call(&self.reads, again, Order::Run(run)).await.map(|answers| answers.0)
    }

    /// Runs a script by a connection of writes; with how many replicas have confirmed whatever it wrote, where any must.
    pub(super) async fn write(&self, run: Run<'_>) -> Result<(Value, Option<u32>), Fault> {
        let replicas = self.settings.confirming();
        if replicas == 0 {
            return Ok((self.run(run).await?, None));
        }
        let again = run.again;
        let within = u64::try_from(self.settings.command_timeout.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        match self.call(&self.writes, again, Order::Confirmed { run, replicas, within }).await? {
            (answer, Value::Int(confirmed)) => Ok((answer, Some(u32::try_from(confirmed).unwrap_or(0)))),
            _ => Err(Fault::new(Then::Report, "Redis answered WAIT with what is not a number")),
        }
    }

    /// Sends one command that reads: to the named node of a cluster, to where its key lives, or to the one server there is.
    pub(super) async fn ask(&self, command: &Cmd, node: Option<&Node>) -> Result<Value, Fault> {
        self.call(&self.reads, Again::Yes, Order::Ask(command, node)).await.map(|answers| answers.0)
    }

    async fn call(&self, lines: &[Line], again: Again, order: Order<'_>) -> Result<(Value, Value), Fault> {
        let line = &lines[self.turn.fetch_add(1, Ordering::Relaxed) % lines.len()];
        let within = self.settings.connect_timeout + self.settings.command_timeout;
        let called = async {
            match self.attempt(line, &order).await {
                Err(Fault { then: Then::Elsewhere, .. }) => self.attempt(line, &order).await,
                Err(Fault { then: Then::Broken, .. }) if again == Again::Yes => self.attempt(line, &order).await,
                ended => ended,
            }
        };
        timeout(within, called).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn attempt(&self, line: &Line, order: &Order<'_>) -> Result<(Value, Value), Fault> {
        let (number, mut link) = line.link(&self.dialer).await?;
        let ended = match timeout(self.settings.command_timeout, link.deliver(order)).await {
            Ok(answered) => answered.map_err(|error| Fault::read(&error)),
            Err(_) => Err(silent()),
        };
        line.learn(number, ended.as_ref().err().map(|fault| fault.then));
        ended
    }

    pub(super) fn settings(&self) -> &RedisSettings {
        &self.settings
    }
}

impl Link {
    async fn deliver(&mut self, order: &Order<'_>) -> RedisResult<(Value, Value)> {
        match order {
            Order::Run(run) => match self.send(&run.by_digest()).await {
                Err(error) if is_forgotten(&error) => self.send(&run.by_text()).await,
                answered => answered,
            }
            .map(|answer| (answer, Value::Nil)),
            Order::Confirmed { run, replicas, within } => {
                match self.send_both(run.by_digest(), *replicas, *within, run.key).await {
                    Err(error) if is_forgotten(&error) => {
                        // Half of what is left, so that both waits end within the command timeout.
                        self.send_both(run.by_text(), *replicas, (*within / 2).max(1), run.key).await
                    }
                    answered => answered,
                }
            }
            Order::Ask(command, node) => match (self, node) {
                (Self::Cluster(cluster), Some((host, port))) => {
                    let node = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
                    let answered = cluster.route_command((*command).clone(), RoutingInfo::SingleNode(node)).await;
                    answered.and_then(Value::extract_error)
                }
                (link, _) => link.send(command).await,
            }
            .map(|answer| (answer, Value::Nil)),
        }
    }

    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answered = match self {
            Self::One(one) => one.req_packed_command(command).await,
            Self::Cluster(cluster) => cluster.req_packed_command(command).await,
        };
        answered.and_then(Value::extract_error)
    }

    /// Sends a command to where the key lives and, right after it, the wait for replicas.
    async fn send_both(&mut self, command: Cmd, replicas: u32, within: u64, key: &str) -> RedisResult<(Value, Value)> {
        let mut both = Pipeline::with_capacity(2);
        both.add_command(command).cmd("WAIT").arg(replicas).arg(within);
        let answered = match self {
            Self::One(one) => one.req_packed_commands(&both, 0, 2).await,
            Self::Cluster(cluster) => {
                let node = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                cluster.route_pipeline(both, 0, 2, node).await
            }
        };
        let mut answers = answered?.into_iter().map(Value::extract_error);
        let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
        Ok((next()?, next()?))
    }
}

impl Run<'_> {
    fn by_digest(&self) -> Cmd {
        self.script.by_digest(self.key, self.arguments)
    }

    fn by_text(&self) -> Cmd {
        self.script.by_text(self.key, self.arguments)
    }
}

fn silent() -> Fault {
    Fault::new(Then::Silent, "Redis did not answer in time; it is busy, paused or out of reach")
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("settings", &self.settings).finish_non_exhaustive()
    }
}
