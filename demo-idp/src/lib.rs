//! Identity providers on loopback, with the quirks of the real ones, for the demo and the tests.
//!
//! [`DemoIdp`] serves one provider in this process: tests start it on port 0, drive a browser or [`visitor`] through it,
//! and ask [`DemoIdp::requests`] what the relying party really sent. What goes wrong is named, not built: see [`Fault`] and
//! [`OpenIdFault`].
//! Everybody who can be chosen is in [`people::cast`]. Whom it plays is a [`Personality`]: GitHub (`github`), an OpenID
//! provider (`oidc`) or GitLab (`gitlab`); what the latter two share is in `openid`.
//!
//! It lets everybody in and hands out guessable codes, so it listens on loopback only, and answers no other `Host`. It
//! must not know the server that it is used to test: what it expects is the providers' documentation alone.

#![forbid(unsafe_code)]

mod account;
mod answer;
mod avatar;
mod clock;
mod consent;
mod door;
mod fault;
mod github;
mod gitlab;
mod gzip_bomb;
mod html;
mod ledger;
mod lock;
mod oidc;
mod openid;
mod options;
pub mod people;
mod personality;
mod raw_object;
mod request;
mod server;
mod spoil;
mod state;
pub mod visitor;

pub use fault::{Endpoint, Fault, FaultError, OpenIdFault};
pub use ledger::{CODE_LIFE, Client};
pub use openid::{Algorithm, CallbackIssuer, OpenIdOptions, Pkce, TokenAuth};
pub use options::Options;
pub use people::Person;
pub use personality::{Personality, UnknownPersonality};
pub use request::Request;
pub use server::DemoIdp;
