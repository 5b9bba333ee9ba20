//! The `oauth2` crate on top of the host: its requests, and the class of what a token endpoint answers.

use std::fmt;

use super::Host;
use crate::{Error, Request, Result};

/// The `oauth2` crate's requests go through the host. Statuses 429 and 5xx become errors of their class here, where the
/// crate would only find a body that it cannot read.
impl<'c> oauth2::AsyncHttpClient<'c> for Host {
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut request = Request::new(parts.method.as_str(), parts.uri.to_string()).body(body);
            for (name, value) in &parts.headers {
                let value = value.to_str().map_err(|_| Error::bad_answer("a request's header is no text"))?;
                request = request.header(name.as_str(), value);
            }
            let response = self.send(request).await?;
            let response = match response.status() {
                429 | 500.. => response.success()?,
                _ => response,
            };
            let mut answer = oauth2::http::Response::builder().status(response.status);
            for (name, value) in &response.headers {
                // Values may hold what is no ASCII; one that cannot be a header's is none that the crate asks for.
                if let Ok(value) = oauth2::http::HeaderValue::from_bytes(value.as_bytes()) {
                    answer = answer.header(name, value);
                }
            }
            answer.body(response.body).map_err(|_| Error::bad_answer("an answer's status or header is none"))
        })
    }
}

/// What the token endpoint made of a request: the class of the error that it names, also where it names one with the
/// status 200. Nothing else of the answer is repeated.
impl<T: oauth2::ErrorResponseType + fmt::Display + 'static>
    From<oauth2::RequestTokenError<Error, oauth2::StandardErrorResponse<T>>> for Error
{
    fn from(error: oauth2::RequestTokenError<Error, oauth2::StandardErrorResponse<T>>) -> Self {
        Self::from_token_request(error, |_| None)
    }
}

impl Error {
    /// The same as `From`, for a provider with names of its own: `known` is asked first.
    pub fn from_token_request<T: oauth2::ErrorResponseType + fmt::Display + 'static>(
        error: oauth2::RequestTokenError<Error, oauth2::StandardErrorResponse<T>>,
        known: impl FnOnce(&str) -> Option<Error>,
    ) -> Self {
        #[derive(serde::Deserialize)]
        struct Named {
            error: String,
        }
        let name = match error {
            oauth2::RequestTokenError::Request(error) => return error,
            oauth2::RequestTokenError::ServerResponse(answer) => {
                serde_json::to_value(answer.error()).ok().and_then(|name| name.as_str().map(str::to_owned))
            }
            oauth2::RequestTokenError::Parse(_, body) => {
                serde_json::from_slice::<Named>(&body).ok().map(|named| named.error)
            }
            oauth2::RequestTokenError::Other(_) => None,
        };
        match name {
            Some(name) => known(&name).unwrap_or_else(|| Self::from_token_endpoint(&name)),
            None => Self::bad_answer("the token endpoint's answer is neither tokens nor an error"),
        }
    }
}
