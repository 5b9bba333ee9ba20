//! What a browser asks for, one file per page: short handlers that turn a request into plain values, call, and show
//! what came back. Only this module, `api` and `router` know axum.

mod account;
mod answer;
mod begin;
mod callback;
mod files;
mod segment;
mod sign_in;
mod sign_out;
mod visitor;

pub(crate) use account::{root, show as account};
pub(crate) use answer::{log, problem, respond, retry_after, status, with_cookie};
pub(crate) use begin::{begin, start};
pub(crate) use callback::{by_get as callback_by_get, by_post as callback_by_post};
pub(crate) use files::{operator_icon, own as file};
pub(crate) use sign_in::show as sign_in;
pub(crate) use sign_out::sign_out;
pub(crate) use visitor::{RequestId, Visitor};
