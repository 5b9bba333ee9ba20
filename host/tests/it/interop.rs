//! An identity provider that is not ours: npm's `oidc-provider`, through the program and the plugin `oidc`, on both
//! databases. What our own lookalikes only imitate is what somebody else made of the specifications here.
//!
//! `cargo xtask test` says where the Node.js is that came with it, in `VESTIBULE_TEST_NODE`.

mod browser;
mod issuer;
mod refusals;
mod sign_in;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use demo_idp::visitor::{Page, Visitor, forms};
use tempfile::TempDir;
use vestibule::random::sha256;
use vestibule_demo_idp as demo_idp;

use crate::database::{Database, Look, PostgresDatabase};
use crate::process::{Process, free_port};
use crate::world::library;
use issuer::Issuer;

/// The client's secret: characters that every encoding writes differently.
const SECRET: &str = "interop/secret+canary=0123456789abcdef";

const ADA: &str = "person-0001-ada";
const BO: &str = "person-0002-bo";
const CLEO: &str = "person-0003-cleo";

/// What a test wants otherwise.
#[derive(Default)]
struct Plan {
    /// Further arguments of the identity provider.
    arguments: &'static [&'static str],
    /// Lines of the provider's settings.
    settings: &'static str,
    /// The secret that the operator wrote down, if another one than the client's.
    secret: Option<&'static str>,
    /// Where the identity provider lets people be sent back to, if not where the program waits for them.
    redirect_uri: Option<&'static str>,
}

/// The program, its database and the identity provider.
struct Interop {
    issuer: Issuer,
    program: Process,
    url: String,
    folder: TempDir,
    postgres: Option<PostgresDatabase>,
}

impl Plan {
    async fn start(self, database: Database) -> Interop {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let url = format!("http://localhost:{port}");
        let callback = format!("{url}/auth/oidc/callback");
        let issuer = Issuer::start(self.redirect_uri.unwrap_or(&callback), self.arguments);
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(PostgresDatabase::migrated().await),
        };
        let secret = folder.path().join("client-secret");
        fs::write(&secret, self.secret.unwrap_or(SECRET)).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let library = library("oidc");
        let database =
            postgres.as_ref().map_or(String::new(), |p| format!("[database]\nurl = \"{}\"\n", p.url()));
        let config = folder.path().join("config.toml");
        let text = format!(
            "[server]\npublic_url = \"{url}\"\nlisten = \"127.0.0.1:{port}\"\n{database}\
             [plugin.oidc]\npath = \"{}\"\nsha256 = [\"{}\"]\n\
             [provider.oidc]\ntransport = \"in-process\"\nlabel = \"Elsewhere\"\n\
             [provider.oidc.settings]\nissuer = \"{}\"\nclient_id = \"vestibule\"\n\
             client_secret_file = \"client-secret\"\n{}\n",
            library.display(),
            data_encoding::HEXLOWER.encode(&sha256(&fs::read(&library).unwrap())),
            issuer.url,
            self.settings,
        );
        fs::write(&config, text).unwrap();
        let mut program = Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_vestibule"))
                .env_clear()
                .args(["serve", "--config"])
                .arg(&config),
        );
        let ready = program.wait_for("ready: ");
        assert!(ready.contains("ready: oidc;"), "{ready}");
        Interop { issuer, program, url, folder, postgres }
    }
}

impl Interop {
    /// With nothing special.
    async fn start(database: Database) -> Self {
        Plan::default().start(database).await
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.url).unwrap()
    }

    async fn database(&self) -> Look {
        match &self.postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => Look::into_file(&self.folder.path().join("vestibule.db")).await,
        }
    }

    /// Nobody came in, and nothing of it is left.
    async fn holds_nobody(&self) {
        let database = self.database().await;
        for table in ["users", "identities", "sessions", "oauth_oidc", "login_attempts"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
    }

    /// Begins, and gives these answers on the identity provider's pages, one after the other; where that ended.
    async fn answers(&self, visitor: &mut Visitor, answers: &[&str]) -> Page {
        let mut page = visitor.begin("oidc").await.unwrap_or_else(|error| panic!("{error}"));
        for answer in answers {
            assert!(page.url.as_str().starts_with(&self.issuer.url), "{}: {}", page.url, page.text());
            let form = forms(&page.text()).remove(0);
            let button = form.buttons.iter().find(|button| button.value == *answer).cloned();
            assert!(button.is_some(), "no `{answer}` in {form:?}");
            page = visitor.browser().submit(&page, &form, button.as_ref()).await.unwrap();
        }
        page
    }

    /// A new browser, all the way in; what `/api/v1/me` says.
    async fn signs_in(&self, person: &str) -> serde_json::Value {
        let mut visitor = self.visitor();
        self.signs_in_again(&mut visitor, &[person, "allow"]).await
    }

    async fn signs_in_again(&self, visitor: &mut Visitor, answers: &[&str]) -> serde_json::Value {
        let page = self.answers(visitor, answers).await;
        assert_eq!(page.url.as_str(), format!("{}/account", self.url), "{}", page.text());
        let me = visitor.browser().fetch(format!("{}/api/v1/me", self.url).parse().unwrap()).await.unwrap();
        assert_eq!(me.status, 200);
        serde_json::from_slice::<serde_json::Value>(&me.body).unwrap()["user"].take()
    }

    /// A new browser that is refused: the status, and the cause in the log.
    async fn refuses(&mut self, answers: &[&str]) -> (u16, String) {
        let mut visitor = self.visitor();
        let page = self.answers(&mut visitor, answers).await;
        let id = page.headers["x-request-id"].to_str().unwrap().to_owned();
        (page.status, self.program.wait_for(&id))
    }
}
