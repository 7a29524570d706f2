//! A scripted wire and a virtual clock, for tests that assert every exchange without a network.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use ::http::{Request, Response};
use bytes::Bytes;
use hallpass_core::effect::Failure;
use hallpass_core::time::Wall;

use crate::body::ResponseStream;
use crate::builder::Builder;
use crate::clock::Clock;
use crate::http::RequestBody;
use crate::wire::Wire;

/// Answers exchanges in place of a network.
pub trait Script: Send + Sync + fmt::Debug + 'static {
    /// Answers one request; a body that the program streams is empty here.
    fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Failure>> + Send + '_>>;
}

/// Where a client under test stands in time and chance.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// Civil time at the start; from there on it follows tokio's clock, paused or not.
    pub wall: Wall,
    /// The seed of every session. Never outside tests: a repeated seed repeats what was random.
    pub seed: [u8; 32],
}

impl Builder {
    /// Replaces the network by a script, and clocks and randomness by fixed ones; every session writes a trace.
    pub fn scripted(mut self, script: impl Script, fixed: Fixed) -> Self {
        self.wire = Some(Wire::Scripted(std::sync::Arc::new(script)));
        self.clock = Some(Clock::starting_at(fixed.wall));
        self.seed = Some(fixed.seed);
        self.trace = true;
        self
    }

    /// No session writes a trace: for measuring, where it would be what is measured.
    pub fn untraced(mut self) -> Self {
        self.trace = false;
        self
    }
}

pub(crate) async fn exchange(
    script: &dyn Script,
    request: Request<RequestBody>,
) -> Result<Response<ResponseStream>, Failure> {
    Ok(script.exchange(request.map(sent_bytes)).await?.map(ResponseStream::bytes))
}

fn sent_bytes(body: RequestBody) -> Bytes {
    match body {
        RequestBody::Full(bytes) => bytes,
        RequestBody::Empty | RequestBody::Stream(_) => Bytes::new(),
    }
}
