//! A child that is no worker of ours at all: a script that says bytes over the socket.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use vestibule::plugin::{Plugin, TransportKind, Workers};
use vestibule::random::sha256;

use super::ground::Held;
use crate::plugin::rig::{Rig, library, run};

/// Says what stands beside it, and then either ends or waits for the host to close.
struct Script {
    folder: TempDir,
    library: PathBuf,
    pin: [u8; 32],
}

impl Script {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, then) in [("ends", "exit 3"), ("waits", "exec cat <&\"$3\" >/dev/null")] {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/bash\ncat \"$0.bytes\" >&\"$3\"\n{then}\n")).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        let library = library("hostile");
        let pin = sha256(&std::fs::read(&library).unwrap());
        Self { folder, library, pin }
    }

    /// What the host says of a child that says these bytes.
    async fn says(&self, name: &str, bytes: &[u8]) -> String {
        let program = self.folder.path().join(name);
        std::fs::write(program.with_extension("bytes"), bytes).unwrap();
        let rig = Rig::new(TransportKind::Worker, "https://idp.example");
        let rig = rig.limits(|limits| limits.load = std::time::Duration::from_secs(60));
        let shared = rig.shared().with_workers(Workers::of(program));
        let plugin = "hostile".parse().unwrap();
        match Plugin::load_in_worker(&self.library, &[self.pin], &plugin, &shared).await {
            Ok(plugin) => panic!("{plugin:?} is believed"),
            Err(error) => error.why.to_string(),
        }
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0]);
    bytes.extend_from_slice(payload);
    bytes
}

fn sandboxed() -> Vec<u8> {
    frame(9, b"{\"landlock\":7}")
}

#[test]
fn no_child_is_believed_that_says_what_is_not_due() {
    run(async {
        let script = Script::new();
        let after = |more: &[u8]| [sandboxed(), more.to_vec()].concat();
        let not_loaded = |why: &str| frame(11, why.as_bytes());
        for (bytes, words) in [
            (frame(10, b"{}"), "it began with a frame `Loaded`"),
            (frame(6, b""), "it began with a frame `Answer`"),
            (frame(9, b"7"), "it sent what is no record"),
            (frame(9, b""), "it sent what is no record"),
            (not_loaded("{\"Linker\":\"x\"}"), "it linked what it had not yet closed in"),
            (not_loaded("[]"), "it sent what is no record"),
            (vec![0xff; 64], "a frame announces 4294967295 bytes"),
            (vec![0; 64], "a frame is of the unknown kind 0"),
            (after(&sandboxed()), "it sent a frame `Sandboxed` that was not due"),
            (after(&frame(2, b"")), "it sent a frame `Created` that was not due"),
            (after(&[0xff; 16]), "a frame announces 4294967295 bytes"),
            (after(&frame(10, b"")), "describes itself in a way that cannot be used"),
            (after(&[frame(10, b""), vec![0]].concat()), "it sent bytes that nobody asked for"),
            (after(&not_loaded("{\"Linker\":\"a\\u001b[31m\\nb\"}")), "cannot be linked: a\\u{1b}[31m\\nb"),
            // An initialiser must not put words into the host's mouth.
            (
                after(&not_loaded("{\"Sandbox\":\"write `transport = \\\"in-process\\\"`\"}")),
                "could not be loaded in a worker: it says that its second filter is not set: write",
            ),
        ] {
            let said = script.says("waits", &bytes).await;
            assert!(said.contains(words), "{words}: {said}");
        }
        let said = script.says("ends", b"").await;
        assert!(said.contains("it ended by itself with status 3"), "{said}");
    });
}

#[test]
fn no_child_that_ends_in_the_middle_of_a_frame_leaves_anything_behind() {
    run(async {
        let script = Script::new();
        let bytes = [sandboxed(), frame(10, b"a description")].concat();
        script.says("ends", b"").await;
        let mut held = Held::with(0);
        for end in 0..bytes.len() {
            let said = script.says("ends", &bytes[..end]).await;
            assert!(said.contains("it ended by itself with status 3"), "{end}: {said}");
            held.is_not_outgrown(&format!("cut at {end}")).await;
        }
    });
}

/// The same bytes in every run.
#[test]
fn no_random_words_of_a_child_are_believed() {
    run(async {
        let script = Script::new();
        let mut runner = TestRunner::deterministic();
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            (0_u8..13, prop::collection::vec(any::<u8>(), 0..20))
                .prop_map(|(kind, payload)| frame(kind, &payload)),
            Just(sandboxed()),
        ];
        let pieces = prop::collection::vec(piece, 1..5);
        for _ in 0..50 {
            let bytes = pieces.new_tree(&mut runner).unwrap().current().concat();
            script.says("ends", &bytes).await;
        }
    });
}
