//! A relying party for GitHub and nothing else, as one would write it by hand with axum, reqwest and sqlx: one file for
//! each concern. It is correct (state and PKCE, both bound to the browser, used once; hashes in the database; sessions that
//! end), and it does what Vestibule does over the wire and on the disk: the same requests to the provider, the same number
//! of durable transactions. It has no plugins, no second provider, no pages, no languages and no log.

mod provider;
mod random;
mod store;
mod web;

pub use provider::{Account, GitHub, ProviderError};
pub use random::{sha256, token};
pub use store::{Attempt, Store};
pub use web::{Party, router};
