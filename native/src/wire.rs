//! How one exchange is made: over the network, or by a script in tests.

#[cfg(feature = "testing")]
use std::sync::Arc;

use crate::http::Transport;

/// Where exchanges happen.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    Network(Transport),
    #[cfg(feature = "testing")]
    Scripted(Arc<dyn crate::testing::Script>),
}
