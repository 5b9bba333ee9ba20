//! A provider whose code fails, hangs or lies: that operation ends with a named error, and the others go on.

use std::process::Command;
use std::time::Duration;

use tokio::task::JoinSet;
use vestibule::plugin::{CreateError, OperationErrorKind as Kind, Policy, To, TransportKind};

use super::idp::{Idp, Reply};
use super::rig::{Rig, begin, complete, log, on_each_transport, send};

#[test]
fn a_provider_begins_and_completes() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert_eq!(provider.inspect().pkce, Policy::Sent);
        assert_eq!(provider.name().as_str(), "tested");
        let begun = begin(&provider, "").await.unwrap();
        let To::Redirect(url) = begun.to else { panic!("{begun:?}") };
        assert!(url.as_str().starts_with(&idp.at("/authorize?redirect_uri=")), "{url}");
        assert!(!url.as_str().contains("NONCE"), "inspect turned it off");
        assert_eq!(begun.carry.as_deref(), Some("carried"));
        let completed = complete(&provider, "tokens").await.unwrap();
        assert_eq!(completed.account.account_id, "42");
        assert_eq!(completed.tokens.unwrap().access_token.expose(), "access-token");
        assert_eq!(complete(&provider, "").await.unwrap().account.name.as_deref(), Some("carried"));
    });
}

#[test]
fn a_panic_anywhere_fails_that_operation_and_no_other() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        for behaviour in ["panic", "panic_bomb", "panic_in_drop", "send_panicking_in_drop"] {
            let error = complete(&provider, behaviour).await;
            if behaviour != "send_panicking_in_drop" {
                let begun = begin(&provider, behaviour).await.unwrap_err();
                assert_eq!(begun.kind, Kind::Panic, "{behaviour}");
                let error = error.unwrap_err();
                assert_eq!(error.kind, Kind::Panic, "{behaviour}");
                assert!(error.message.contains("misbehaving/src/lib.rs"), "{behaviour}: {error}");
            }
            assert!(complete(&provider, "").await.is_ok(), "{behaviour}");
        }
        for stage in [
            "configure:panic",
            "configure:panic_bomb",
            "inspect:panic",
            "inspect:panic_bomb",
            "inspect:error",
        ] {
            let error = Rig::new(transport, &idp.url).setting("behaviour", stage).create().await.unwrap_err();
            let CreateError::Plugin { stage: at, error } = error else { panic!("{stage}: {error}") };
            assert_eq!(error.kind, Kind::Panic, "{stage}");
            assert_eq!(at, if stage.starts_with("configure") { "create" } else { "inspect" });
        }
        assert!(complete(&provider, "").await.is_ok());
    });
}

/// A plugin has a standard library of its own, whose panic hook would write to this process's standard error.
#[test]
fn a_panic_prints_nothing() {
    let name = "plugin::behaviour::a_panic_anywhere_fails_that_operation_and_no_other";
    let run = Command::new(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]).output();
    let run = run.unwrap();
    let printed = [run.stdout, run.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(run.status.success(), "{printed}");
    assert!(printed.contains("over InProcess"), "what is printed is seen: {printed}");
    assert!(!printed.contains("canary-panic") && !printed.contains("panicked"), "{printed}");
}

#[test]
fn a_future_that_waits_for_nothing_is_stuck() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert_eq!(complete(&provider, "stuck").await.unwrap_err().kind, Kind::Stuck);
        assert_eq!(begin(&provider, "stuck").await.unwrap_err().kind, Kind::Stuck);
        assert!(complete(&provider, "").await.is_ok());
    });
}

#[test]
fn a_loop_ends_at_the_deadline_of_its_step_and_others_go_on() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).impatient().ready().await;
        let (error, other) = tokio::join!(complete(&provider, "loop"), complete(&provider, ""));
        let error = error.unwrap_err();
        assert_eq!(error.kind, Kind::TimedOut);
        assert_eq!(
            error.message,
            match transport {
                TransportKind::InProcess => "a step was not done in 500 ms, and was abandoned",
                TransportKind::Worker =>
                    "a step of `complete` was not done in 500 ms, and its worker was killed",
            }
        );
        // In a worker it had waited behind the loop, and nothing of it was lost: it is done by the next worker.
        assert!(other.is_ok());
        assert!(complete(&provider, "").await.is_ok());
    });
}

#[test]
fn a_loop_while_being_made_keeps_nobody_waiting() {
    on_each_transport(async |transport| {
        let rig = Rig::new(transport, "https://idp.example").impatient();
        let error = rig.setting("behaviour", "configure:loop").create().await.unwrap_err();
        assert_eq!(error.to_string(), "the plugin failed in `create`: took too long: no answer in 500 ms");
    });
}

#[test]
fn at_most_so_many_operations_run_at_once_and_the_next_is_told_when_to_come() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Hang(Vec::new())).await;
        let rig = Rig::new(transport, &idp.url).limits(|l| l.request = Duration::from_secs(60));
        let provider = std::sync::Arc::new(rig.ready().await);
        let mut running = JoinSet::new();
        for _ in 0..64 {
            let (provider, url) = (std::sync::Arc::clone(&provider), idp.at("/"));
            running.spawn(async move { send(&provider, &[("url", &url)]).await });
        }
        while idp.requests().len() < 64 {
            tokio::task::yield_now().await;
        }
        let Kind::Busy { retry_after } = complete(&provider, "").await.unwrap_err().kind else { panic!() };
        assert!(retry_after > Duration::ZERO);
        // Cancelled operations make room, on the far side as well.
        running.shutdown().await;
        while let Err(error) = complete(&provider, "").await {
            assert!(matches!(error.kind, Kind::Busy { .. }), "{error}");
            tokio::task::yield_now().await;
        }
    });
}

/// In this process nothing can end a loop, so its place stays taken: a plugin that always loops cannot take every thread.
/// A worker can be killed, and the place is free.
#[test]
fn a_loop_that_was_given_up_keeps_its_place() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let rig = Rig::new(transport, &idp.url).limits(|l| {
            l.step = Duration::from_millis(300);
            l.operations = 2;
        });
        let provider = rig.ready().await;
        assert_eq!(complete(&provider, "loop").await.unwrap_err().kind, Kind::TimedOut);
        assert!(complete(&provider, "").await.is_ok());
        // The second place is free again as soon as that operation's clean-up is done.
        let kind = loop {
            match complete(&provider, "loop").await.unwrap_err().kind {
                Kind::Busy { .. } => tokio::task::yield_now().await,
                kind => break kind,
            }
        };
        assert_eq!(kind, Kind::TimedOut);
        let next = complete(&provider, "").await;
        match transport {
            TransportKind::InProcess => assert!(matches!(next.unwrap_err().kind, Kind::Busy { .. })),
            TransportKind::Worker => assert!(next.is_ok()),
        }
    });
}

#[test]
fn an_operation_ends_at_its_own_deadline() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Hang(Vec::new())).await;
        let rig = Rig::new(transport, &idp.url).limits(|l| l.operation = Duration::from_millis(100));
        let provider = rig.ready().await;
        let error = send(&provider, &[("url", &idp.at("/"))]).await.unwrap_err();
        assert_eq!(error.kind, Kind::TimedOut);
        assert_eq!(error.message, "`complete` was not done in 100 ms");
    });
}

#[test]
fn a_plugins_words_reach_the_log_as_one_harmless_line_and_not_without_end() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let before = log().len();
        complete(&provider, "log").await.unwrap();
        complete(&provider, "log_flood").await.unwrap();
        let log = log()[before..].to_owned();
        assert!(log.contains("plugin says: canary-log"), "{log}");
        assert!(log.contains("provider=tested") && log.contains("operation=\"complete\""), "{log}");
        assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'), "{log:?}");
        assert!(log.matches("canary-flood").count() <= 32, "{log}");
        assert!(log.lines().all(|line| line.len() < 1500));
        let error = complete(&provider, "error").await.unwrap_err();
        assert_eq!(error.kind, Kind::RefusedByPolicy);
        assert!(
            error.message.starts_with("canary-error as asked") && !error.message.contains('\n'),
            "{error}"
        );
    });
}

#[test]
fn accounts_out_of_bounds_do_not_pass() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        for behaviour in ["nul_in_id", "long_id"] {
            let kind = complete(&provider, behaviour).await.unwrap_err().kind;
            assert_eq!(kind, Kind::BadAnswer, "{behaviour}");
        }
        match complete(&provider, "long_name").await {
            Ok(completed) => assert_eq!(completed.account.name.unwrap().len(), 255),
            Err(error) => assert_eq!(error.kind, Kind::Protocol, "over the limit of a message: {error}"),
        }
    });
}

#[test]
fn the_browser_is_sent_nowhere_else_and_never_without_state() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert_eq!(begin(&provider, "elsewhere").await.unwrap_err().kind, Kind::Forbidden);
        assert_eq!(begin(&provider, "without_state").await.unwrap_err().kind, Kind::Protocol);
        assert_eq!(begin(&provider, "carry_too_long").await.unwrap_err().kind, Kind::Protocol);
    });
}

#[test]
fn what_inspect_says_must_make_sense_to_this_host() {
    on_each_transport(async |transport| {
        for (behaviour, why) in [
            ("inspect_metadata", "and `metadata` does not say whose"),
            ("inspect_undeclared_secret", "`other`, which is no secret of its schema"),
            ("inspect_http", "the origin `http://192.0.2.1` is not https"),
        ] {
            let rig = Rig::new(transport, "https://idp.example").setting("behaviour", behaviour);
            let text = rig.create().await.unwrap_err().to_string();
            assert!(text.starts_with("the plugin's `inspect` cannot be used: "), "{text}");
            assert!(text.contains(why), "{behaviour}: {text}");
        }
        let rig = Rig { loopback_allowed: false, ..Rig::new(transport, "http://127.0.0.1:1") };
        let text = rig.create().await.unwrap_err().to_string();
        assert!(text.contains("plain http is for loopback, while `public_url` is there as well"), "{text}");
    });
}

#[test]
fn settings_that_the_plugin_refuses_are_its_own_words() {
    on_each_transport(async |transport| {
        let text = Rig::new(transport, "no address").create().await.unwrap_err().to_string();
        assert!(text.starts_with("the plugin refuses the settings: `idp`: "), "{text}");
    });
}
