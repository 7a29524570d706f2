//! Does the transport tell the truth? Against servers that answer, hang up, stall, lie and encrypt.

mod bodies;
mod faults;
mod https;
mod reuse;
mod server;

use std::time::Duration;

use bytes::Bytes;
use hallpass::http::{BodyError, ExchangeLimits, RequestBody, ResponseBody, Transport, TransportSettings};
use hallpass_core::effect::Failure;
use http::{Request, Response};
use http_body_util::BodyExt;

pub(crate) fn transport() -> Transport {
    Transport::new(TransportSettings::default()).expect("default settings")
}

pub(crate) fn configured(change: impl FnOnce(&mut TransportSettings)) -> Transport {
    let mut settings = TransportSettings::default();
    change(&mut settings);
    Transport::new(settings).expect("settings that hold")
}

pub(crate) fn limits(change: impl FnOnce(&mut ExchangeLimits)) -> ExchangeLimits {
    let mut limits = ExchangeLimits::default();
    change(&mut limits);
    limits
}

pub(crate) async fn get(transport: &Transport, url: &str) -> Result<Response<ResponseBody>, Failure> {
    get_within(transport, url, ExchangeLimits::default()).await
}

pub(crate) async fn get_within(
    transport: &Transport,
    url: &str,
    limits: ExchangeLimits,
) -> Result<Response<ResponseBody>, Failure> {
    let request = Request::get(url).body(RequestBody::Empty).expect("a request");
    transport.exchange(request, limits).await
}

pub(crate) async fn post(
    transport: &Transport,
    url: &str,
    body: RequestBody,
) -> Result<Response<ResponseBody>, Failure> {
    let request = Request::post(url).body(body).expect("a request");
    transport.exchange(request, ExchangeLimits::default()).await
}

pub(crate) async fn read(response: Response<ResponseBody>) -> Result<Bytes, BodyError> {
    response.into_body().collect().await.map(http_body_util::Collected::to_bytes)
}

pub(crate) const SHORT: Duration = Duration::from_millis(50);
pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
