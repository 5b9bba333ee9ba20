//! The verbs that need the running server. A new one is a line in [`Operator::answer`].

use std::sync::Arc;

use super::status::{self, Status};
use super::{Answer, Request};
use crate::startup::reload::{By, Reloader};
use crate::state::SharedApp;

/// What an operator reaches.
pub struct Operator {
    app: SharedApp,
    reloader: Arc<Reloader>,
}

impl Operator {
    /// Of a running server.
    pub fn new(app: SharedApp, reloader: Arc<Reloader>) -> Self {
        Self { app, reloader }
    }

    /// Does what was asked, for the user of that id.
    pub(super) async fn answer(&self, request: Request, uid: u32) -> Answer {
        match request.verb.as_str() {
            "reload" => Answer::ok(&self.reloader.reload(By::Socket(uid)).await),
            "status" => Answer::ok(&self.status().await),
            verb => {
                let version = env!("CARGO_PKG_VERSION");
                let verb: String = verb.chars().take(64).flat_map(char::escape_default).collect();
                let message =
                    format!("the server is vestibule {version}, which does not know the verb `{verb}`");
                Answer::refused("unknown_verb", message)
            }
        }
    }

    /// How the server is.
    pub async fn status(&self) -> Status {
        status::of(&self.app, &self.reloader).await
    }
}
