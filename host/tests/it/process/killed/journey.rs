//! A browser on its way through a sign-in, of which the server may know more than the browser does.

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;
use vestibule_demo_idp::visitor::{VisitError, Visitor};

use crate::world::{plain_client, to_callback};

const SESSION: &str = "__Host-vestibule_session";

/// What the browser has seen so far.
#[derive(Default)]
pub(super) struct Seen {
    /// Where the provider sent it, and its cookies there.
    pub(super) callback: Option<(Url, String)>,
    /// The session that the server has answered with.
    pub(super) session: Option<String>,
    /// It has asked for the session's end.
    pub(super) signs_out: bool,
    /// The server has answered that the session is over.
    pub(super) signed_out: bool,
}

/// The server did not answer.
#[derive(Debug)]
pub(super) struct Gone;

impl From<reqwest::Error> for Gone {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

impl Seen {
    pub(super) async fn begin(&mut self, visitor: &mut Visitor, person: &str) -> Result<(), Gone> {
        match to_callback(visitor, person).await {
            Ok(callback) => self.callback = Some(callback),
            Err(VisitError::Browse(_)) => return Err(Gone),
            Err(error) => panic!("{error}"),
        }
        Ok(())
    }

    /// Goes where the provider sent it: the status, and the session if there is one.
    pub(super) async fn come_back(&self) -> Result<(u16, Option<String>), Gone> {
        let (callback, cookies) = self.callback.as_ref().unwrap();
        let answer = plain_client().get(callback.clone()).header(COOKIE, cookies).send().await?;
        let cookies = answer.headers().get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        let session =
            cookies.filter_map(|cookie| cookie.strip_prefix(SESSION)?.strip_prefix('=')?.split(';').next());
        let session = session.map(str::to_owned).next();
        let status = answer.status().as_u16();
        assert_eq!(session.is_some(), status == 303, "{:?}", answer.headers().get(LOCATION));
        Ok((status, session))
    }

    pub(super) async fn arrive(&mut self) -> Result<(), Gone> {
        let (status, session) = self.come_back().await?;
        assert_eq!(status, 303);
        self.session = session;
        Ok(())
    }

    pub(super) async fn sign_out(&mut self, server: &str) -> Result<(), Gone> {
        self.signs_out = true;
        let cookie = format!("{SESSION}={}", self.session.as_ref().unwrap());
        let request = plain_client().post(format!("{server}/logout")).header("sec-fetch-site", "same-origin");
        assert_eq!(request.header(COOKIE, cookie).send().await?.status(), 303);
        self.signed_out = true;
        Ok(())
    }
}
