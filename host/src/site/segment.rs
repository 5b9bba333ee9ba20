//! The part of a path that a route leaves open: a provider's name, a file's.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::state::SharedApp;

/// The segment, decoded. Empty, and so nobody's name, if it is no text: axum's own answer to that has no headers and
/// no page.
pub(crate) struct Segment(pub String);

impl FromRequestParts<SharedApp> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        Ok(Self(path.map(|Path(segment)| segment).unwrap_or_default()))
    }
}
