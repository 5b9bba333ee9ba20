//! An issuer whose metadata a provider lives by, through the whole server: down when the server starts, back later, and
//! what it promises of its callbacks (rows 11 and 29 of docs/security.md).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use vestibule::random::sha256;
use vestibule::web::pages::ErrorKind;

use super::check_error_page;
use super::journey::Journey;
use crate::database::{Place, everywhere};
use crate::plugin::idp::{Idp, Reply, ok};
use crate::world::{Plan, World, library};

/// An issuer that can be turned off. What it promises is settled.
pub(crate) async fn issuer(promised: bool) -> (Idp, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let (turned_off, url) = (Arc::clone(&down), Arc::new(OnceLock::<String>::new()));
    let own = Arc::clone(&url);
    let idp = Idp::start(move |_| {
        let url = own.get().unwrap();
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "authorization_response_iss_parameter_supported": promised,
        });
        if turned_off.load(Ordering::SeqCst) {
            return Reply::Reset(Vec::new());
        }
        Reply::Bytes(ok("application/json", metadata.to_string().as_bytes()))
    })
    .await;
    url.set(idp.url.clone()).unwrap();
    (idp, down)
}

/// GitHub, and a provider of this issuer beside it.
pub(crate) async fn world(place: impl Into<Place>, issuer: &str) -> World {
    let library = library("asking");
    let pin = data_encoding::HEXLOWER.encode(&sha256(&std::fs::read(&library).unwrap()));
    let sections = format!(
        "[plugin.asking]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n\
         [provider.asking]\ntransport = \"in-process\"\n\
         [provider.asking.settings]\nissuer = \"{issuer}\"\nclient_secret_file = \"client-secret\"\n",
        library.display()
    );
    Plan { sections, ..Plan::on(place) }.start().await
}

/// A callback with this `iss`, and its status.
async fn comes_back(world: &World, iss: Option<&str>) -> u16 {
    let mut journey = Journey::begin(world, "asking").await;
    let mut callback = world.at("/auth/asking/callback");
    callback.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &journey.asked("state"));
    if let Some(iss) = iss {
        callback.query_pairs_mut().append_pair("iss", iss);
    }
    journey.callback = Some(callback);
    journey.come_back().await;
    journey.end.unwrap().status
}

everywhere! {
    async fn an_issuer_that_is_down_at_the_start_takes_its_own_provider_away_until_it_is_back(place) {
        let (issuer, down) = issuer(false).await;
        down.store(true, Ordering::SeqCst);
        let world = world(place, &issuer.url).await;
        for _ in 0..3 {
            let begin = Journey::begin(&world, "asking").await.begin;
            check_error_page(&begin, ErrorKind::ProviderUnreachable).unwrap();
        }
        assert_eq!(issuer.requests().len(), 1, "one try in a cool-down");
        assert_eq!(world.count("login_attempts").await, 0);
        assert_eq!(Journey::walk(&world, "github", "octavia").await.end.unwrap().status, 303);
        down.store(false, Ordering::SeqCst);
        world.clock.advance(Duration::from_secs(30));
        let begin = Journey::begin(&world, "asking").await;
        assert_eq!(begin.authorize.unwrap().origin(), issuer.url.parse::<url::Url>().unwrap().origin());
        assert_eq!(comes_back(&world, None).await, 303);
    }

    async fn an_issuer_that_the_metadata_promises_must_be_there_and_be_the_one(place) {
        for promised in [true, false] {
            let (issuer, _) = issuer(promised).await;
            let world = world(place, &issuer.url).await;
            assert_eq!(comes_back(&world, Some("https://other.example")).await, 400);
            assert_eq!(comes_back(&world, Some(&format!("{}/", issuer.url))).await, 400);
            assert_eq!(comes_back(&world, None).await, if promised { 400 } else { 303 });
            assert_eq!(comes_back(&world, Some(&issuer.url)).await, 303);
        }
    }
}
