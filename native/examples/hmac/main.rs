//! How does a program sign every attempt itself? Calls the testbed's area for signed requests.
//!
//! ```text
//! cargo run -p hallpass-testbed -- --port 8080 &
//! cargo run -p hallpass --example hmac
//! ```

mod signer;

use hallpass::{Client, Credentials, Error, Platform};
use signer::HmacSigner;

const SHOP: &str = r#"
id = "signed-shop"
base_url = "http://127.0.0.1:8080"

[sign_in.bearer]

[signer]
body = "sha256"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::builder().signer(HmacSigner::new("hmac-alice")).build()?;
    let session = client.sign_in(&Platform::from_toml(SHOP)?, "alice", Credentials::bearer("static-alice")).await?;
    let answer = session.post("/hmac/items/7?colour=red").body("a body that is signed as well").send().await?;
    println!("{} {}", answer.status(), answer.text().await?);
    session.close().await
}
