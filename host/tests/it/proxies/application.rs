//! An application behind the proxy: it keeps what it is sent, to the byte, and greets.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What every answer of its ends with.
pub(super) const GREETING: &str = "this is the wiki";

/// Listens on loopback until this is dropped.
pub(super) struct Application {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    served: JoinHandle<()>,
}

impl Application {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let served = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection without a request is a proxy that looks ahead.
                let _ = serve(stream, &kept).await;
            }
        });
        Self { port, requests, served }
    }

    /// Everything that came so far, heads and bodies.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The header lines of the one request that came, names as they were written.
    pub(super) fn only_request(&self) -> Vec<(String, String)> {
        let requests = self.requests();
        let [request] = &requests[..] else { panic!("{requests:?}") };
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").skip(1);
        lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_owned(), value.trim().to_owned())
            })
            .collect()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn serve(mut stream: TcpStream, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    // Without an icon of its own the browser would ask for one that is nowhere.
    let page =
        format!("<!doctype html><title>Wiki</title><link rel=\"icon\" href=\"data:,\"><h1>{GREETING}</h1>");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    stream.write_all(answer.as_bytes()).await
}

/// Whether the head is there, and the body that it announces.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}
