//! A server to sign in at, as small as the visitor needs, with one way to misbehave at a time. It shares no code with the
//! real one: what it checks are the browser rules that a login server relies on.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use vestibule_demo_idp::Personality;

use crate::openid_party::OpenIdParty;
use crate::relying_party::{RelyingParty, form, json, param, post};

/// How the server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Right,
    /// The callback first shows a page that posts itself.
    Reposting,
    /// The sign-in page hides where it is, so that begin gets `Origin: null`.
    NoReferrer,
    /// The sign-in page blocks the redirect to the provider.
    FormAction,
    /// The callback forgets the session.
    Forgetful,
    /// The sign-in page sends people away from this computer.
    Remote,
    /// The providers are an OpenID provider and GitLab.
    OpenId,
}

pub(crate) struct ToyServer {
    pub(crate) address: String,
    pub(crate) party: Arc<RelyingParty>,
    task: JoinHandle<()>,
}

struct Toy {
    manner: Manner,
    origin: String,
    party: Arc<RelyingParty>,
    openid: Vec<(&'static str, OpenIdParty)>,
    return_to: Mutex<String>,
}

impl ToyServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let party = Arc::new(RelyingParty::start().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        for provider in ["github", "github_corp"] {
            party.idp.register_redirect_uri("demo-client-1", &format!("{address}/auth/{provider}/callback"));
        }
        let mut openid = Vec::new();
        if manner == Manner::OpenId {
            for personality in [Personality::Oidc, Personality::GitLab] {
                let provider = OpenIdParty::start(personality).await;
                let redirect_uri = format!("{address}/auth/{personality}/callback");
                assert!(provider.idp.register_redirect_uri("demo-client-1", &redirect_uri));
                openid.push((personality.name(), provider));
            }
        }
        let toy = Arc::new(Toy {
            manner,
            origin: address.clone(),
            party: Arc::clone(&party),
            openid,
            return_to: Mutex::default(),
        });
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let toy = Arc::clone(&toy);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&toy), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, party, task }
    }
}

impl Toy {
    fn openid(&self, provider: &str) -> Option<&OpenIdParty> {
        self.openid.iter().find(|(name, _)| *name == provider).map(|(_, party)| party)
    }
}

impl Drop for ToyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(toy: Arc<Toy>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    Ok(match (head.method.clone(), path.as_slice()) {
        (Method::GET, ["login"]) => login(&toy),
        (Method::POST, ["auth", provider, "begin"]) => {
            *toy.return_to.lock().unwrap() = field("return_to").unwrap_or_default();
            begin(&toy, provider, &head.headers)
        }
        (Method::GET | Method::POST, ["auth", provider, "callback"]) => {
            let url = Url::parse(&format!("{}{}", toy.origin, head.uri)).unwrap();
            callback(&toy, provider, &url, &head.headers, field("again").is_some()).await
        }
        (Method::GET, ["api", "v1", "me"]) => match cookie(&head.headers, "__Host-session") {
            Some(login) => {
                let me = serde_json::json!({ "user": { "id": 7, "username": login } });
                Response::new(Full::from(me.to_string()))
            }
            None => page(StatusCode::UNAUTHORIZED, "Not signed in", ""),
        },
        (Method::GET, [other]) => page(StatusCode::OK, other, ""),
        _ => page(StatusCode::NOT_FOUND, "Nothing here", ""),
    })
}

fn login(toy: &Toy) -> Answer {
    let (policy, form_action) = match toy.manner {
        Manner::NoReferrer => ("no-referrer", "default-src 'self'"),
        Manner::FormAction => ("same-origin", "default-src 'self'; form-action 'self'"),
        _ => ("same-origin", "default-src 'self'"),
    };
    let providers: Vec<&str> = match toy.manner {
        Manner::OpenId => toy.openid.iter().map(|(name, _)| *name).collect(),
        _ => vec!["github", "github_corp"],
    };
    let forms: String = providers
        .iter()
        .map(|provider| {
            format!(
                "<form method=\"post\" action=\"/auth/{provider}/begin\">\
                 <input type=\"hidden\" name=\"return_to\" value=\"/home\"><button>{provider}</button></form>"
            )
        })
        .collect();
    let mut answer = page(StatusCode::OK, "Sign in", &forms);
    answer.headers_mut().insert("referrer-policy", policy.parse().unwrap());
    answer.headers_mut().insert("content-security-policy", form_action.parse().unwrap());
    answer
}

fn begin(toy: &Toy, provider: &str, headers: &HeaderMap) -> Answer {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("sec-fetch-site") != "same-origin" || header("origin") != toy.origin {
        return page(StatusCode::FORBIDDEN, &format!("Begun elsewhere: {}", header("origin")), "");
    }
    if toy.manner == Manner::Remote {
        return see_other("https://github.com/login/oauth/authorize?state=secret");
    }
    let redirect_uri = format!("{}/auth/{provider}/callback", toy.origin);
    let changes = [("redirect_uri", redirect_uri.as_str())];
    let mut answer = see_other(&match toy.openid(provider) {
        Some(party) => party.authorize_url(&changes),
        None => toy.party.authorize_url(&changes),
    });
    answer
        .headers_mut()
        .insert("set-cookie", "__Host-browser=b1; Path=/; Secure; HttpOnly; SameSite=Lax".parse().unwrap());
    answer
}

async fn callback(toy: &Toy, provider: &str, url: &Url, headers: &HeaderMap, again: bool) -> Answer {
    if cookie(headers, "__Host-browser").as_deref() != Some("b1") {
        return page(StatusCode::BAD_REQUEST, "Started in another browser", "");
    }
    if param(url, "error").is_some() {
        return page(
            StatusCode::FORBIDDEN,
            "Access was denied",
            "<p>Tell us <code>abcdefgh2345wxyz</code>.</p>",
        );
    }
    if toy.manner == Manner::Reposting && !again {
        let query = url.query().unwrap().replace('&', "&amp;");
        let form = format!(
            "<form method=post action=\"{}?{query}\"><input type=hidden name=again value=1><button>Go on</button></form>",
            url.path()
        );
        return page(StatusCode::OK, "One moment", &form);
    }
    let redirect_uri = format!("{}/auth/{provider}/callback", toy.origin);
    let code = param(url, "code").unwrap();
    let changes = [("redirect_uri", redirect_uri.as_str())];
    let openid = toy.openid(provider);
    let token = match openid {
        Some(party) => party.exchange(&code, &changes).await.1,
        None => toy.party.token_json(&code, &changes).await,
    };
    let Some(token) = token["access_token"].as_str() else {
        return page(StatusCode::BAD_GATEWAY, "The provider gave no token", "");
    };
    let (request, member) = match openid {
        Some(party) => (party.userinfo(token), "preferred_username"),
        None => (toy.party.api(token, "/user"), "login"),
    };
    let account = json(request.send().await.unwrap()).await;
    let mut answer = see_other(&toy.return_to.lock().unwrap());
    if toy.manner != Manner::Forgetful {
        let session =
            format!("__Host-session={}; Path=/; Secure; SameSite=Lax", account[member].as_str().unwrap());
        answer.headers_mut().insert("set-cookie", session.parse().unwrap());
    }
    answer
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let header = headers.get("cookie")?.to_str().ok()?;
    header.split("; ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn see_other(location: &str) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert("location", location.parse().unwrap());
    answer
}

fn page(status: StatusCode, title: &str, body: &str) -> Answer {
    let html = format!("<!doctype html><title>{title}</title><h1>{title}</h1>{body}");
    let mut answer = Response::new(Full::from(html));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    answer
}

/// A begin that no page of the server's caused is refused: the positive control of its check.
#[tokio::test]
async fn refuses_a_begin_from_nowhere() {
    let toy = ToyServer::start(Manner::Right).await;
    let url = format!("{}/auth/github/begin", toy.address);
    let answer = post(&toy.party.http, &url, form(&[])).send().await.unwrap();
    assert_eq!(answer.status(), 403);
}
