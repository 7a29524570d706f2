//! How does a program call AWS with its requests signed? Asks STS who the keys belong to.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run -p hallpass --example sigv4
//! ```

mod signer;

use hallpass::{Client, Credentials, Error, Kind, Platform};
use signer::{Path, SigV4};

const STS: &str = r#"
id = "aws-sts"
base_url = "https://sts.us-east-1.amazonaws.com"

[sign_in.bundle]

[signer]
body = "sha256"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let read =
        |name: &str| std::env::var(name).map_err(|_| Error::new(Kind::ConfigInvalid, format!("{name} is not set")));
    let keys = SigV4 {
        access_key: read("AWS_ACCESS_KEY_ID")?,
        secret_key: read("AWS_SECRET_ACCESS_KEY")?,
        session_token: std::env::var("AWS_SESSION_TOKEN").ok(),
        region: "us-east-1".to_owned(),
        service: "sts".to_owned(),
        path: std::env::var("SIGV4_PATH").ok().and_then(|name| Path::named(&name)).unwrap_or(Path::Normalised),
    };
    let client = Client::builder().signer(keys).build()?;
    let session = client.sign_in(&Platform::from_toml(STS)?, "default", Credentials::default()).await?;
    let answer = session.get("/?Action=GetCallerIdentity&Version=2011-06-15").send().await?;
    println!("{} {}", answer.status(), answer.text().await?);
    session.close().await
}
