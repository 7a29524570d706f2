//! How does an error cross? As lines: kind, fault, retry, and the detail, which may have lines of its own.
//!
//! `retry` is `never`, `now`, `gave_up`, or `after` and milliseconds since 1970.

use hallpass_core::error::{Error, Fault, Kind, Retry};
use wasm_bindgen::JsValue;

/// The thrown form of an error.
pub(crate) fn thrown(error: &Error) -> JsValue {
    JsValue::from_str(&text(error))
}

/// An argument that the TypeScript side must never pass.
pub(crate) fn misuse(what: &'static str) -> JsValue {
    thrown(&Error::new(Kind::Misuse, what))
}

/// The lines of an error.
pub(crate) fn text(error: &Error) -> String {
    let retry = match error.retry() {
        Retry::Now => "now".to_owned(),
        Retry::After(at) => format!("after {}", at.as_millis()),
        Retry::GaveUp => "gave_up".to_owned(),
        Retry::Never | _ => "never".to_owned(),
    };
    format!("{}\n{}\n{retry}\n{}", error.kind(), word(error.code().fault()), error.detail())
}

/// The stable word for whose fault it is.
pub(crate) fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Program => "program",
        Fault::Account => "account",
        Fault::Platform => "platform",
        Fault::Network => "network",
        Fault::Store => "store",
        Fault::Internal | _ => "internal",
    }
}
