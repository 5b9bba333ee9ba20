//! A plugin that breaks the protocol of the boundary, byte by byte: it gets a named error, and the host nothing worse.

use vestibule::plugin::{CreateError, OperationErrorKind as Kind};

use super::idp::{Idp, Reply, answer, ok};
use super::rig::{Rig, complete, log, on_each_transport};

#[test]
fn bytes_that_are_no_message_fail_the_operation() {
    on_each_transport(async |transport| {
        for (behaviour, why) in [
            ("empty", "message of 0 bytes"),
            ("garbage", "over the limit"),
            ("invalid_utf8", "not the expected record"),
            ("no_json", "not the expected record"),
            ("head_over_limit", "over the limit of 262144"),
            ("announces_4_gib", "head of 4294967295 bytes is over the limit"),
            ("many_attachments", "4294967295 attachments are over the limit"),
            ("deep", "nested deeper than 32"),
            ("unknown_state", "the state `levitating` is unknown"),
            ("result_and_error", "either a result or an error"),
            ("done_with_nothing", "either a result or an error"),
            ("wrong_result", "the answer to `complete` is not the expected record"),
            ("float_id", "the answer to `complete` is not the expected record"),
            ("id_twice", "the request id 1 was used twice"),
            ("id_again", "the request id 7 was used twice"),
            ("wrong_arguments", "the arguments of `http`: not the expected record"),
            ("no_such_attachment", "names attachment 3"),
        ] {
            let idp = Idp::saying("{}").await;
            let provider = Rig::raw(transport, &idp.url, behaviour).ready().await;
            let error = complete(&provider, "").await.unwrap_err();
            assert_eq!(error.kind, Kind::Protocol, "{behaviour}: {error}");
            assert!(error.message.contains(why), "{behaviour}: {error}");
        }
    });
}

#[test]
fn requests_are_counted() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        for (behaviour, why) in
            [("9_open", "may have 8 requests open at once"), ("33_requests", "may make 32 requests")]
        {
            let provider = Rig::raw(transport, &idp.url, behaviour).ready().await;
            let error = complete(&provider, "").await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{behaviour}: {error}");
            assert!(error.message.contains(why), "{behaviour}: {error}");
        }
        let provider = Rig::raw(transport, &idp.url, "32_requests").ready().await;
        assert!(complete(&provider, "").await.is_ok());
        let provider = Rig::raw(transport, &idp.url, "8_open").ready().await;
        assert!(complete(&provider, "").await.is_ok());
    });
}

#[test]
fn waiting_for_nothing_is_being_stuck() {
    on_each_transport(async |transport| {
        let provider = Rig::raw(transport, "https://idp.example", "pending_for_nothing").ready().await;
        assert_eq!(complete(&provider, "").await.unwrap_err().kind, Kind::Stuck);
    });
}

#[test]
fn an_unknown_service_is_answered_and_the_operation_goes_on() {
    on_each_transport(async |transport| {
        let provider = Rig::raw(transport, "https://idp.example", "unknown_service").ready().await;
        let account = complete(&provider, "").await.unwrap().account;
        assert_eq!(account.account_id, "10 this host has no service `levitate/9`");
    });
}

#[test]
fn an_unknown_error_code_is_kept_and_its_text_is_made_harmless() {
    on_each_transport(async |transport| {
        let provider = Rig::raw(transport, "https://idp.example", "unknown_code").ready().await;
        let error = complete(&provider, "").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unknown(4711));
        assert_eq!(error.message, "canary-code\\u{1b}[31m\\r\\n");
        let provider = Rig::raw(transport, "https://idp.example", "long_message").ready().await;
        assert!(complete(&provider, "").await.unwrap_err().message.len() <= 1024);
    });
}

#[test]
fn what_a_later_version_adds_is_ignored() {
    on_each_transport(async |transport| {
        for behaviour in ["from_a_later_version", "unasked_attachments"] {
            let provider = Rig::raw(transport, "https://idp.example", behaviour).ready().await;
            assert_eq!(complete(&provider, "").await.unwrap().account.account_id, "42", "{behaviour}");
        }
    });
}

#[test]
fn inspect_makes_no_requests() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let error = Rig::raw(transport, &idp.url, "inspect_requests").create().await.unwrap_err();
        let CreateError::Plugin { stage: "inspect", error } = error else { panic!("{error}") };
        assert_eq!(error.kind, Kind::Forbidden);
        assert!(idp.requests().is_empty());
    });
}

#[test]
fn a_failure_of_create_is_read_with_as_little_trust() {
    on_each_transport(async |transport| {
        let create = async |behaviour| {
            let rig = Rig::raw(transport, "https://idp.example", behaviour).impatient();
            rig.create().await.unwrap_err().to_string()
        };
        let text = create("create_garbage").await;
        assert!(
            text.starts_with("the plugin failed in `create`: the plugin breaks the protocol: "),
            "{text}"
        );
        create("create_empty").await;
        assert_eq!(
            create("create_unknown_code").await,
            "the plugin failed in `create`: error 4711: canary-unknown\\n"
        );
        assert!(create("create_loop").await.contains("no answer in 500 ms"));
    });
}

#[test]
fn a_clean_up_that_never_ends_holds_nobody_up() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::raw(transport, &idp.url, "loop_in_drop").ready().await;
        assert!(complete(&provider, "").await.is_ok());
        assert!(complete(&provider, "").await.is_ok());
        let provider = Rig::raw(transport, &idp.url, "loop_in_destroy").ready().await;
        assert!(complete(&provider, "").await.is_ok());
        drop(provider);
        let next = Rig::raw(transport, &idp.url, "").ready().await;
        assert!(complete(&next, "").await.is_ok());
    });
}

/// Eight answers with 60 KiB of headers each are more than one message holds.
#[test]
fn answers_that_do_not_fit_into_one_message_come_in_several() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|request| match request.path() {
            "/large_headers" => {
                let header = format!("200 OK\r\nX-Large: {}", "\"".repeat(60 * 1024));
                Reply::Bytes(answer(&header, b"{}"))
            }
            _ => Reply::Bytes(ok("application/json", b"{}")),
        });
        let idp = idp.await;
        let provider = Rig::raw(transport, &idp.url, "huge_heads").ready().await;
        let account = complete(&provider, "").await.unwrap().account;
        assert!(account.account_id.ends_with(" steps"), "{account:?}");
        assert_ne!(account.account_id, "2 steps");
        assert!(!log().contains("\"\"\"\""), "headers are not logged");
    });
}
