//! Sixty items over three accounts, six at a time, whoever is free: how it went, and what each account did.
//!
//! Start the testbed (`cargo run -p hallpass-testbed -- --port 8080`), then `cargo run -p hallpass --example pool`. Another address goes
//! in HALLPASS_EXAMPLE_URL.

use std::num::NonZeroU32;

use hallpass::each::End;
use hallpass::pool::Policy;
use hallpass::{Client, Credentials, Error, Platform};

const PLATFORM: &str = include_str!("../../examples/platforms/testbed-json.toml");

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::var("HALLPASS_EXAMPLE_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let platform = Platform::from_toml(&PLATFORM.replace("http://127.0.0.1:8080", &url))?;
    let client = Client::builder().build()?;

    // An account signs in when it is first needed; a program would ask its vault here.
    let credentials = async |account: String| Ok(Credentials::password(account.clone(), format!("{account}-password")));
    let pool = client
        .pool(&platform)
        .accounts(["alice", "bob", "carol"])
        .credentials(credentials)
        .policy(Policy::LeastUsed)
        .concurrent(NonZeroU32::MIN.saturating_add(1))
        .build()
        .await?;

    // Each item gets a session of its own for as long as its work takes; one failure loses nothing but itself.
    let outcomes = pool
        .for_each(1..=60, 6, async |session, number| {
            let answer = session.get(&format!("/api/items/{number}")).send().await?.error_for_verdict()?;
            answer.text().await
        })
        .await;
    for outcome in &outcomes {
        match &outcome.end {
            End::Ok(_) | End::Cancelled => {}
            End::Err(error) => println!("item {}: {error}", outcome.index + 1),
            End::Panicked(message) => println!("item {} panicked: {message}", outcome.index + 1),
        }
    }
    println!("{} of {} items", outcomes.iter().filter(|outcome| outcome.end.is_ok()).count(), outcomes.len());
    for member in pool.stats().members {
        println!("{}: {} uses, {} good, health {}", member.account, member.uses, member.good, member.health);
    }
    client.close().await
}
