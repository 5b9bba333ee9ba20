//! Pages whose form sends itself, by a script; without script, the person presses the button.

use minijinja::value::Serde;
use minijinja::{Value, context};
use url::Url;

use super::Error;
use crate::web::headers::SEND_FORM;
use crate::web::text::{Avatars, Text, is_local_path, is_loopback};

/// A callback that came without the browser's cookie, because another site sent it: the page sends it once more, from
/// here, so that the cookie comes along. The template adds `again=1`.
pub struct RepostPage {
    /// The callback's path.
    pub action: String,
    /// The callback's parameters as they came. Browsers send line breaks in them as CR LF (HTML, "constructing the
    /// entry list").
    pub fields: Vec<(String, String)>,
}

/// A begin that has to arrive at the provider as a form (`begin` answered `post{url, fields}`).
pub struct PostPage {
    /// The provider's address.
    pub url: String,
    /// What it is sent.
    pub fields: Vec<(String, String)>,
    /// What people call the provider.
    pub provider: Text,
}

impl RepostPage {
    pub(super) fn context(&self) -> Result<Value, Error> {
        if !is_local_path(&self.action) {
            return Err(Error::RepostTarget);
        }
        // Ours stands once: a foreign `again` would make a parameter that came twice.
        let fields: Vec<_> = self.fields.iter().filter(|(name, _)| name != "again").collect();
        Ok(context! {
            action => self.action.as_str(),
            fields => Value::from(Serde(fields)),
            again => true,
            provider => (),
            script => script(),
        })
    }
}

impl PostPage {
    /// The rule for pictures, `https` or else loopback, is the rule for providers, too.
    pub(super) fn context(&self, allowed: Avatars) -> Result<Value, Error> {
        let url =
            Url::parse(&self.url).map_err(|_| Error::PostTarget("an address that cannot be read".into()))?;
        let plain_http = url.scheme() == "http" && allowed == Avatars::HttpsAndLoopback && is_loopback(&url);
        if url.scheme() != "https" && !plain_http {
            let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
            return Err(Error::PostTarget(shown.into()));
        }
        Ok(context! {
            action => url.as_str(),
            fields => Value::from(Serde(&self.fields)),
            again => false,
            provider => self.provider.as_str(),
            script => script(),
        })
    }
}

fn script() -> Value {
    Value::from_safe_string(SEND_FORM.to_owned())
}
