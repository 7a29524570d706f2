//! What is under which keys of a Redis that is somebody else's? It is read and never written.
//!
//! **Invariant:** only SCAN and GETRANGE are sent; no error shows the address's password or a value.

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass::{Error, Kind};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind};
use zeroize::Zeroizing;

/// A Redis to read from.
pub(super) struct Source(MultiplexedConnection);

/// Connects to `redis://` or `rediss://`.
pub(super) async fn connect(url: &str) -> Result<Source, Error> {
    let client = Client::open(url).map_err(|_| {
        Error::new(
            Kind::ConfigInvalid,
            "the address of Redis is not redis://[USER:PASSWORD@]HOST:PORT/DB or rediss://…",
        )
    })?;
    let limits =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&limits).await;
    connection.map(Source).map_err(|error| failed(&error))
}

impl Source {
    /// Every key that matches, sorted, each once. The server is never stopped for it, as `KEYS` does.
    pub(super) async fn keys(&mut self, pattern: &str) -> Result<BTreeSet<Vec<u8>>, Error> {
        let mut keys = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(PAGE);
            let (next, page): (u64, Vec<Vec<u8>>) =
                scan.query_async(&mut self.0).await.map_err(|error| failed(&error))?;
            keys.extend(page);
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    /// The value of a key; nothing where it is gone by now. The inner error is about this key alone.
    pub(super) async fn value(&mut self, key: &[u8]) -> Result<Result<Option<Zeroizing<Vec<u8>>>, Error>, Error> {
        let mut range = redis::cmd("GETRANGE");
        match range.arg(key).arg(0).arg(LARGEST).query_async::<Vec<u8>>(&mut self.0).await {
            Ok(value) if value.is_empty() => Ok(Ok(None)),
            Ok(value) if value.len() > LARGEST => Ok(Err(unfit("the value is larger than 1 MiB".to_owned()))),
            Ok(value) => Ok(Ok(Some(Zeroizing::new(value)))),
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Err(unfit("the key holds no text".to_owned()))),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn unfit(what: String) -> Error {
    Error::new(Kind::CredentialsInvalid, what)
}

fn failed(error: &RedisError) -> Error {
    let what = match error.kind() {
        ErrorKind::AuthenticationFailed => "it refuses the user name and password".to_owned(),
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            "the user may not do what this needs: SCAN and GETRANGE".to_owned()
        }
        _ => match (error.code(), error.is_timeout()) {
            (Some(code), _) => format!("it answers {code}"),
            (None, true) => "it does not answer in time".to_owned(),
            (None, false) => "it cannot be reached, or the connection broke".to_owned(),
        },
    };
    Error::new(Kind::StoreUnavailable, format!("reading from Redis: {what}"))
}

const PATIENCE: Duration = Duration::from_secs(10);
const PAGE: usize = 500;
/// Bytes of a value; one more is asked for, so that a larger one is seen.
const LARGEST: usize = 1024 * 1024;
