//! What a callback carries in place of a good code.

use super::OTHER_CLIENT;
use crate::fault::OpenIdFault;
use crate::ledger::{Grant, Ledger};

/// A code, and whatever else goes beside it or in its place.
pub(in crate::openid) fn params(
    ledger: &mut Ledger,
    mut grant: Grant,
    fault: Option<OpenIdFault>,
) -> Vec<(&'static str, String)> {
    let error = |error: &str, description: &str| {
        vec![("error", error.to_owned()), ("error_description", description.to_owned())]
    };
    match fault {
        Some(OpenIdFault::CallbackServerError) => error("server_error", "Something went wrong on this side."),
        Some(OpenIdFault::CallbackUnavailable) => error("temporarily_unavailable", "Please come back later."),
        Some(OpenIdFault::PkceRefused) => {
            error("invalid_request", "The parameter code_challenge is not supported.")
        }
        Some(OpenIdFault::CallbackScript) => {
            let mut params = error("access_denied", "<script>alert(document.domain)</script>");
            params.push(("error_uri", "javascript:alert(document.domain)".to_owned()));
            params
        }
        Some(OpenIdFault::CallbackErrorBesideCode) => {
            let mut params = error("access_denied", "The resource owner denied the request.");
            params.push(("code", ledger.issue_code(grant)));
            params
        }
        Some(OpenIdFault::CodeForeign) => {
            grant.client_id = OTHER_CLIENT.to_owned();
            vec![("code", ledger.issue_code(grant))]
        }
        Some(OpenIdFault::CodeUsed) => {
            let code = ledger.issue_code(grant);
            ledger.spend(&code);
            vec![("code", code)]
        }
        _ => vec![("code", ledger.issue_code(grant))],
    }
}
