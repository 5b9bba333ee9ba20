//! What a browser is shown, and the headers it is shown under.
//!
//! Everything here is pure: data in, text out, with no I/O while a request is answered. It knows no axum type, no
//! route's handler and no database row; a handler fills one of the structs of [`pages`] and sends what comes back.

pub mod assets;
pub mod headers;
pub mod i18n;
pub mod icons;
pub mod pages;
pub mod text;
