//! `allowed_orgs` through the server: a member comes in, and in doubt nobody does.

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault};

use super::journey::Journey;
use super::{check_error_page, rows};
use crate::database::{Place, everywhere};
use crate::world::{Plan, World};

async fn world(place: impl Into<Place>, allowed: &str) -> World {
    Plan { settings: format!("allowed_orgs = [\"{allowed}\"]"), ..Plan::on(place) }.start().await
}

/// The person is turned away with a page of this kind, and nothing is stored.
async fn turned_away(world: &World, person: &str, kind: ErrorKind) {
    let before = rows(&world.database().await).await;
    let end = Journey::walk(world, "github", person).await.end.unwrap();
    check_error_page(&end, kind).unwrap();
    assert_eq!(rows(&world.database().await).await, before);
}

everywhere! {
    async fn a_member_comes_in_whatever_the_case_of_the_name(place) {
        for allowed in ["acme", "ACME"] {
            let world = world(place, allowed).await;
            let journey = Journey::walk(&world, "github", "octavia").await;
            assert_eq!(journey.end.as_ref().unwrap().status, 303);
            assert!(journey.asked("scope").split(' ').any(|scope| scope == "read:org"), "{}", journey.asked("scope"));
        }
    }

    async fn somebody_who_is_no_member_is_turned_away(place) {
        let world = world(place, "acme").await;
        turned_away(&world, "noor", ErrorKind::RefusedByPolicy).await;
        turned_away(&world, "joiner", ErrorKind::RefusedByPolicy).await;
        assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 0));
    }

    async fn a_membership_that_github_hides_from_the_app_is_none(place) {
        let world = world(place, "secretive").await;
        turned_away(&world, "kai", ErrorKind::RefusedByPolicy).await;
    }

    async fn a_member_of_a_hundred_and_thirty_comes_in_by_the_last_one(place) {
        let world = world(place, "club-130").await;
        let end = Journey::walk(&world, "github", "joiner").await.end.unwrap();
        assert_eq!(end.status, 303);
        assert_eq!(world.idp.requests_to(Endpoint::Orgs).len(), 2);
    }

    async fn a_list_whose_second_page_fails_lets_nobody_in(place) {
        // A member by the last page, and one whom the first page would do for: whoever cuts the list decides nothing.
        for allowed in ["club-130", "club-001"] {
            let world = world(place, allowed).await;
            for (fault, kind) in [
                (Fault::ServerError, ErrorKind::ProviderUnreachable),
                (Fault::Reset, ErrorKind::ProviderUnreachable),
                (Fault::RateLimited403, ErrorKind::ProviderRateLimited),
                (Fault::Cut, ErrorKind::ProviderBadAnswer),
                (Fault::Empty, ErrorKind::ProviderBadAnswer),
                (Fault::BadJson, ErrorKind::ProviderBadAnswer),
                (Fault::Html, ErrorKind::ProviderBadAnswer),
                (Fault::ErrorIn200, ErrorKind::ProviderBadAnswer),
                (Fault::Redirect, ErrorKind::ProviderBadAnswer),
                (Fault::EchoSecret, ErrorKind::ProviderFailed),
            ] {
                world.idp.clear_requests();
                world.idp.set_fault_after(Endpoint::Orgs, fault, 1);
                turned_away(&world, "joiner", kind).await;
                assert_eq!(world.idp.requests_to(Endpoint::Orgs).len(), 2, "{fault}");
                world.idp.clear_faults();
            }
            assert_eq!(Journey::walk(&world, "github", "joiner").await.end.unwrap().status, 303);
        }
    }

    async fn a_list_that_goes_on_elsewhere_is_not_followed(place) {
        let world = world(place, "acme").await;
        world.idp.set_fault(Endpoint::Orgs, Fault::NextLinkElsewhere);
        turned_away(&world, "octavia", ErrorKind::ProviderBadAnswer).await;
        assert_eq!(world.idp.requests_to(Endpoint::Orgs).len(), 1, "the access token stays at home");
    }

    async fn a_list_without_end_is_given_up(place) {
        let world = world(place, "acme").await;
        world.idp.set_fault(Endpoint::Orgs, Fault::EndlessPages);
        turned_away(&world, "octavia", ErrorKind::ProviderBadAnswer).await;
        assert_eq!(world.idp.requests_to(Endpoint::Orgs).len(), 10);
    }

    async fn somebody_who_left_the_organization_is_turned_away_next_time(place) {
        let world = world(place, "acme").await;
        assert_eq!(Journey::walk(&world, "github", "octavia").await.end.unwrap().status, 303);
        world.idp.update_person(583_231, |person| person.organizations.clear());
        turned_away(&world, "octavia", ErrorKind::RefusedByPolicy).await;
    }
}
