//! The README's example: resume where a session is saved, sign in where none is, fetch.

use hallpass::store::FileStore;
use hallpass::{Client, Credentials, Platform, keys};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = Platform::from_file("examples/platforms/testbed-json.toml")?;
    let keyring = keys::from_environment()?.ok_or("set HALLPASS_KEY to `id:base64` of 32 bytes")?;
    let client = Client::builder().store(FileStore::open("sessions")?).keyring(keyring).build()?;

    // Open the saved session; sign in only where there is none.
    let session = match client.resume(&platform, "alice").await {
        Err(error) if error.kind() == "no_session" => {
            client.sign_in(&platform, "alice", Credentials::password("alice", "alice-password")).await?
        }
        resumed => resumed?,
    };

    let answer = session.get("/api/items/1").send().await?;
    println!("{} {}", answer.status(), answer.text().await?);

    session.close().await?;
    Ok(())
}
