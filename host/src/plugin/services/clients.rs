//! HTTP clients: one for each set of rules about addresses, for all providers that have these rules. Making one reads the
//! machine's certificates, which a hundred providers would otherwise do a hundred times.
//!
//! A client holds no cookies and no credentials, so nothing of one provider is in it for another. It holds connections, and
//! what may be connected to is what the rules say: so no connection is there for a provider with other rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::egress::Egress;
use super::http::client;
use crate::plugin::error::StartError;

/// The clients that were made. They stay as long as the server: rules come from the configuration, so they are few.
pub(in crate::plugin) struct Clients {
    connect: Duration,
    total: Duration,
    made: Mutex<HashMap<Arc<Egress>, reqwest::Client>>,
}

impl Clients {
    /// None yet; those to come have these limits.
    pub(in crate::plugin) fn new(connect: Duration, total: Duration) -> Self {
        Self { connect, total, made: Mutex::default() }
    }

    /// The client that reaches what `egress` permits. Fails where the machine has no certificates to trust.
    pub(in crate::plugin) fn of(&self, egress: &Arc<Egress>) -> Result<reqwest::Client, StartError> {
        // Held while one is made, so that nobody makes it again.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(egress) {
            return Ok(client.clone());
        }
        let client = client(egress, self.connect, self.total)?;
        made.insert(Arc::clone(egress), client.clone());
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that keeps its connections, and how many there were.
    async fn server() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut lines = BufReader::new(stream).lines();
                    while let Ok(Some(line)) = lines.next_line().await {
                        if line.is_empty() {
                            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n";
                            lines.get_mut().write_all(answer).await.unwrap();
                        }
                        assert!(!line.to_lowercase().starts_with("cookie:"), "{line}");
                    }
                });
            }
        });
        (url, connections)
    }

    fn rules(networks: &[&str], loopback_allowed: bool) -> Arc<Egress> {
        let allow_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Arc::new(Egress { allow_networks, loopback_allowed })
    }

    #[tokio::test]
    async fn a_connection_is_shared_under_the_same_rules_and_never_under_others() {
        let (url, connections) = server().await;
        let limit = Duration::from_secs(10);
        let clients = Clients::new(limit, limit);
        let ask = async |rules: &Arc<Egress>| clients.of(rules).unwrap().get(&url).send().await;
        for (rules, so_far) in [
            (rules(&[], true), 1),
            (rules(&[], true), 1),
            (rules(&["10.0.0.0/8"], true), 2),
            (rules(&["10.0.0.0/8"], true), 2),
            (rules(&["10.0.0.0/9"], true), 3),
        ] {
            ask(&rules).await.unwrap().bytes().await.unwrap();
            assert_eq!(connections.load(Ordering::SeqCst), so_far, "{rules:?}");
        }
        for closed in [rules(&[], false), rules(&["10.0.0.0/8"], false)] {
            assert!(ask(&closed).await.is_err(), "{closed:?}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 3);
        assert_eq!(clients.made.lock().unwrap().len(), 5);
    }
}
