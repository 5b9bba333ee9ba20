//! The accept loop: connections in, requests to the router, and an end that lets running requests finish.
//!
//! Not `axum::serve`, which sets no timer: headers that dribble in would hold a connection for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use crate::address::Peer;

/// How long a request may take: put into each request by the accept loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimit(pub Duration);

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a request's head may take, and how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long a request's body may take to come, then how long its answer, and how long a client may not read it.
    pub request: Duration,
    /// How many connections are served at once; the next ones wait in the kernel's queue.
    pub connections: usize,
    /// How long running requests may take to end after the signal.
    pub drain: Duration,
}

impl Limits {
    /// Behind a proxy idle connections outlive the proxy's own time-out (60 s with nginx, 120 s with Caddy), or it would
    /// meet closed ones.
    pub fn new(behind_proxy: bool) -> Self {
        Self {
            header_timeout: Duration::from_secs(if behind_proxy { 130 } else { 10 }),
            // An operation has 15 s, and the database comes after it.
            request: Duration::from_secs(30),
            connections: 4096,
            drain: Duration::from_secs(15),
        }
    }
}

/// The largest number of header fields, and of bytes in a request's head: more is answered with 431.
const MAX_HEADERS: usize = 64;
const MAX_HEAD: usize = 16 * 1024;

/// Serves until `end` is ready, then lets running requests finish within `limits.drain`, and closes the connections of
/// those that do not.
///
/// Gives back how many those were.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()>,
) -> usize {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    // Nothing is ever sent: connections end with the sender.
    let (alive, cut) = watch::channel(());
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let router = router.clone();
                let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
                    request.extensions_mut().insert(Peer(peer));
                    request.extensions_mut().insert(TimeLimit(limits.request));
                    router.clone().oneshot(request.map(axum::body::Body::new))
                });
                // A client that asks and does not read would keep its place for ever.
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(limits.request));
                let stream = TokioIo::new(Box::pin(stream));
                let connection = graceful.watch(http.serve_connection(stream, service));
                let mut cut = cut.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        ended = connection => if let Err(error) = ended {
                            tracing::debug!(%peer, %error, "connection ended");
                        },
                        _ = cut.changed() => {}
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: accepting again at once would only burn the processor.
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok() {
        return 0;
    }
    let open = limits.connections - slots.available_permits();
    drop(alive);
    open
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}
