//! Where redirects lead: elsewhere, in circles, down a chain, and down a chain that sets a cookie at each step.

use http::StatusCode;
use serde_json::json;

use super::pages;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::route::Redirect;

pub(super) fn serve(redirect: Redirect, exchange: &Exchange) -> Answer {
    let status = exchange.number("status").and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(StatusCode::is_redirection).unwrap_or(StatusCode::FOUND);
    match redirect {
        Redirect::To => match exchange.query("url") {
            Some(url) => answer::redirect(status, url),
            None => answer::bad_request("url is missing"),
        },
        Redirect::Loop => answer::redirect(status, "/redirect/loop"),
        Redirect::Chain(0) => answer::ok(&json!({ "redirected": true })),
        Redirect::Chain(left) => answer::redirect(status, format_args!("/redirect/{}{}", left - 1, query(exchange))),
        Redirect::Cookies(0) => pages::cookies_seen(exchange),
        Redirect::Cookies(left) => {
            let next = answer::redirect(status, format_args!("/redirect/cookies/{}{}", left - 1, query(exchange)));
            answer::set_cookie(next, format_args!("hop-{left}=1; Path=/redirect"))
        }
    }
}

fn query(exchange: &Exchange) -> String {
    exchange.uri.query().map(|query| format!("?{query}")).unwrap_or_default()
}
