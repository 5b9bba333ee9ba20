//! What crosses the boundary between a Vestibule host and a provider plugin, and nothing else.
//!
//! Two contracts live here, and they change for different reasons:
//!
//! - the **shell** ([`table`], [`section`], [`root`]): a table of six functions over byte buffers, checked by
//!   `abi_stable` when a library is loaded, and an ELF section that is read before. It never changes within an
//!   [`EPOCH`].
//! - the **messages** ([`message`], [`record`]): what the bytes say. They are the long-lived contract. A record gains
//!   fields (defaulted by whoever does not know them, ignored by whoever is older), never loses one and never gives one
//!   another meaning. Whatever safety rests on is a new operation or a new requirement, since an unknown field is
//!   ignored.
//!
//! Types only: no I/O, no logic beyond the codec. A plugin author sees none of this; the crate `vestibule-provider` is
//! written on top of it.

pub mod message;
pub mod record;
pub mod root;
pub mod section;
mod sensitive;
pub mod table;

pub use sensitive::Sensitive;

/// The number of the shell. A host loads plugins of its own epoch.
pub const EPOCH: u32 = 1;
