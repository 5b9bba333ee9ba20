//! Which parts of a configuration only a start can bring into force. A new key of these sections does not compile before it is
//! named here.

use crate::config::{Config, Server, Session, Signup};
use crate::store::{Location, Migrate};

/// The sections of the server itself, as it runs with them.
pub(super) struct Core {
    server: Server,
    database: Location,
    migrate: Migrate,
    signup: Signup,
    session: Session,
}

impl Core {
    pub(super) fn of(config: &Config) -> Self {
        let Config { server, database, migrate, signup, session, plugins: _, providers: _ } = config;
        Self {
            server: server.clone(),
            database: database.clone(),
            migrate: *migrate,
            signup: *signup,
            session: *session,
        }
    }

    /// The keys that another configuration says otherwise: `[server] listen`.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let Self { server, database, migrate, signup, session } = self;
        let Server {
            public_url,
            listen,
            admin_socket,
            trusted_proxies,
            default_provider,
            begin_rate,
            log,
            metrics_listen,
        } = server;
        let Session { idle, absolute } = session;
        let Signup { mode } = signup;
        let keys = [
            ("[server] public_url", *public_url != other.server.public_url),
            ("[server] listen", *listen != other.server.listen),
            ("[server] admin_socket", *admin_socket != other.server.admin_socket),
            ("[server] trusted_proxies", *trusted_proxies != other.server.trusted_proxies),
            ("[server] default_provider", *default_provider != other.server.default_provider),
            ("[server] begin_rate", *begin_rate != other.server.begin_rate),
            ("[server] metrics_listen", *metrics_listen != other.server.metrics_listen),
            ("[server] log", *log != other.server.log),
            ("[database] url", *database != other.database),
            ("[database] migrate", *migrate != other.migrate),
            ("[signup] mode", *mode != other.signup.mode),
            ("[session] idle", *idle != other.session.idle),
            ("[session] absolute", *absolute != other.session.absolute),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()).collect()
    }
}
