//! A door in front of a PostgreSQL server: it counts the statements that go through, and can be shut or fall silent.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::database::PostgresDatabase;

/// A statement, and on which connection it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) connection: u64,
    pub(crate) sql: String,
}

/// The door. It is open at first.
pub(crate) struct Gate {
    port: u16,
    /// Where new connections go.
    server: Arc<Mutex<String>>,
    shut: watch::Sender<bool>,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: Arc<AtomicU64>,
    /// Connections before this one are dead to both sides, and neither hears of it.
    hushed: watch::Sender<u64>,
    /// Whether a ROLLBACK, and what follows it, is swallowed.
    swallows: Arc<AtomicBool>,
}

impl Gate {
    /// In front of the server that a URL leads to.
    pub(crate) async fn before(url: &str) -> Self {
        let (_, rest) = url.split_once('@').unwrap();
        let server = Arc::new(Mutex::new(rest.split('/').next().unwrap().to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shut, is_shut) = watch::channel(false);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let (count, swallows) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, swallowing) = (count.clone(), swallows.clone());
        let (hushed, is_hushed) = watch::channel(0);
        let behind = server.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                counted.store(connection + 1, Ordering::SeqCst);
                let server = behind.lock().unwrap().clone();
                let (mut is_shut, log) = (is_shut.clone(), log.clone());
                let (mut is_hushed, swallowing) = (is_hushed.clone(), swallowing.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        // Whoever comes while it is shut is turned away, and whoever is inside is thrown out.
                        _ = is_shut.wait_for(|shut| *shut) => {}
                        () = pass(client, &server, connection, &log, &mut is_hushed, &swallowing) => {}
                    }
                });
            }
        });
        Self { port, server, shut, seen, count, hushed, swallows }
    }

    /// The database's URL through the door.
    pub(crate) fn url(&self, database: &PostgresDatabase) -> String {
        self.url_of(&database.url())
    }

    /// The same for any URL of this server's.
    pub(crate) fn url_of(&self, url: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, url.rsplit_once('/').unwrap().1)
    }

    /// From now on new connections go there.
    pub(crate) fn lead_to(&self, address: String) {
        *self.server.lock().unwrap() = address;
    }

    pub(crate) fn shut(&self) {
        self.shut.send_replace(true);
    }

    pub(crate) fn open(&self) {
        self.shut.send_replace(false);
    }

    /// Nothing goes through the connections that there are any more, and neither side is told.
    pub(crate) fn hush(&self) {
        self.hushed.send_replace(self.count.load(Ordering::SeqCst));
    }

    /// From now on a connection falls silent at its ROLLBACK, or no more.
    pub(crate) fn swallow_rollbacks(&self, on: bool) {
        self.swallows.store(on, Ordering::SeqCst);
    }

    /// How many statements that begin like this came since the last look.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.sql.starts_with(start)).count()
    }

    /// The statements since the last look. What was only read is rolled back behind the answer's back, so that the end of
    /// a transaction that began before the last look is none of these.
    pub(crate) fn take(&self) -> Vec<Seen> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        // What a new connection is asked first is nobody's.
        seen.retain(|statement| !statement.sql.starts_with("SELECT pg_is_in_recovery()"));
        let mut begun = BTreeSet::new();
        seen.retain(|statement| {
            if statement.sql.starts_with("BEGIN") {
                begun.insert(statement.connection);
            }
            begun.contains(&statement.connection) || statement.sql != "ROLLBACK"
        });
        seen
    }
}

/// Statements outside of a transaction, which are one each, and transactions: BEGIN to COMMIT or ROLLBACK.
pub(crate) fn transactions(statements: &[Seen]) -> usize {
    let mut open = BTreeSet::new();
    let mut count = 0;
    for Seen { connection, sql } in statements {
        if sql.starts_with("BEGIN") {
            assert!(open.insert(*connection), "a transaction in a transaction");
            count += 1;
        } else if sql.starts_with("COMMIT") || sql.starts_with("ROLLBACK") {
            assert!(open.remove(connection), "the end of no transaction");
        } else if !open.contains(connection) {
            count += 1;
        }
    }
    count
}

async fn pass(
    client: TcpStream,
    server: &str,
    connection: u64,
    log: &Mutex<Vec<Seen>>,
    hushed: &mut watch::Receiver<u64>,
    swallows: &AtomicBool,
) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        // The first message has no type (https://www.postgresql.org/docs/15/protocol-message-formats.html).
        let mut is_first = true;
        // At the start every statement is prepared under a name, which goes before the transaction does.
        let mut preparing = false;
        let mut buffer = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = from_client.read(&mut chunk).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            buffer.extend_from_slice(&chunk[..read]);
            while let Some((kind, body, length)) = message(&buffer, is_first) {
                if let Some(sql) = statement(kind, body, preparing) {
                    if sql.contains("SAVEPOINT preparing") {
                        preparing = sql.starts_with("SAVEPOINT");
                    }
                    if sql == "ROLLBACK" && swallows.load(Ordering::SeqCst) {
                        return std::future::pending().await;
                    }
                    // One message may hold several statements.
                    let each = sql.split("; ").map(|sql| Seen { connection, sql: sql.to_owned() });
                    log.lock().unwrap().extend(each);
                }
                is_first = false;
                buffer.drain(..length);
            }
            if to_server.write_all(&chunk[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    let hush = async { drop(hushed.wait_for(|first| connection < *first).await) };
    tokio::select! {
        () = up => {}
        () = down => {}
        // Both sides stay open.
        () = hush => std::future::pending().await,
    }
}

fn message(buffer: &[u8], is_first: bool) -> Option<(u8, &[u8], usize)> {
    let start = usize::from(!is_first);
    let length: [u8; 4] = buffer.get(start..start + 4)?.try_into().unwrap();
    let end = start + u32::from_be_bytes(length) as usize;
    let kind = if is_first { 0 } else { buffer[0] };
    Some((kind, buffer.get(start + 4..end)?, end))
}

/// The text of a simple query, or of a statement that is parsed for one use: it is bound and run right afterwards.
fn statement(kind: u8, body: &[u8], preparing: bool) -> Option<String> {
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned();
    match kind {
        b'Q' => Some(text(body)),
        b'P' => {
            let (name, rest) = body.split_at(body.iter().position(|byte| *byte == 0).unwrap());
            assert!(name.is_empty() || preparing, "a named statement, which a pooler does not take");
            Some(text(&rest[1..]))
        }
        _ => None,
    }
}
