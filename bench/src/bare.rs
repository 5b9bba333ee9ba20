//! A relying party for GitHub or one issuer of OpenID Connect and nothing else, as one would write it by hand with axum,
//! reqwest, sqlx and jsonwebtoken: one file for each concern. It is correct (state and PKCE, both bound to the browser, used once; hashes in the database; sessions that
//! end), and it does what Vestibule does over the wire and on the disk: the same requests to the provider, the same number
//! of durable transactions. It has no plugins, no second provider, no pages, no languages and no log.

mod github;
mod oidc;
mod provider;
mod random;
mod store;
mod web;

pub use github::GitHub;
pub use oidc::Oidc;
pub use provider::{Account, Provider, ProviderError};
pub use random::{sha256, token};
pub use store::{Attempt, Store};
pub use web::{Party, router};
