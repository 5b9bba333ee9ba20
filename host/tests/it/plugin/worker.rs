//! A plugin's worker: how it is closed in, and what comes of its end.

use std::collections::BTreeSet;
use std::time::Duration;

use vestibule::plugin::{Kernel, OperationErrorKind as Kind, Plugin, Provider, TransportKind, Workers};
use vestibule::random::sha256;

use super::idp::{Idp, Reply, ok};
use super::rig::{Rig, complete, library, log, run, send};
use crate::workers::{Seen, mine};

async fn ready() -> (Rig, Provider) {
    let rig = Rig::new(TransportKind::Worker, "https://idp.example");
    let provider = rig.clone().ready().await;
    (rig, provider)
}

async fn until_gone(worker: Seen) {
    while worker.runs() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_worker_is_closed_in_as_seen_from_outside() {
    run(async {
        let (_rig, provider) = ready().await;
        let worker = mine("tested");
        for (key, value) in [
            ("Seccomp", "2"),
            ("Seccomp_filters", "2"),
            ("NoNewPrivs", "1"),
            ("CapEff", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapInh", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
            ("Threads", "1"),
        ] {
            assert_eq!(worker.status(key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(worker.read("environ"), b"", "its environment");
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", worker.0)).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let target = std::fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned();
            let target = target.split(':').next().unwrap().to_owned();
            (entry.file_name().into_string().unwrap(), target)
        });
        let expected = [("0", "/dev/null"), ("1", "/dev/null"), ("2", "/dev/null"), ("3", "socket")];
        assert_eq!(
            descriptors.collect::<BTreeSet<_>>(),
            expected.map(|(number, target)| (number.to_owned(), target.to_owned())).into()
        );
        let limits = String::from_utf8(worker.read("limits")).unwrap();
        for (name, value) in [
            ("Max address space", "268435456"),
            ("Max open files", "16"),
            ("Max core file size", "1"),
            ("Max file size", "0"),
        ] {
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            let words: Vec<_> = line.split_whitespace().take(2).collect();
            assert_eq!(words, [value, value], "{name}");
        }
        assert_eq!(std::fs::read_link(format!("/proc/{}/cwd", worker.0)).unwrap().to_str(), Some("/"));
        assert!(log().contains("workers are closed in by Landlock "), "{}", log());
        drop(provider);
        until_gone(worker).await;
    });
}

#[test]
fn a_worker_that_was_killed_is_replaced_at_the_next_sign_in() {
    run(async {
        let (_rig, provider) = ready().await;
        let first = mine("tested");
        first.kill();
        assert!(complete(&provider, "").await.is_ok());
        let second = mine("tested");
        assert_ne!(first, second);
        assert!(log().contains("the worker was killed by SIGKILL"), "{}", log());
        assert!(complete(&provider, "").await.is_ok());
        assert_eq!(mine("tested"), second);
    });
}

/// Its request was sent, so it is not done again. The next one is none the worse for it.
#[test]
fn an_operation_that_was_under_way_fails_with_its_worker_by_name() {
    run(async {
        let idp = Idp::start(|_| {
            mine("tested").kill();
            Reply::Bytes(ok("text/plain", b"too late"))
        });
        let idp = idp.await;
        let provider = Rig::new(TransportKind::Worker, &idp.url).ready().await;
        let error = send(&provider, &[("url", &idp.at("/"))]).await.unwrap_err();
        assert_eq!(error.kind, Kind::WorkerLost);
        assert!(error.message.starts_with("it was killed by SIGKILL"), "{error}");
        assert_eq!(idp.requests().len(), 1);
        assert!(complete(&provider, "").await.is_ok());
    });
}

#[test]
fn a_worker_that_ends_too_often_is_paused_and_then_tried_once() {
    run(async {
        let (rig, provider) = ready().await;
        for _ in 0..3 {
            mine("tested").kill();
            assert!(complete(&provider, "").await.is_ok());
        }
        mine("tested").kill();
        let paused = |error: vestibule::plugin::OperationError| {
            let Kind::Paused { retry_after } = error.kind else { panic!("{error}") };
            retry_after
        };
        assert_eq!(paused(complete(&provider, "").await.unwrap_err()), Duration::from_secs(60));
        rig.clock.advance(Duration::from_secs(59));
        assert_eq!(paused(complete(&provider, "").await.unwrap_err()), Duration::from_secs(1));
        rig.clock.advance(Duration::from_secs(1));
        assert!(complete(&provider, "").await.is_ok(), "the trial");
        mine("tested").kill();
        assert_eq!(paused(complete(&provider, "").await.unwrap_err()), Duration::from_secs(60));
        rig.clock.advance(Duration::from_secs(60));
        assert!(complete(&provider, "").await.is_ok());
        // It has lived for a minute, and is trusted again.
        rig.clock.advance(Duration::from_secs(60));
        mine("tested").kill();
        assert!(complete(&provider, "").await.is_ok());
    });
}

/// More than once, since the clean-up after an operation that is over may still be under way.
async fn ended_by_sweeping(provider: &Provider, worker: Seen) {
    while worker.runs() {
        provider.sweep();
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_worker_that_nobody_needs_is_ended_and_started_when_it_is_needed() {
    run(async {
        let (rig, provider) = ready().await;
        let first = mine("tested");
        rig.clock.advance(Duration::from_secs(599));
        provider.sweep();
        assert!(complete(&provider, "").await.is_ok());
        assert_eq!(mine("tested"), first, "it was needed just now");
        rig.clock.advance(Duration::from_secs(599));
        provider.sweep();
        assert_eq!(mine("tested"), first);
        rig.clock.advance(Duration::from_secs(1));
        ended_by_sweeping(&provider, first).await;
        assert!(complete(&provider, "").await.is_ok());
        assert_ne!(mine("tested"), first);
        // Such an end is no failure: it may come as often as it likes.
        for _ in 0..5 {
            let worker = mine("tested");
            rig.clock.advance(Duration::from_secs(600));
            ended_by_sweeping(&provider, worker).await;
            assert!(complete(&provider, "").await.is_ok());
        }
    });
}

#[test]
fn a_kernel_without_landlock_or_seccomp_runs_no_worker_and_says_what_to_do() {
    run(async {
        let path = library("misbehaving");
        let pin = sha256(&std::fs::read(&path).unwrap());
        let rig = Rig::new(TransportKind::Worker, "https://idp.example");
        for (kernel, missing) in [
            (Kernel { landlock: 0, seccomp: true }, "a worker needs Landlock, which"),
            (Kernel { landlock: 7, seccomp: false }, "a worker needs seccomp, which"),
            (Kernel { landlock: 0, seccomp: false }, "a worker needs Landlock and seccomp, which"),
        ] {
            let shared = rig.shared().with_workers(Workers::of("/nonexistent").on(kernel));
            let loaded =
                Plugin::load_in_worker(&path, &[pin], &"misbehaving".parse().unwrap(), &shared).await;
            let text = loaded.unwrap_err().to_string();
            assert!(text.contains(missing), "{text}");
            assert!(text.contains("Linux 5.13") && text.contains("transport = \"in-process\""), "{text}");
        }
        let shared = rig.shared().with_workers(Workers::of("/nonexistent"));
        let loaded = Plugin::load_in_worker(&path, &[pin], &"misbehaving".parse().unwrap(), &shared).await;
        let text = loaded.unwrap_err().to_string();
        assert!(text.contains("no process can be made of /nonexistent: No such file"), "{text}");
    });
}

/// What exactly counts as changing it, `plugin::file::private` says and tests.
#[test]
fn a_file_without_a_pin_that_others_can_change_is_not_loaded_in_a_worker_either() {
    run(async {
        use std::os::unix::fs::PermissionsExt as _;
        let rig = Rig::new(TransportKind::Worker, "https://idp.example");
        let name = "misbehaving".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let path = folder.path().join("plugin.so");
        std::fs::copy(library("misbehaving"), &path).unwrap();
        let text = Plugin::load_in_worker(&path, &[], &name, &rig.shared()).await.unwrap_err().to_string();
        assert!(text.contains(": has no pin, and the folder `"), "{text}");
        // With a pin that does not matter.
        let pin = sha256(&std::fs::read(&path).unwrap());
        assert!(Plugin::load_in_worker(&path, &[pin], &name, &rig.shared()).await.is_ok());
    });
}
