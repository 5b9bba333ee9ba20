//! What an OpenID provider can do wrong, through the whole server: every fault that `demo-idp` knows, at every endpoint
//! that it applies to, for `oidc` and for `gitlab` (rows 20–37, 45–47 of docs/security.md). After each: no session, no row,
//! a cause in the log, the other provider untouched, and the next sign-in without the fault goes well.

use vestibule_demo_idp::{Endpoint, Fault, Personality};

use super::expected::{Outcome, expected, word};
use super::rig::{Reached, Rig, Wanted, cause, heard, listen, signed_in, walk};
use crate::database::{Place, everywhere};
use crate::faults::check_error_page;

/// A world with `allowed_groups`, in which a sign-in asks every endpoint that it ever asks.
async fn rig(who: Personality, place: Place) -> Rig {
    let mut wanted = Wanted::new(who, place).settings("allowed_groups = [\"acme\"]");
    if who == Personality::Oidc {
        wanted.options.openid.claims_in_id_token = false;
        wanted = wanted.settings("scopes = [\"profile\", \"email\", \"groups\"]\nuserinfo = \"always\"");
    }
    wanted.start().await
}

/// One sign-in of somebody new under a fault; then, without it, the same person's next try.
async fn meet(rig: &Rig, fault: Fault, at: Endpoint, id: i64) -> Result<(), String> {
    let person = rig.newcomer(id);
    rig.forget();
    let before = rig.rows().await;
    rig.idp.clear_requests();
    heard();
    rig.idp.set_fault(at, fault);
    let reached = rig.walk(&person.login).await;
    rig.idp.clear_faults();

    let log = heard();
    let told = cause(&log, rig.name());
    let after = rig.rows().await;
    // An attempt stays open until its time is up where its state was never named.
    let mut left = before;
    match (expected(rig.who, fault, at), &reached) {
        (Outcome::NeverBack, Reached::Nowhere) => left.4 = after.4,
        (Outcome::SignedIn, Reached::End(end)) => {
            if end.status != 303 || end.cookie("__Host-vestibule_session").is_none() {
                return Err(format!(
                    "it does no harm, and yet: {} \"{}\" {told:?}",
                    end.status,
                    end.heading()
                ));
            }
            left = (before.0 + 1, before.1 + 1, before.2 + 1, before.3 + 1, after.4);
        }
        (Outcome::NotEvenBegun(kind), Reached::Begin(page)) => {
            check_error_page(page, kind).map_err(|why| format!("{why} {told:?}"))?;
        }
        (Outcome::Refused(kind), Reached::End(end)) => {
            check_error_page(end, kind).map_err(|why| format!("{why} {told:?}"))?;
            if matches!(fault, Fault::WrongState | Fault::MissingState | Fault::DuplicateParam) {
                left.4 = after.4;
            } else {
                let told = told.as_deref().ok_or_else(|| format!("the log does not say why: {log}"))?;
                if let Fault::OpenId(fault) = fault
                    && !told.contains(word(fault))
                {
                    return Err(format!("`{}` is not named in: {told}", word(fault)));
                }
            }
        }
        (outcome, Reached::Begin(page) | Reached::End(page)) => {
            return Err(format!(
                "{outcome:?} was due, and it was {} \"{}\" {told:?}",
                page.status,
                page.heading()
            ));
        }
        (outcome, Reached::Nowhere) => {
            return Err(format!("{outcome:?} was due, and the browser did not come back"));
        }
    }
    if after != left {
        return Err(format!("rows {before:?} became {after:?}"));
    }
    if rig.asked(Endpoint::Trap) > 0 {
        return Err("the header of a token was followed".to_owned());
    }
    for endpoint in [Endpoint::Discovery, Endpoint::Token, Endpoint::UserInfo, Endpoint::User] {
        if rig.asked(endpoint) > 1 {
            return Err(format!("`{endpoint}` was asked {} times", rig.asked(endpoint)));
        }
    }
    if rig.asked(Endpoint::Jwks) > 2 {
        return Err("keys were asked for more than twice".to_owned());
    }

    rig.forget();
    match rig.walk(&person.login).await {
        Reached::End(end) if end.status == 303 => Ok(()),
        other => Err(format!("the next sign-in, without the fault, failed: {other:?}")),
    }
}

/// Those that only a time limit ends are in the tests of faults at GitHub: they do not depend on the protocol.
fn is_quick(fault: Fault, at: Endpoint) -> bool {
    at == Endpoint::Authorize || !matches!(fault, Fault::Slow | Fault::Stall)
}

async fn meet_all(who: Personality, place: Place, at: Endpoint) {
    listen();
    let rig = rig(who, place).await;
    let faults = Fault::of(who).filter(|fault| fault.endpoints_of(who).contains(&at) && is_quick(*fault, at));
    let mut wrong = Vec::new();
    let mut met = 0;
    for (fault, id) in faults.zip(1_000_000..) {
        met += 1;
        if let Err(why) = meet(&rig, fault, at, id).await {
            wrong.push(format!("{at}={fault}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(met >= 15, "only {met} faults apply to `{at}`");
    // The other provider noticed nothing.
    signed_in(walk(&rig.world, "github", "octavia").await);
}

everywhere! {
    async fn every_fault_of_the_metadata_ends_the_sign_in_at_its_beginning_or_does_no_harm(place) {
        meet_all(Personality::Oidc, place, Endpoint::Discovery).await;
    }

    async fn gitlab_asks_for_no_metadata_so_none_can_mislead_it(place) {
        meet_all(Personality::GitLab, place, Endpoint::Discovery).await;
    }

    async fn every_fault_of_the_keys_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(Personality::Oidc, place, Endpoint::Jwks).await;
    }

    async fn every_fault_of_the_keys_of_gitlab_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(Personality::GitLab, place, Endpoint::Jwks).await;
    }

    async fn no_fault_of_the_callback_signs_the_wrong_person_in(place) {
        meet_all(Personality::Oidc, place, Endpoint::Authorize).await;
    }

    async fn no_fault_of_the_callback_from_gitlab_signs_the_wrong_person_in(place) {
        meet_all(Personality::GitLab, place, Endpoint::Authorize).await;
    }

    async fn every_fault_of_the_id_token_ends_the_sign_in_and_leaves_nothing(place) {
        meet_all(Personality::Oidc, place, Endpoint::Token).await;
    }

    async fn every_fault_of_the_id_token_of_gitlab_ends_the_sign_in_and_leaves_nothing(place) {
        meet_all(Personality::GitLab, place, Endpoint::Token).await;
    }

    async fn every_fault_of_the_user_info_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(Personality::Oidc, place, Endpoint::UserInfo).await;
    }

    async fn every_fault_of_the_user_info_of_gitlab_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(Personality::GitLab, place, Endpoint::UserInfo).await;
    }

    async fn every_fault_of_the_account_at_gitlab_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(Personality::GitLab, place, Endpoint::User).await;
    }
}

/// With every endpoint covered above, every pair of the table is; the one that revokes is never asked.
#[test]
fn every_endpoint_of_an_openid_provider_has_its_test() {
    let covered = [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::UserInfo,
        Endpoint::User,
        Endpoint::Revoke,
    ];
    for who in [Personality::Oidc, Personality::GitLab] {
        for fault in Fault::of(who) {
            for endpoint in fault.endpoints_of(who) {
                assert!(
                    covered.contains(&endpoint),
                    "`{fault}` applies to `{endpoint}`, which no test visits"
                );
            }
        }
    }
}
