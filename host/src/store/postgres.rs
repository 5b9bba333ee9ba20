//! PostgreSQL: how it is connected to, its pool, and what its errors mean.
//!
//! Works through PgBouncer in transaction mode, where each transaction may meet another connection of the server's: no
//! named statements, no locks or settings of a session, and a transaction around every statement, since the driver sends
//! one in two parts.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rust_embed::RustEmbed;
use secrecy::ExposeSecret as _;
use sqlx::error::DatabaseError;
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgDatabaseError, PgPoolOptions, PgQueryResult, PgSslMode, Postgres,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqlSafeStr};

use super::backend::{Backend, Bound, SignInTexts};
use super::error::{OpenError, StoreErrorKind};
use super::lease::{Connections, Refused};
use super::location::{PostgresHost, PostgresLocation, PostgresTlsMode};
use super::migrate::{self, Applied};
use super::statement::{Text, statements};
use super::{Options, Sql};

/// How long a request waits for a connection: a person is waiting behind it, and the next try may meet another server.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a rollback may take before its connection is closed; less than [`ACQUIRE`], so that who waits for the place
/// still gets it.
const ROLLBACK: Duration = Duration::from_secs(3);

/// What the server is asked to give up by itself, before [`Backend::PATIENCE`] ends. Settings of the connection's start,
/// which a pooler may refuse.
const SERVER_LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "10s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "30s")];

/// What a new connection is asked first, in one message, which a pooler sends to one server. Behind a pooler the next
/// transaction may meet another.
const FITS: &str =
    "SELECT pg_is_in_recovery() OR CAST(current_setting('transaction_read_only') AS BOOLEAN) AS only_reads,
        current_setting('server_encoding') AS encoding";

/// The migrations of this database.
#[derive(RustEmbed)]
#[folder = "../migrations/postgres"]
pub(super) struct Migrations;

statements! {
    TABLE_EXISTS = "SELECT COUNT(to_regclass($1)) AS found";
    LOCK_BROWSER = "SELECT pg_advisory_xact_lock($1)";
    SIGN_IN_KNOWN = "WITH account AS (
            UPDATE {table} SET login = $2, name = $3, email = $4, email_verified = $5, avatar_url = $6, last_sync = $7
            WHERE account_id = $1 RETURNING user_id),
        replaced AS (
            DELETE FROM sessions WHERE token_hash = $10 AND EXISTS (SELECT 1 FROM account)),
        session AS (
            INSERT INTO sessions (token_hash, user_id, created_at, last_seen, expires_at)
            SELECT CAST($8 AS BYTEA), user_id, $7, $7, CAST($9 AS BIGINT) FROM account)
        SELECT u.id AS user_id, u.username, u.primary_provider, u.created_at AS user_created_at
        FROM account JOIN users u ON u.id = account.user_id";
    SIGN_IN_NEW = "WITH account AS (
            INSERT INTO {table}
            (account_id, login, name, email, email_verified, avatar_url, last_sync, user_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $11, $7)
            ON CONFLICT (account_id) DO NOTHING RETURNING user_id),
        identity AS (
            INSERT INTO identities (user_id, provider, account_id, linked_at, public)
            SELECT user_id, CAST($12 AS TEXT), $1, $7, 0 FROM account),
        replaced AS (
            DELETE FROM sessions WHERE token_hash = $10 AND EXISTS (SELECT 1 FROM account)),
        session AS (
            INSERT INTO sessions (token_hash, user_id, created_at, last_seen, expires_at)
            SELECT CAST($8 AS BYTEA), user_id, $7, $7, CAST($9 AS BIGINT) FROM account)
        SELECT user_id FROM account";
}

impl Backend for Postgres {
    // What a statement sees must not be older than the lock that it waited for, whatever the role's default is.
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";

    const LOCK_BROWSER: Option<&'static Text> = Some(LOCK_BROWSER);

    // The driver parses a statement in one step and runs it in the next. Between the two a pooler may give the connection,
    // and with it the parsed statement, to somebody else.
    const BEGIN_READ: Option<&'static str> = Some("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY");

    const IN_ONE_MESSAGE: bool = true;

    const SIGN_IN: Option<SignInTexts> = Some(SignInTexts { known: SIGN_IN_KNOWN, new: SIGN_IN_NEW });

    // The driver prepares under a name, and an error must not leave that name behind.
    const PREPARING: (&'static str, &'static str) =
        ("SAVEPOINT preparing", "ROLLBACK TO SAVEPOINT preparing; DEALLOCATE ALL");

    // Another host's migration is waited for; a table that sign-ins are using is not, or they would queue up behind us.
    const LOCK_SCHEMA: &'static str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s';
        SELECT pg_advisory_xact_lock(8531479125038420837); SET LOCAL lock_timeout = '2s'";

    const SCHEMA_ROUNDS: usize = 5;

    const MIGRATIONS_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
        version BIGINT PRIMARY KEY,
        description TEXT NOT NULL,
        installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
        success BOOLEAN NOT NULL,
        checksum BYTEA NOT NULL,
        execution_time BIGINT NOT NULL)";

    const TABLE_EXISTS: &'static Text = TABLE_EXISTS;

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(15));

    const STATEMENTS: &'static [&'static Text] = STATEMENTS;

    type Migrations = Migrations;

    fn query(sql: impl SqlSafeStr) -> Bound<Self> {
        // A named statement stays on whichever server connection a pooler picked, and the next one of that name meets
        // it there.
        sqlx::query(sql).persistent(false)
    }

    fn affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }

    fn is_dead(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
            sqlx::Error::Database(error) => {
                // After a failover the old primary's connections live on, and can only read (25006).
                let code = error.code().unwrap_or_default();
                // The server ends whose transaction was idle (25P03) or took (25P04) too long.
                matches!(&*code, "25006" | "25P03" | "25P04")
                    || code.starts_with("57P")
                    || code.starts_with("08")
            }
            _ => false,
        }
    }

    fn kind(error: &dyn DatabaseError) -> StoreErrorKind {
        // https://www.postgresql.org/docs/current/errcodes-appendix.html
        let code = error.code().unwrap_or_default();
        match &*code {
            "25006" => StoreErrorKind::ReadOnly,
            "40001" | "40P01" => StoreErrorKind::Conflict,
            "53100" => StoreErrorKind::Full,
            "55P03" | "57014" => StoreErrorKind::Busy,
            "XX001" | "XX002" => StoreErrorKind::Corrupt,
            "25P03" | "25P04" => StoreErrorKind::Unavailable,
            "42501" => StoreErrorKind::Denied,
            _ => match code.get(..2) {
                Some("08" | "28" | "53" | "57" | "58") => StoreErrorKind::Unavailable,
                Some("23") => StoreErrorKind::Constraint,
                _ => StoreErrorKind::Other,
            },
        }
    }

    fn reason(error: &dyn DatabaseError) -> String {
        let code = error.code().unwrap_or_default();
        // Class 22 is about values, and its messages quote them.
        if code.starts_with("22") {
            return format!("a value was refused (SQLSTATE {code})");
        }
        format!("{} (SQLSTATE {code})", error.message())
    }

    fn constraint(error: &dyn DatabaseError) -> Option<String> {
        error.constraint().map(str::to_owned)
    }
}

/// Connects, and brings the schema up to date.
pub(super) async fn open(location: &PostgresLocation, options: &Options) -> Result<Sql<Postgres>, OpenError> {
    let mut sql = connect(location, options).await?;
    match migrate::run(&sql).await {
        Ok(applied) => {
            sql.applied = Arc::new(applied);
            Ok(sql)
        }
        Err(failure) => {
            sql.close().await;
            Err(failure.told(location.to_string()))
        }
    }
}

/// Connects to look; what the schema lacks.
pub(super) async fn look(
    location: &PostgresLocation,
    options: &Options,
) -> Result<(Sql<Postgres>, Applied), OpenError> {
    let sql = connect(location, options).await?;
    match migrate::lacks(&sql).await {
        Ok(lacks) => Ok((sql, lacks)),
        Err(failure) => {
            sql.close().await;
            Err(failure.told(location.to_string()))
        }
    }
}

async fn connect(location: &PostgresLocation, options: &Options) -> Result<Sql<Postgres>, OpenError> {
    if let Some((reason, cure)) = unasked(|name| std::env::var_os(name).is_some()) {
        return Err(OpenError::Unreachable { database: location.to_string(), reason, cure });
    }
    let connect = connectable(location, options).await?;
    let refused = Refused::default();
    let noted = refused.clone();
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.wait.min(ACQUIRE))
        // A BEGIN comes first, and one on a dead connection is repeated on another.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let noted = noted.clone();
            Box::pin(async move {
                let fits = fits(connection).await;
                noted.note(fits.as_ref().err().and_then(unfit));
                fits
            })
        })
        .after_release(|connection, _| Box::pin(came_back(connection)))
        .connect_lazy_with(connect);
    let pool = Connections { pool, refused };
    let chain = Arc::new(options.chain.on::<Postgres>());
    Ok(Sql { writer: pool.clone(), readers: pool, chain, mode: options.migrate, applied: Arc::default() })
}

/// Why a database that answers is not used all the same.
#[derive(Debug, thiserror::Error)]
#[error("{reason}; {cure}")]
struct Unfit {
    reason: String,
    cure: &'static str,
}

/// Whether the database behind a new connection is one that the store works on. The one place that says so: of a database
/// that can only be read, sessions would be read as they once were.
async fn fits(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::raw_sql(FITS).fetch_one(connection).await?;
    let (only_reads, encoding): (bool, String) = (row.try_get("only_reads")?, row.try_get("encoding")?);
    let unfit = if only_reads {
        Unfit {
            reason: "it can only be read: it is a standby, or `default_transaction_read_only` is on"
                .to_owned(),
            cure: "let `[database] url` lead to the primary",
        }
    } else if encoding != "UTF8" {
        Unfit {
            reason: format!("its encoding is {encoding}"),
            cure: "make one with `createdb --encoding=UTF8 --template=template0`",
        }
    } else {
        return Ok(());
    };
    Err(sqlx::Error::Configuration(Box::new(unfit)))
}

/// The reason, if it is one of [`fits`]'s own.
fn unfit(error: &sqlx::Error) -> Option<String> {
    let sqlx::Error::Configuration(error) = error else { return None };
    error.downcast_ref::<Unfit>().map(Unfit::to_string)
}

/// Sends the rollback of a dropped transaction, and waits for its answer. The pool does the same by itself, but for as
/// long as it takes; an error here makes it close the connection without a word to the server.
async fn came_back(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let answer = tokio::time::timeout(ROLLBACK, connection.ping()).await;
    answer.map_err(|_| sqlx::Error::Io(ErrorKind::TimedOut.into()))?.map(|()| true)
}

/// The options that the server, or what stands in front of it, takes. One connection is made and closed.
async fn connectable(location: &PostgresLocation, options: &Options) -> Result<PgConnectOptions, OpenError> {
    let plain = connect_options(location);
    let limited = plain.clone().options(SERVER_LIMITS);
    let Err(error) = try_to_connect(&limited, options.wait).await else { return Ok(limited) };
    // PgBouncer takes no settings that it does not follow, unless told to.
    let refused = error.as_database_error().is_some_and(|error| {
        error.code().as_deref() == Some("08P01") && error.message().contains("startup parameter")
    });
    if !refused {
        return Err(connect_error(location, &error));
    }
    tracing::info!(
        "the database's pooler takes no settings: long statements are ended by those of the role alone, if at all \
         (`ALTER ROLE … SET statement_timeout`)"
    );
    try_to_connect(&plain, options.wait).await.map_err(|error| connect_error(location, &error))?;
    Ok(plain)
}

async fn try_to_connect(connect: &PgConnectOptions, wait: Duration) -> Result<(), sqlx::Error> {
    let connected = tokio::time::timeout(wait, connect.connect()).await;
    let mut connection = connected.map_err(|_| sqlx::Error::PoolTimedOut)??;
    let fits = tokio::time::timeout(wait, fits(&mut connection)).await;
    fits.map_err(|_| sqlx::Error::PoolTimedOut)??;
    // It did its work, whatever its end says.
    let _ = connection.close().await;
    Ok(())
}

/// What the driver would take from the environment without being asked: libpq's variables for what a URL may leave out.
fn unasked(is_set: impl Fn(&str) -> bool) -> Option<(String, &'static str)> {
    const CERTIFICATES: &str = "unset it, and name the file in `[database] url`";
    let variables = [
        ("PGOPTIONS", "unset it, and give the settings to the role (`ALTER ROLE … SET …`)"),
        ("PGSSLROOTCERT", CERTIFICATES),
        ("PGSSLCERT", CERTIFICATES),
        ("PGSSLKEY", CERTIFICATES),
    ];
    let (name, cure) = variables.into_iter().find(|(name, _)| is_set(name))?;
    Some((format!("the environment holds `{name}`, which is not looked at"), cure))
}

fn connect_options(location: &PostgresLocation) -> PgConnectOptions {
    // The driver takes from the environment what is not set here; what cannot be set to nothing, `unasked` has refused.
    // `extra_float_digits` stops PgBouncer.
    let mut connect = PgConnectOptions::new_without_pgpass()
        .port(location.port)
        .username(&location.user)
        .password(location.password.as_ref().map_or("", |password| password.expose_secret()))
        .database(&location.database)
        .application_name("vestibule")
        .extra_float_digits(None)
        .statement_cache_capacity(0);
    connect = match &location.host {
        PostgresHost::Network(host) => connect.host(host),
        PostgresHost::Socket(folder) => connect.host("localhost").socket(folder),
    };
    connect = connect.ssl_mode(match location.tls.mode {
        PostgresTlsMode::Off => PgSslMode::Disable,
        PostgresTlsMode::Encrypted => PgSslMode::Require,
        PostgresTlsMode::Vouched => PgSslMode::VerifyCa,
        PostgresTlsMode::Full => PgSslMode::VerifyFull,
    });
    if let Some(file) = &location.tls.root_certificate {
        connect = connect.ssl_root_cert(file);
    }
    if let Some((certificate, key)) = &location.tls.client {
        connect = connect.ssl_client_cert(certificate).ssl_client_key(key);
    }
    connect
}

const CERTIFICATE: &str =
    "it needs a certificate for that host name, from an authority that is public or named by `sslrootcert`";

fn connect_error(location: &PostgresLocation, error: &sqlx::Error) -> OpenError {
    let (reason, cure) = match error {
        sqlx::Error::PoolTimedOut => {
            ("no answer came in time".to_owned(), "is it running, and reachable from here?")
        }
        sqlx::Error::Database(error) => {
            let pg: &PgDatabaseError = error.downcast_ref();
            let cure = match pg.code() {
                "28P01" | "28000" => {
                    "give `[database] url` the role's password, and let pg_hba.conf admit it"
                }
                "3D000" => "create it (`createdb`), or change `[database] url`",
                "53300" => "raise its `max_connections`, or put PgBouncer in front",
                "57P03" => "start again when it is up",
                _ => "change `[database] url`, or what it names",
            };
            (pg.message().to_owned(), cure)
        }
        sqlx::Error::Configuration(error) if let Some(unfit) = error.downcast_ref::<Unfit>() => {
            (unfit.reason.clone(), unfit.cure)
        }
        // rustls' errors come as either.
        sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            (format!("TLS: {error}"), CERTIFICATE)
        }
        sqlx::Error::Tls(error) => (format!("TLS: {error}"), CERTIFICATE),
        sqlx::Error::Io(error) => (error.to_string(), "is it running, and is `[database] url` right?"),
        error => (error.to_string(), "change `[database] url`, or what it names"),
    };
    OpenError::Unreachable { database: location.to_string(), reason, cure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_the_driver_would_take_is_refused_with_its_name() {
        for name in ["PGOPTIONS", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"] {
            let (reason, cure) = unasked(|set| set == name).unwrap();
            assert!(reason.contains(name) && cure.starts_with("unset it"), "{reason}");
        }
        assert_eq!(unasked(|_| false), None);
    }
}
