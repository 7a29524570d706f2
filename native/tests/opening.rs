//! Whether a client opens a folder with nothing but the keys of its environment.

use hallpass::{Client, Kind, keys};

const NAME: &str = "a_client_opens_a_folder_with_the_keys_of_its_environment";

/// Runs itself once more in a process whose environment has keys, since nobody may change that of a process with threads.
#[tokio::test]
async fn a_client_opens_a_folder_with_the_keys_of_its_environment() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join("sessions");
    if std::env::var_os(keys::VARIABLE).is_some() {
        assert!(Client::open(&sessions).unwrap().saved().await.unwrap().is_empty());
        assert!(sessions.is_dir());
        return;
    }
    assert_eq!(Client::open(&sessions).unwrap_err().code(), Kind::KeyMissing);
    assert!(!sessions.exists());
    for (keys, opens) in [("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", true), ("nonsense", false)] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let told = again.args(["--exact", NAME]).env(keys::VARIABLE, keys).output().unwrap();
        assert_eq!(told.status.success(), opens, "{}", String::from_utf8_lossy(&told.stdout));
    }
}
