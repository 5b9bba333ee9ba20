//! `cargo run -p vestibule --example pages`: every page in every state, at an address that it prints. For whoever works
//! on templates, styles or texts: no provider, no database, nothing to set up.

#[path = "../tests/it/pages/album.rs"]
mod album;
#[path = "../tests/it/pages/gallery.rs"]
#[expect(
    clippy::unwrap_used,
    reason = "shared with the tests: a page that cannot be made ends this program, too"
)]
mod gallery;

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is the one thing that it has to say")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (names, router) = album::album();
    println!("{} pages at http://{}/ (end with Ctrl-C)", names.len(), listener.local_addr()?);
    axum::serve(listener, router).await
}
