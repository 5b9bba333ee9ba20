//! The load's side of HTTP/1.1: one request after the other over one connection, with as little work as possible, so that
//! the load is not what is measured. It takes only answers that say their length.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::error::{Error, Result, doing};

/// The longest answer that is taken.
const MOST: usize = 1024 * 1024;

/// A connection to one server.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.map_err(doing(&format!("connect to {address}")))?;
        stream.set_nodelay(true).map_err(doing("set up a connection"))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and reads its whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await.map_err(doing("send a request"))?;
        let head = loop {
            match self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.read().await?,
            }
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).into_owned();
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.ok_or_else(|| Error::new("an answer without a status"))?,
            head: text,
            body: Vec::new(),
        };
        let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        let length = length.ok_or_else(|| Error::new("an answer that does not say its length"))?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        answer.body = self.buffer.drain(..head + length).skip(head).collect();
        Ok(answer)
    }

    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await.map_err(doing("read an answer"))?;
        if read == 0 || self.buffer.len() > MOST {
            return Err(Error::new("an answer that is too short or too long"));
        }
        Ok(())
    }
}

impl Answer {
    /// The first header of that name, written in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// `name=value; …` of all cookies that were set.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let cookies = self.headers("set-cookie").filter_map(|line| line.split(';').next());
        cookies.map(str::to_owned).collect()
    }

    /// The answer, if it has this status.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
        Err(Error::new(format!("{what} answered {} instead of {status}: {body}", self.status)))
    }

    fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.head.lines().filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn serve(answers: &'static [u8]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(answers).await.unwrap();
        // Kept open for the connection's life.
        tokio::spawn(async move { stream.read(&mut [0; 4096]).await.map(|_| stream) });
        connection
    }

    #[tokio::test]
    async fn answers_that_arrive_together_are_taken_apart() {
        let mut connection = serve(
            b"HTTP/1.1 303 See Other\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nLocation: /x\r\n\
              Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        )
        .await;
        let answer = connection.exchange(b"one").await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/x")));
        assert_eq!(answer.cookies(), ["a=1", "b=2"]);
        let answer = connection.exchange(b"two").await.unwrap().expect(200, "it").unwrap();
        assert_eq!(answer.body, b"ok");
    }

    #[tokio::test]
    async fn an_answer_of_another_status_is_an_error_that_quotes_it() {
        let mut connection = serve(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nsorry").await;
        let answer = connection.exchange(b"one").await.unwrap();
        let error = answer.expect(200, "the call").err().unwrap().to_string();
        assert_eq!(error, "the call answered 500 instead of 200: sorry");
    }
}
