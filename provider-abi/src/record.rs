//! The records: what the head of each message says.
//!
//! Every record grows by fields that are defaulted and skipped when absent, so that either side may be older. Numbers
//! and names stand where an enumeration would be closed: error codes, states, services and operations that a reader
//! does not know are his to refuse, not the parser's.

mod account;
mod begin;
mod complete;
mod describe;
mod failure;
mod inspect;
mod services;
mod step;

pub use account::{Account, Tokens, verified};
pub use begin::{BeginAnswer, BeginRequest, Hints, Post, Redirect};
pub use complete::{CompleteAnswer, CompleteRequest};
pub use describe::{CreateRequest, Description, HostInfo, Reply, operation, requirement};
pub use failure::{Failure, code};
pub use inspect::{
    Declared, Inspect, Issuer, Metadata, Promised, SecretTarget, policy, protocol, response_mode, state_in,
};
pub use services::{DiscoverRequest, HttpRequest, HttpResponse, VerifyJwtAnswer, VerifyJwtRequest, service};
pub use step::{Answer, HostRequest, LogLine, StartRequest, StepAnswer, StepRequest, level, state};
