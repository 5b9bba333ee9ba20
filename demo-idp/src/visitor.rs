//! Signs in without a person: walks from the server's sign-in page through a provider's and back, as a browser would.
//! Knows the server's pages and routes (`/login`, `/auth/<provider>/begin`, `/api/v1/me`), nothing of its inside.

mod browser;
mod cookies;
mod form;

use serde_json::Value;
use url::Url;

pub use self::browser::{BrowseError, Browser, Page};
pub use self::cookies::CookieJar;
pub use self::form::{Button, Form, forms, text_of};

/// How many pages a sign-in may take, begin and callback included.
const PAGES: usize = 10;

/// A sign-in that worked.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The provider's name, from the configuration.
    pub provider: String,
    /// What `GET /api/v1/me` answered.
    pub me: Value,
    /// The page on which the browser landed, without its query.
    pub landed: String,
}

impl SignedIn {
    /// `user.username` of `me`.
    pub fn username(&self) -> Option<&str> {
        self.me.pointer("/user/username")?.as_str()
    }

    /// `user.id` of `me`, a number or text, as text.
    pub fn id(&self) -> Option<String> {
        let id = self.me.pointer("/user/id")?;
        id.as_str().map(str::to_owned).or_else(|| id.is_number().then(|| id.to_string()))
    }
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// A page could not be had.
    #[error(transparent)]
    Browse(#[from] BrowseError),
    /// The sign-in page has no button for this provider.
    #[error("the sign-in page has no form for `{provider}`; it offers {}", list(.offered))]
    NoProvider {
        /// The one that was asked for.
        provider: String,
        /// Those that are there.
        offered: Vec<String>,
    },
    /// The provider's page does not offer this person.
    #[error("`{person}` is not on the page of `{provider}`; it offers {}", list(.offered))]
    NoPerson {
        /// The provider.
        provider: String,
        /// The one that was asked for.
        person: String,
        /// The values of the buttons that are there.
        offered: Vec<String>,
    },
    /// A page that asks for nothing, away from the server.
    #[error("`{url}` has no form to go on with: \"{title}\"")]
    DeadEnd {
        /// Where, without the query.
        url: String,
        /// Its title.
        title: String,
    },
    /// The server or the provider showed an error page.
    #[error("`{url}` answered {status}: \"{title}\"{}", .id.as_ref().map(|id| format!(" (id {id})")).unwrap_or_default())]
    ErrorPage {
        /// Where, without the query.
        url: String,
        /// The status.
        status: u16,
        /// The page's title.
        title: String,
        /// The request id that the page shows and the server's log has.
        id: Option<String>,
    },
    /// Everything went through, and yet there is no session.
    #[error("ended on `{landed}` (\"{title}\") without a session: `/api/v1/me` answered {status}")]
    NoSession {
        /// Where it ended, without the query.
        landed: String,
        /// The title of that page.
        title: String,
        /// The status of `/api/v1/me`.
        status: u16,
    },
    /// The pages never end.
    #[error("still not signed in after {PAGES} pages; the last one is `{0}`")]
    Endless(String),
    /// `/api/v1/me` did not answer with JSON.
    #[error("`/api/v1/me` did not answer with JSON")]
    NotJson,
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A person without hands: one browser at one server.
pub struct Visitor {
    server: Url,
    browser: Browser,
    return_to: Option<String>,
}

impl Visitor {
    /// For the server at this address: loopback only, such as `http://localhost:8080`.
    pub fn new(server: &str) -> Result<Self, VisitError> {
        let server = Url::parse(server).map_err(|_| BrowseError::Address(server.to_owned()))?;
        Ok(Self { server, browser: Browser::new()?, return_to: None })
    }

    /// Asks to land on this path; otherwise where the sign-in page says.
    #[must_use]
    pub fn returning_to(mut self, path: &str) -> Self {
        self.return_to = Some(path.to_owned());
        self
    }

    /// The browser, with its cookies.
    pub fn browser(&mut self) -> &mut Browser {
        &mut self.browser
    }

    /// The names of the providers that the sign-in page offers, in its order.
    pub async fn providers(&mut self) -> Result<Vec<String>, VisitError> {
        let page = self.sign_in_page().await?;
        Ok(forms(&page.text()).iter().filter_map(|form| self.provider_of(&page, form)).collect())
    }

    /// Signs in; as this person, or as the first whom the provider offers.
    pub async fn sign_in(&mut self, provider: &str, person: Option<&str>) -> Result<SignedIn, VisitError> {
        let page = self.begin(provider).await?;
        let page = self.go_on(page, provider, person).await?;
        let me = self.server.join("/api/v1/me").map_err(|_| BrowseError::Address(self.server.to_string()))?;
        let answer = self.browser.fetch(me).await?;
        if answer.status != 200 {
            let title = title(&page);
            return Err(VisitError::NoSession { landed: place(&page.url), title, status: answer.status });
        }
        let me = serde_json::from_slice(&answer.body).map_err(|_| VisitError::NotJson)?;
        Ok(SignedIn { provider: provider.to_owned(), me, landed: place(&page.url) })
    }

    /// Presses a provider's button on the sign-in page, and follows as far as redirects lead.
    pub async fn begin(&mut self, provider: &str) -> Result<Page, VisitError> {
        let page = self.sign_in_page().await?;
        let forms = forms(&page.text());
        let mut form =
            match forms.iter().find(|form| self.provider_of(&page, form).as_deref() == Some(provider)) {
                Some(form) => form.clone(),
                None => {
                    let offered = forms.iter().filter_map(|form| self.provider_of(&page, form)).collect();
                    return Err(VisitError::NoProvider { provider: provider.to_owned(), offered });
                }
            };
        if let Some(path) = &self.return_to {
            form.set("return_to", path);
        }
        let button = form.buttons.first().cloned();
        Ok(self.browser.submit(&page, &form, button.as_ref()).await?)
    }

    /// From the page after begin to the one on which the browser lands, choosing a person at the provider's.
    pub async fn go_on(
        &mut self,
        mut page: Page,
        provider: &str,
        person: Option<&str>,
    ) -> Result<Page, VisitError> {
        for _ in 0..PAGES {
            if page.status >= 400 {
                return Err(error_page(&page));
            }
            let at_home = page.url.origin() == self.server.origin();
            let form = forms(&page.text()).into_iter().next();
            page = match form {
                // A page of the server's in the middle of a login posts itself: what a browser's script would do.
                Some(form) if at_home && page.url.path().starts_with("/auth/") => {
                    let button = form.buttons.first().cloned();
                    self.browser.submit(&page, &form, button.as_ref()).await?
                }
                _ if at_home => return Ok(page),
                Some(form) => {
                    let button = choose(&form, provider, person)?;
                    self.browser.submit(&page, &form, button.as_ref()).await?
                }
                None => return Err(VisitError::DeadEnd { url: place(&page.url), title: title(&page) }),
            };
        }
        Err(VisitError::Endless(place(&page.url)))
    }

    async fn sign_in_page(&mut self) -> Result<Page, VisitError> {
        let login = self.server.join("/login").map_err(|_| BrowseError::Address(self.server.to_string()))?;
        let page = self.browser.visit(login).await?;
        if page.status == 200 { Ok(page) } else { Err(error_page(&page)) }
    }

    fn provider_of(&self, page: &Page, form: &Form) -> Option<String> {
        let action = page.url.join(&form.action).ok().filter(|url| url.origin() == self.server.origin())?;
        let name = action.path().strip_prefix("/auth/")?.strip_suffix("/begin")?;
        (form.method == "post" && !name.contains('/')).then(|| name.to_owned())
    }
}

fn choose(form: &Form, provider: &str, person: Option<&str>) -> Result<Option<Button>, VisitError> {
    let Some(person) = person else { return Ok(form.buttons.first().cloned()) };
    match form.buttons.iter().find(|button| button.value == person) {
        Some(button) => Ok(Some(button.clone())),
        None => Err(VisitError::NoPerson {
            provider: provider.to_owned(),
            person: person.to_owned(),
            offered: form.buttons.iter().map(|button| button.value.clone()).collect(),
        }),
    }
}

fn error_page(page: &Page) -> VisitError {
    VisitError::ErrorPage {
        url: place(&page.url),
        status: page.status,
        title: title(page),
        id: request_id(page),
    }
}

fn title(page: &Page) -> String {
    text_of(&page.text(), "title")
        .or_else(|| text_of(&page.text(), "h1"))
        .unwrap_or_else(|| "no title".to_owned())
}

/// A URL without its query, which in a login may hold codes and states.
fn place(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// The id of an error page: 16 base32 characters, in a header or else in the text. A word of 16 letters is no id: one
/// without a digit counts only inside `<code>`.
fn request_id(page: &Page) -> Option<String> {
    let base32 = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'2'..=b'7');
    let is_id = |text: &str| text.len() == 16 && text.bytes().all(base32);
    let header =
        page.headers.get("x-request-id").and_then(|value| value.to_str().ok()).filter(|id| is_id(id));
    let html = page.text();
    header.map(str::to_owned).or_else(|| text_of(&html, "code").filter(|id| is_id(id))).or_else(|| {
        let mut words = html.split(|character: char| !character.is_ascii_alphanumeric());
        words.find(|word| is_id(word) && word.bytes().any(|byte| byte.is_ascii_digit())).map(str::to_owned)
    })
}
