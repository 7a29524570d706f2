//! Who answers where instructions are counted? A task of the same thread that reads a head and writes the same bytes, so that a
//! count does not depend on which process was quicker.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use hallpass_bench::figure::Failure;

/// Listens on loopback and answers every request alike; its URL.
pub(crate) async fn listen() -> Result<String, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(url)
}

/// Answers each head that ends, until the client hangs up.
async fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}

/// What the testbed answers to `/plain/…`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 58\r\n\
    date: Mon, 02 Nov 2026 10:00:00 GMT\r\n\r\n{\"plain\":true,\"text\":\"the same small body for everybody\"}\n";

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_canned_answer_is_as_long_as_it_says() {
        let text = str::from_utf8(ANSWER).expect("is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("has a head and a body");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
