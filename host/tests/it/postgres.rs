//! What PostgreSQL has and a file has not: a network in between, other hosts on the same database, a pooler, a server that
//! restarts, fails over or asks for TLS. Everything else runs on both databases, next to what it is about.

mod budget;
mod failover;
pub(crate) mod gate;
mod locks;
mod outages;
mod pgbouncer;
mod refused;
mod replicas;
mod silence;
mod tls;

use std::sync::Arc;

use vestibule::random::SystemRandom;

use crate::database::{Database, PostgresDatabase, location_of};
use crate::world::{Plan, World, plain_client};

const SESSION: &str = "__Host-vestibule_session";

/// Brings a callback home: the answer, and the session's cookie if there is one.
async fn come_back(callback: &url::Url, cookies: &str) -> (u16, Option<String>) {
    let request = plain_client().get(callback.clone()).header("cookie", cookies);
    let answer = request.send().await.unwrap();
    let cookie = answer.headers().get_all("set-cookie").iter().find_map(|cookie| {
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        cookie.starts_with(SESSION).then(|| cookie.to_owned())
    });
    (answer.status().as_u16(), cookie)
}

async fn me(url: &str, cookie: &str) -> u16 {
    let request = plain_client().get(format!("{url}/api/v1/me")).header("cookie", cookie);
    request.send().await.unwrap().status().as_u16()
}
