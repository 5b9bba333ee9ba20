//! What a handler needs to know of a request, read once.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::origin;
use crate::session::cookie;
use crate::state::{ClientAddress, SharedApp};
use crate::web::i18n::Language;

/// The id of a request: in its log lines, on its error page, in `X-Request-Id`.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub String);

/// Who asks.
pub(crate) struct Visitor {
    /// The request's id.
    pub id: String,
    /// The language of its pages.
    pub language: Language,
    /// The client's address.
    pub address: IpAddr,
    /// The cookie that sign-ins are bound to.
    pub browser: Option<String>,
    /// The session cookie.
    pub session: Option<String>,
    /// Whether one of our own pages sent it.
    pub own_page: bool,
}

impl FromRequestParts<SharedApp> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Infallible> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        Ok(Self {
            id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            language: app.pages.language(header("accept-language")),
            address: parts.extensions.get::<ClientAddress>().map_or(unspecified, |address| address.0),
            browser: cookie::read(&parts.headers, cookie::BROWSER),
            session: cookie::read(&parts.headers, cookie::SESSION),
            own_page: origin::is_own(header("sec-fetch-site"), header("origin"), app.public_url.origin()),
        })
    }
}
