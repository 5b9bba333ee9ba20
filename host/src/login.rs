//! Signing in, from the button to the session: what is remembered, what is checked, and in which order.
//!
//! It knows no router, no page and no cookie header: it takes what a request said as plain values, and gives back what
//! happened as an enumeration whose variants are all the ways out. One file per step, in the order in which they come:
//!
//! 1. [`begin`]: a person chose a provider; the login attempt is stored and the browser sent there.
//! 2. [`callback`]: the browser is back; the attempt is taken (used once, then gone) and everything is compared with it.
//! 3. [`complete`]: the account is proven; user, identity and session are written in one transaction.
//!
//! Nothing about a sign-in is ever believed from the callback that the attempt already knows: provider, nonce, redirect
//! URI and return path come from the attempt alone.

pub mod begin;
pub mod callback;
pub mod complete;
pub mod params;
pub mod pkce;
pub mod return_path;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::random::Random;
use crate::registry::CurrentRegistry;
use crate::store::{SignupPolicy, Store};

/// How long a person may take at the provider.
pub const ATTEMPT_LIFE: Duration = Duration::from_secs(10 * 60);

/// What signing in needs.
pub struct Login {
    /// The providers.
    pub registry: Arc<CurrentRegistry>,
    /// Attempts, users, identities, sessions.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// State, nonce, verifier, tokens.
    pub random: Arc<dyn Random>,
    /// Whether an unknown account becomes a user.
    pub signup: SignupPolicy,
    /// How long a session lasts at most.
    pub session_absolute: Duration,
}
