//! The service `http`: one request of a plugin, to where `inspect` says and nowhere else.
//!
//! No redirect is followed and nothing is repeated: a code is used once, and a redirect's target was never declared. What
//! comes back is capped, and handed on only when no secret is in it.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};
use vestibule_abi as abi;

use abi::record::{Failure, code};

use super::Unanswered;
use super::egress::{Egress, RefusedAddress};
use super::secrets::Vault;
use super::swap::{Outgoing, swap};
use crate::count::Counts;
use crate::plugin::error::{OperationError, OperationErrorKind, StartError, chain, one_line};
use crate::plugin::health::Request;
use crate::plugin::places::Places;

/// The largest body that is handed on, decompressed.
const MAX_BODY: usize = abi::message::MAX_ATTACHMENT;
/// The longest names and values of all headers of an answer.
const MAX_HEADERS: usize = 64 * 1024;
/// The most headers that a plugin may set, and their longest names and values.
const MAX_SENT_HEADERS: (usize, usize) = (64, 32 * 1024);
/// From this size on, a request or an answer is searched for secrets on a thread where that holds nobody up.
const SEARCHED_ASIDE: usize = 16 * 1024;
/// What a plugin may not say of a request: framing and connection are the host's, cookies would tie people together, and
/// the encoding is what the cap counts on. With a range an endpoint would send an echo in pieces, none of which is the
/// secret.
const HOST_HEADERS: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "if-range",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Makes a client that reaches what `egress` permits. Fails where the machine has no certificates to trust.
pub(super) fn client(
    egress: &Arc<Egress>,
    connect: Duration,
    total: Duration,
) -> Result<reqwest::Client, StartError> {
    reqwest::Client::builder()
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .https_only(!egress.loopback_allowed)
        .connect_timeout(connect)
        .read_timeout(total)
        .timeout(total)
        .dns_resolver(Arc::new(FilteringResolver(Arc::clone(egress))))
        .build()
        .map_err(|e| StartError(chain(&e)))
}

/// Gives only the permitted addresses of a name, so that the connection goes to an address that was judged.
struct FilteringResolver(Arc<Egress>);

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = Arc::clone(&self.0);
        Box::pin(async move {
            let (mut permitted, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match egress.permits(address.ip()) {
                    Ok(()) => permitted.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if permitted.is_empty() => Err(why.into()),
                _ => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}

/// HTTP for one provider.
pub(in crate::plugin) struct Http {
    pub(in crate::plugin) client: reqwest::Client,
    pub(in crate::plugin) egress: Arc<Egress>,
    pub(in crate::plugin) vault: Arc<Vault>,
    pub(in crate::plugin) deadline: Duration,
    pub(in crate::plugin) requests: Arc<Counts<Request>>,
}

/// An answer that may be handed to the plugin.
pub(in crate::plugin) struct Received {
    pub(in crate::plugin) status: u16,
    pub(in crate::plugin) headers: Vec<(String, String)>,
    pub(in crate::plugin) body: Vec<u8>,
}

impl Http {
    /// Performs a plugin's request. The deadline counts from here, DNS and all.
    pub(in crate::plugin) async fn send(
        &self,
        places: &Arc<Places>,
        request: abi::record::HttpRequest,
        body: Vec<u8>,
    ) -> Result<Received, Unanswered> {
        self.in_time(self.exchange(places, request, body)).await
    }

    /// Gets a document for the host itself, from an address that it was told to use. No secret goes along.
    pub(super) async fn fetch(&self, url: Url) -> Result<Received, Failure> {
        let fetched = self.in_time(async {
            let origin = self.check_address(&url)?;
            let sending = self.client.get(url).header(http::header::ACCEPT, "application/json");
            self.perform(&origin, sending).await
        });
        fetched.await.map_err(|why| match why {
            Unanswered::Failure(failure) => failure,
            Unanswered::Fatal(error) => Failure::new(code::BAD_ANSWER, error.message),
        })
    }

    async fn in_time(
        &self,
        exchange: impl Future<Output = Result<Received, Unanswered>>,
    ) -> Result<Received, Unanswered> {
        let answered = match tokio::time::timeout(self.deadline, exchange).await {
            Ok(answered) => answered,
            Err(_) => {
                let text = format!("no whole answer in {} ms", self.deadline.as_millis());
                Err(Unanswered::failure(code::PROVIDER_DOWN, text))
            }
        };
        self.requests.add(how_it_ended(&answered));
        answered
    }

    async fn exchange(
        &self,
        places: &Arc<Places>,
        request: abi::record::HttpRequest,
        body: Vec<u8>,
    ) -> Result<Received, Unanswered> {
        let url = Url::parse(&request.url).map_err(|e| {
            // The text is not repeated: it may be anything.
            match self.vault.keep_out_of("a request's URL", request.url.as_bytes()) {
                Err(leak) => Unanswered::Fatal(leak),
                Ok(()) => Unanswered::forbidden(format!("a request's URL cannot be read: {e}")),
            }
        })?;
        check_size(&request.headers)?;
        let outgoing = Outgoing { method: request.method, url, headers: request.headers, body };
        // First, so that a handle on its way to a stranger ends the operation instead of being one refusal among many.
        let mut outgoing = self.swap(places, outgoing).await?;
        outgoing.url.set_fragment(None);
        let origin = self.check_destination(places, &outgoing.url)?;
        let method = method(&outgoing.method)?;
        let headers = headers(&outgoing.headers)?;
        let mut sending = self.client.request(method, outgoing.url).headers(headers);
        if !outgoing.body.is_empty() {
            sending = sending.body(outgoing.body);
        }
        self.perform(&origin, sending).await
    }

    async fn perform(&self, origin: &str, sending: reqwest::RequestBuilder) -> Result<Received, Unanswered> {
        let response = sending.send().await.map_err(|error| failed(origin, error, code::PROVIDER_DOWN))?;
        let received = receive(origin, response).await?;
        tracing::debug!(%origin, status = received.status, bytes = received.body.len(), "request answered");
        self.search(origin, received).await
    }

    async fn swap(&self, places: &Arc<Places>, mut outgoing: Outgoing) -> Result<Outgoing, OperationError> {
        if outgoing.size() < SEARCHED_ASIDE {
            return swap(&self.vault, places, &mut outgoing).map(|()| outgoing);
        }
        let (vault, places) = (Arc::clone(&self.vault), Arc::clone(places));
        aside(move || swap(&vault, &places, &mut outgoing).map(|()| outgoing)).await?
    }

    /// The URL's origin, where the provider may go there.
    fn check_destination(&self, places: &Places, url: &Url) -> Result<String, Unanswered> {
        let origin = url.origin().ascii_serialization();
        if !places.origins.contains(&origin) {
            let text = format!("`{}` is no origin that `inspect` names", one_line(&origin));
            tracing::warn!(%origin, "a request to an undeclared origin was refused");
            return Err(Unanswered::forbidden(text));
        }
        self.check_address(url)
    }

    /// The URL's origin, where an address in it may be reached. Names are judged when they are resolved.
    fn check_address(&self, url: &Url) -> Result<String, Unanswered> {
        let origin = url.origin().ascii_serialization();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Unanswered::forbidden("a request's URL holds credentials; send them in a header"));
        }
        // A literal never reaches a resolver. It is the parsed host that counts: `2130706433` and `0x7f.1` are 127.0.0.1.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if let Some(address) = literal {
            self.egress.permits(address).map_err(|refused| Unanswered::forbidden(refused.to_string()))?;
        }
        Ok(origin)
    }

    /// An endpoint that sends a secret back must not hand it to the plugin.
    async fn search(&self, origin: &str, received: Received) -> Result<Received, Unanswered> {
        let vault = Arc::clone(&self.vault);
        let (key, received) = if received.body.len() < SEARCHED_ASIDE {
            (secret_in(&vault, &received), received)
        } else {
            aside(move || (secret_in(&vault, &received), received)).await?
        };
        let Some(key) = key else { return Ok(received) };
        let message = format!("{origin} sent the secret `{key}` back; the answer was thrown away");
        Err(OperationError::new(OperationErrorKind::SecretLeak, message).into())
    }
}

/// Work that takes a while, on a thread where that holds nobody up.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OperationError> {
    let gone = |_| OperationError::new(OperationErrorKind::TimedOut, "the host is shutting down");
    tokio::task::spawn_blocking(work).await.map_err(gone)
}

/// The key of a secret that came back, in body or headers.
fn secret_in(vault: &Vault, received: &Received) -> Option<String> {
    let parts = received.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let mut parts = std::iter::once(received.body.as_slice()).chain(parts);
    parts.find_map(|part| vault.secret_in(part)).map(str::to_owned)
}

fn method(text: &str) -> Result<Method, Unanswered> {
    const KNOWN: [Method; 6] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|m| KNOWN.contains(m));
    method.ok_or_else(|| Unanswered::forbidden(format!("`{}` is no method for a provider", one_line(text))))
}

fn check_size(sent: &[(String, String)]) -> Result<(), Unanswered> {
    let (most, longest) = MAX_SENT_HEADERS;
    if sent.len() > most || sent.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() > longest {
        return Err(Unanswered::forbidden(format!(
            "a request's headers are over the limit of {most} and {longest} bytes"
        )));
    }
    Ok(())
}

fn headers(sent: &[(String, String)]) -> Result<HeaderMap, Unanswered> {
    let mut headers = HeaderMap::with_capacity(sent.len());
    for (name, value) in sent {
        let bad =
            |what: &str| Unanswered::forbidden(format!("the request header `{}` {what}", one_line(name)));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("has no possible name"))?;
        if HOST_HEADERS.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
            return Err(bad("is the host's to set"));
        }
        if name == http::header::CONTENT_TYPE && headers.contains_key(&name) {
            return Err(bad("is there twice"));
        }
        // CR and LF end here; the value is not repeated, since a secret may be in it.
        let mut value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad("has no possible value"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// For the counters.
fn how_it_ended(answered: &Result<Received, Unanswered>) -> Request {
    match answered {
        Ok(received) => match received.status {
            200..=299 => Request::Status2xx,
            300..=399 => Request::Status3xx,
            400..=499 => Request::Status4xx,
            500..=599 => Request::Status5xx,
            _ => Request::BadAnswer,
        },
        Err(Unanswered::Fatal(_)) => Request::SecretLeak,
        Err(Unanswered::Failure(failure)) => match failure.code {
            code::PROVIDER_DOWN => Request::Unreachable,
            code::FORBIDDEN => Request::Refused,
            _ => Request::BadAnswer,
        },
    }
}

async fn receive(origin: &str, mut response: reqwest::Response) -> Result<Received, Unanswered> {
    let too_large = |what: &str, limit: usize| {
        Unanswered::failure(code::BAD_ANSWER, format!("{origin} sent {what} of more than {limit} bytes"))
    };
    let status = response.status().as_u16();
    let unasked = |what: String| {
        Unanswered::failure(code::BAD_ANSWER, format!("{origin} sent {what}, which was not asked for"))
    };
    if status == 206 {
        return Err(unasked("a part (status 206)".to_owned()));
    }
    // What the client could decode it has, and has taken the header away. Whatever else it is, an echo in it would not
    // be found.
    use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
    for (header, plain) in [(CONTENT_ENCODING, "identity"), (TRANSFER_ENCODING, "chunked")] {
        for encoding in response.headers().get_all(header) {
            if !encoding.as_bytes().eq_ignore_ascii_case(plain.as_bytes()) {
                let shown = one_line(&String::from_utf8_lossy(encoding.as_bytes()));
                return Err(unasked(format!("a body in the encoding `{shown}`")));
            }
        }
    }
    let mut headers = Vec::with_capacity(response.headers().len());
    let mut size = 0;
    for (name, value) in response.headers() {
        size += name.as_str().len() + value.len();
        if size > MAX_HEADERS {
            return Err(too_large("headers", MAX_HEADERS));
        }
        headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(origin, error, code::BAD_ANSWER))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large("a body", MAX_BODY));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Received { status, headers, body })
}

/// What a plugin learns of a request that failed. The URL is taken out of the text, since its query may hold tokens.
fn failed(origin: &str, error: reqwest::Error, otherwise: u32) -> Unanswered {
    let error = error.without_url();
    let mut source = error.source();
    let mut down = error.is_timeout() || error.is_connect();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<RefusedAddress>() {
            tracing::warn!(%origin, %refused, "a request to a refused address was not sent");
            return Unanswered::forbidden(format!("{origin}: {refused}"));
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            down |= io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        source = cause.source();
    }
    let code = if down { code::PROVIDER_DOWN } else { otherwise };
    Unanswered::failure(code, format!("{origin}: {}", chain(&error)))
}
