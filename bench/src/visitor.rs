//! Somebody who signs in: begin, the provider, the callback, with every answer checked. The same for Vestibule and for the
//! bare relying party, whose paths are the same.

use std::net::SocketAddr;

use url::Url;

use crate::error::{Error, Result, doing};
use crate::http_client::{Answer, Connection};

/// A server to sign in at.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// `localhost:PORT`, as browsers say it.
    pub(crate) host: String,
    /// The provider's name in paths.
    pub(crate) name: &'static str,
    /// The provider's address.
    pub(crate) provider: SocketAddr,
}

/// One visitor with one connection to the server, which signs in again and again as a browser without cookies.
pub(crate) struct Visitor {
    site: Site,
    connection: Connection,
}

impl Visitor {
    pub(crate) async fn new(site: &Site) -> Result<Self> {
        Ok(Self { site: site.clone(), connection: Connection::open(site.address).await? })
    }

    /// Signs in as that person; the session's cookie.
    pub(crate) async fn sign_in(&mut self, person: &str) -> Result<String> {
        let begin = format!(
            "POST /auth/{}/begin HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n",
            self.site.name, self.site.host
        );
        let begun = self.connection.exchange(begin.as_bytes()).await?.expect(303, "begin")?;
        let cookies = begun.cookies().join("; ");
        let callback = self.choose(&location(&begun)?, person).await?;
        if callback.path() != format!("/auth/{}/callback", self.site.name) {
            return Err(Error::new(format!("the provider sends people to `{}`", callback.path())));
        }
        let request = format!(
            "GET {}?{} HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\n\r\n",
            callback.path(),
            callback.query().unwrap_or_default(),
            self.site.host
        );
        let done = self.connection.exchange(request.as_bytes()).await?.expect(303, "callback")?;
        let session = done.cookies().into_iter().find(|cookie| cookie.contains("_session="));
        match session {
            Some(session) if done.header("location") == Some("/") => Ok(session),
            _ => Err(Error::new("the callback set no session or leads elsewhere")),
        }
    }

    /// Asks one of the paths that a session opens.
    pub(crate) async fn ask(&mut self, path: &str, session: &str) -> Result<Answer> {
        self.connection.exchange(&question(&self.site, path, session)).await?.expect(200, path)
    }

    /// Sends a prepared [`question`] so many times.
    pub(crate) async fn repeat(&mut self, question: &[u8], times: usize) -> Result<()> {
        for _ in 0..times {
            self.connection.exchange(question).await?.expect(200, "a session check")?;
        }
        Ok(())
    }

    /// What the provider's page does when a person is chosen on it.
    async fn choose(&self, authorize: &Url, person: &str) -> Result<Url> {
        let form = format!("person={person}");
        let request = format!(
            "POST {}?{} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            authorize.path(),
            authorize.query().unwrap_or_default(),
            self.site.provider,
            form.len()
        );
        let mut connection = Connection::open(self.site.provider).await?;
        location(&connection.exchange(request.as_bytes()).await?.expect(302, "the provider")?)
    }
}

/// A request for a path with a session's cookie.
pub(crate) fn question(site: &Site, path: &str, session: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {session}\r\n\r\n", site.host).into_bytes()
}

fn location(answer: &Answer) -> Result<Url> {
    let location = answer.header("location").ok_or_else(|| Error::new("a redirect to nowhere"))?;
    Url::parse(location).map_err(doing("read a redirect"))
}

/// So many people sign in, `at_once` of them at any time, each as one of `people` in turn. The cookie of the last one.
pub(crate) async fn sign_in_many(
    site: &Site,
    people: &[String],
    sign_ins: usize,
    at_once: usize,
) -> Result<String> {
    let mut visitors = tokio::task::JoinSet::new();
    for first in 0..at_once {
        let (site, people) = (site.clone(), people.to_vec());
        visitors.spawn(async move {
            let mut visitor = Visitor::new(&site).await?;
            let mut session = String::new();
            for number in (first..sign_ins).step_by(at_once) {
                let person = people.get(number % people.len().max(1)).map_or("", String::as_str);
                session = visitor.sign_in(person).await?;
            }
            Ok::<_, Error>(session)
        });
    }
    let mut last = String::new();
    while let Some(ended) = visitors.join_next().await {
        last = ended.map_err(doing("run a visitor"))??;
    }
    Ok(last)
}
