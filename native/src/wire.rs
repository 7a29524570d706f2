//! How one exchange is made: over the network, or by a script in tests.

#[cfg(feature = "testing")]
use std::sync::Arc;

use ::http::{Request, Response};
use hallpass_core::effect::Failure;

use crate::body::ResponseStream;
use crate::http::{ExchangeLimits, RequestBody, Transport};

/// Where exchanges happen.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    Network(Transport),
    #[cfg(feature = "testing")]
    Scripted(Arc<dyn crate::testing::Script>),
}

impl Wire {
    /// Sends a request and brings the head of its answer.
    pub(crate) async fn exchange(
        &self,
        request: Request<RequestBody>,
        limits: ExchangeLimits,
    ) -> Result<Response<ResponseStream>, Failure> {
        match self {
            Self::Network(transport) => Ok(transport.exchange(request, limits).await?.map(ResponseStream::network)),
            #[cfg(feature = "testing")]
            Self::Scripted(script) => {
                let request = request.map(crate::testing::sent_bytes);
                Ok(script.exchange(request).await?.map(ResponseStream::bytes))
            }
        }
    }
}
