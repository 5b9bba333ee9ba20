//! One sign-in by hand, step by step, with every answer of the server's kept. Unlike the demo's visitor it gives up soon
//! where a provider does not answer, and it takes a refusal for a result.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use url::Url;
use vestibule_demo_idp::visitor::text_of;

use crate::world::{World, plain_client};

/// How long a person waits for a provider that says nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// One answer of the server's to the browser.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How far a sign-in came.
pub(crate) struct Journey {
    /// The answer to the button on the sign-in page.
    pub(crate) begin: Seen,
    /// Where that answer sent the browser, if it did.
    pub(crate) authorize: Option<Url>,
    /// The browser's cookie, as the browser sends it back.
    pub(crate) cookie: String,
    /// Where the provider sent the browser, if that is the server.
    pub(crate) callback: Option<Url>,
    /// The answer to that.
    pub(crate) end: Option<Seen>,
}

impl Seen {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// A header that there is, as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no `{name}` in {:?}", self.headers))
            .to_str()
            .unwrap()
    }

    /// The page's heading.
    pub(crate) fn heading(&self) -> String {
        text_of(&self.text(), "h1").unwrap_or_default()
    }

    /// The cookie's `name=value`, if the answer sets one of this name.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").iter();
        cookies
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap_or_default())
            .find(|pair| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
            .map(str::to_owned)
    }
}

impl Journey {
    /// The button on the sign-in page.
    pub(crate) async fn begin(world: &World, provider: &str) -> Self {
        let response = plain_client()
            .post(world.at(&format!("/auth/{provider}/begin")))
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap();
        let begin = Seen::of(response).await;
        let authorize = begin.headers.get("location").map(|to| Url::parse(to.to_str().unwrap()).unwrap());
        let cookie = begin.cookie("__Host-vestibule_browser").unwrap_or_default();
        Self { begin, authorize, cookie, callback: None, end: None }
    }

    /// The whole way, as this person.
    pub(crate) async fn walk(world: &World, provider: &str, person: &str) -> Self {
        let mut journey = Self::begin(world, provider).await;
        journey.choose(world, person).await;
        journey.come_back().await;
        journey
    }

    /// The button on the provider's page. Nothing comes of it where the provider sends the browser nowhere, or elsewhere.
    pub(crate) async fn choose(&mut self, world: &World, person: &str) {
        let authorize = self.authorize.clone().unwrap();
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("person", person).finish();
        let request = plain_client()
            .post(authorize)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        // A browser follows a redirect by its head, whatever becomes of the body.
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, request.send()).await else { return };
        let location = answer.headers().get("location").and_then(|to| Url::parse(to.to_str().unwrap()).ok());
        self.callback = location.filter(|to| to.origin() == world.at("/").origin());
    }

    /// The browser arrives at the callback.
    pub(crate) async fn come_back(&mut self) {
        let Some(callback) = self.callback.clone() else { return };
        let request = plain_client().get(callback).header("cookie", &self.cookie);
        self.end = Some(Seen::of(request.send().await.unwrap()).await);
    }

    /// A parameter of the authorization request.
    pub(crate) fn asked(&self, name: &str) -> String {
        param(self.authorize.as_ref().unwrap(), name)
    }

    /// A parameter of the callback.
    pub(crate) fn brought(&self, name: &str) -> String {
        param(self.callback.as_ref().unwrap(), name)
    }
}

fn param(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}
