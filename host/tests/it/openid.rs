//! The plugins `oidc` and `gitlab` through the whole server, against `demo-idp`: sign-ins, every fault of an OpenID
//! provider, and the relying party's modules of the OpenID conformance suite by name.

mod expected;
mod faults;
mod instances;
mod modules;
pub(crate) mod rig;
mod sign_in;
