//! Deeds that come before there is a provider: in an initialiser, which runs while the library is linked; in `describe`; in
//! `create`. The order is written into a copy of the library.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use vestibule::plugin::{Plugin, Provider, TransportKind};
use vestibule::random::sha256;

use super::calls::{FILES, MEMORY, NETWORKS, PRIVILEGES, PROCESSES, REFUSED};
use super::ends::{ENDS, INSTRUCTIONS};
use super::ground::{Held, SOON};
use super::report::{Row, crashes, hangs, loads};
use crate::plugin::rig::{Rig, complete, library, run};

const MARK: &[u8] = b"HOSTILE-ORDER:";

/// What is to come of a deed.
#[derive(Clone, Copy)]
enum Early {
    /// No provider: the file is refused, or the plugin fails while a provider is made, with these words.
    IsRefused(&'static str),
    /// A provider, which has found this out.
    Finds(&'static str),
}

struct Ground {
    rig: Rig,
    good: Provider,
    folder: TempDir,
    library: Vec<u8>,
    mark: usize,
}

impl Ground {
    async fn new(soon: Duration) -> Self {
        let rig = Rig::new(TransportKind::Worker, "https://idp.example");
        let good = rig.clone().limits(|limits| limits.step = Duration::from_secs(60)).ready().await;
        let rig = Rig {
            plugin: "hostile",
            settings: serde_json::Map::new(),
            secrets: std::collections::BTreeMap::new(),
            ..rig.limits(|limits| (limits.load, limits.step) = (soon, soon))
        };
        let library = std::fs::read(library("hostile")).unwrap();
        let found: Vec<_> = memchr::memmem::find_iter(&library, MARK).collect();
        let [mark] = found[..] else { panic!("the order has no place of its own: {found:?}") };
        Self { rig, good, folder: tempfile::tempdir().unwrap(), library, mark: mark + MARK.len() }
    }

    async fn patient() -> Self {
        Self::new(Duration::from_secs(60)).await
    }

    /// A copy of the library with this order in it.
    fn copy(&self, place: &str, deed: &str) -> (PathBuf, [u8; 32]) {
        let mut library = self.library.clone();
        let order = format!("{place} {deed}");
        library[self.mark..self.mark + order.len()].copy_from_slice(order.as_bytes());
        let path = self.folder.path().join("libhostile.so");
        std::fs::write(&path, &library).unwrap();
        (path, sha256(&library))
    }

    /// What it found out, if it came so far.
    async fn commit(&self, path: &std::path::Path, pin: [u8; 32]) -> Result<String, String> {
        let name = "hostile".parse().unwrap();
        let plugin = Plugin::load_in_worker(path, &[pin], &name, &self.rig.shared()).await;
        let plugin = plugin.map_err(|error| error.to_string())?;
        let provider = self.rig.clone().create_from(&plugin).await.map_err(|error| error.to_string())?;
        let completed = complete(&provider, "").await.map_err(|error| error.to_string())?;
        Ok(completed.account.account_id)
    }

    async fn tries(&self, runs: u32, place: &str, deed: &str, expected: Early) {
        let (path, pin) = self.copy(place, deed);
        let mut row = Row { deed, place, runs, others_failed: 0, back: None, outcome: "" };
        let (mut held, mut said, mut others) = (Held::with(1), String::new(), Vec::new());
        for run in 0..runs {
            let context = format!("{deed} in {place}, run {run}");
            let (outcome, good) = tokio::join!(self.commit(&path, pin), complete(&self.good, ""));
            if let Err(error) = good {
                row.others_failed += 1;
                others.push(format!("{context}: {error}"));
            }
            said = match (expected, outcome) {
                (Early::IsRefused(words), Err(error)) if error.contains(words) => error,
                (Early::Finds(expected), Ok(found)) if found == expected => found,
                (_, outcome) => panic!("{context}: {outcome:?}"),
            };
            held.is_not_outgrown(&context).await;
        }
        row.outcome = said.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&said);
        row.report();
        assert!(others.is_empty(), "another provider fails: {others:#?}");
    }
}

#[test]
fn no_crash_while_a_library_is_linked_described_or_made_ends_the_host() {
    run(async {
        let ground = Ground::patient().await;
        for (place, words) in
            [("initialiser", "was killed by SIGABRT"), ("describe", REFUSED), ("create", REFUSED)]
        {
            ground.tries(crashes(), place, "panic", Early::IsRefused(words)).await;
        }
        for (deed, words) in ENDS {
            for place in ["initialiser", "describe", "create"] {
                ground.tries(crashes(), place, deed, Early::IsRefused(words)).await;
            }
        }
        for (deed, words) in INSTRUCTIONS {
            ground.tries(crashes(), "initialiser", deed, Early::IsRefused(words)).await;
        }
    });
}

#[test]
fn no_hang_while_a_library_is_linked_described_or_made_keeps_the_host() {
    run(async {
        let ground = Ground::new(SOON).await;
        for deed in ["loop", "wait_for_nobody", "half_a_frame"] {
            for (place, words) in [
                ("initialiser", "was not linked and described in 1000 ms, and was killed"),
                ("describe", "was not linked and described in 1000 ms, and was killed"),
                ("create", "no answer in 1000 ms"),
            ] {
                ground.tries(hangs(), place, deed, Early::IsRefused(words)).await;
            }
        }
        ground.tries(hangs(), "initialiser", "drip", Early::IsRefused("was not linked and described")).await;
    });
}

/// The linker's filter lets more through than the one for good; of all these, nothing.
#[test]
fn no_initialiser_makes_a_call_that_matters() {
    run(async {
        let ground = Ground::patient().await;
        for deed in [PROCESSES, FILES, MEMORY, NETWORKS, PRIVILEGES].concat() {
            ground.tries(loads(), "initialiser", deed, Early::IsRefused(REFUSED)).await;
        }
    });
}

/// What the linker may do an initialiser may, and Landlock says which files: the system's libraries.
#[test]
fn no_initialiser_reads_anything_but_the_systems_libraries() {
    run(async {
        let ground = Ground::patient().await;
        for deed in [
            "read_passwd",
            "read_own_environment",
            "read_own_map",
            "read_own_memory",
            "read_first_process",
            "read_a_device",
        ] {
            ground.tries(loads(), "initialiser", deed, Early::Finds("errno 13")).await;
        }
        ground.tries(loads(), "initialiser", "list_libraries", Early::Finds("errno 13")).await;
        ground.tries(loads(), "initialiser", "environment", Early::Finds("nothing")).await;
        // Not a hole that can be closed here: the linker looks at files by their paths. Existence and size, nothing else.
        ground.tries(loads(), "initialiser", "size_of_passwd", Early::Finds("seen: 0")).await;
    });
}

#[test]
fn no_description_is_believed_that_lies_or_is_none() {
    run(async {
        let ground = Ground::patient().await;
        for (deed, words) in [
            ("lie", "`describe` says github 0.1.0, the file's section says hostile 0.1.0"),
            ("answer_nothing", "describes itself in a way that cannot be used"),
            ("answer_garbage", "describes itself in a way that cannot be used"),
            ("answer_invalid_utf8", "describes itself in a way that cannot be used"),
            ("answer_deep", "describes itself in a way that cannot be used"),
            ("answer_deep_in_ok", "describes itself in a way that cannot be used"),
            ("answer_40_mib", "describes itself in a way that cannot be used"),
            ("garbage", "it was killed: a frame announces 4294967295 bytes"),
            ("announce_4_gib", "it was killed: a frame announces 4294967295 bytes"),
            ("frame_of_kind_1", "it was killed: it sent a frame `Create` that was not due"),
            ("frame_of_kind_6", "it was killed: it sent a frame `Answer` that was not due"),
            ("frame_of_kind_9", "it was killed: it sent a frame `Sandboxed` that was not due"),
        ] {
            ground.tries(loads(), "describe", deed, Early::IsRefused(words)).await;
        }
        for deed in ["garbage", "announce_4_gib", "frame_of_kind_6", "frame_of_kind_8", "frame_of_kind_10"] {
            ground.tries(loads(), "create", deed, Early::IsRefused("the plugin failed in `create`")).await;
        }
    });
}

/// The socket is its own to break: what comes of it is an end of its own.
#[test]
fn no_initialiser_takes_the_socket_away_from_anybody_but_itself() {
    run(async {
        let ground = Ground::patient().await;
        let words = "could not be loaded in a worker: it ended by itself";
        ground.tries(loads(), "initialiser", "close_the_socket", Early::IsRefused(words)).await;
    });
}
