//! Lists that go on by `Link` headers (RFC 8288).

use serde::de::DeserializeOwned;

use super::Host;
use crate::{Error, Request, Response, Result};

/// A list in pages. All of them, or an error: a list that is cut short would let a check pass, or fail, by chance.
pub struct Pages<'h> {
    host: &'h Host,
    next: Option<Request>,
    left: usize,
    limit: usize,
}

impl<'h> Pages<'h> {
    pub(super) fn new(host: &'h Host, first: Request, limit: usize) -> Self {
        Self { host, next: Some(first), left: limit, limit }
    }

    /// The next page, of whatever status; nothing after the last, or after one that is no success. More pages than the
    /// limit are an error.
    pub async fn next(&mut self) -> Result<Option<Response>> {
        let Some(request) = self.next.take() else { return Ok(None) };
        if self.left == 0 {
            return Err(Error::bad_answer(format_args!(
                "{}: the list has more than {} pages",
                request.label(),
                self.limit
            )));
        }
        self.left -= 1;
        let response = self.host.send(request.clone()).await?;
        if response.is_success()
            && let Some(url) = response.next_page()?
        {
            self.next = Some(Request { url: url.into(), ..request });
        }
        Ok(Some(response))
    }

    /// The items of all pages, each of which is a JSON list.
    pub async fn collect<T: DeserializeOwned>(mut self) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(page) = self.next().await? {
            items.extend(page.success_json::<Vec<T>>()?);
        }
        Ok(items)
    }
}
