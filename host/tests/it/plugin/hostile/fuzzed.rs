//! The bodies of the fuzz targets over their corpora, and over changes of these that are the same in every run. The fuzzer
//! itself is run by hand.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use vestibule::plugin::strangers;

/// What the fuzzer starts from, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).map(|file| {
            let file = file.unwrap();
            (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())
        });
    let mut files: Vec<_> = files.collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// One change of a file: what fuzzers do, too.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Word(usize, u64),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let word = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(u64::from(u32::MAX)),
        Just(1 << 63),
        0_u64..4096,
        any::<u64>()
    ];
    prop_oneof![
        3 => (any::<usize>(), any::<u8>()).prop_map(|(at, to)| Change::Flip(at, to)),
        3 => (any::<usize>(), word).prop_map(|(at, to)| Change::Word(at, to)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => (any::<usize>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, new)| Change::Insert(at, new)),
        1 => (any::<usize>(), 1_usize..64).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len().max(1);
        match change {
            Change::Flip(at, to) => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= to;
                }
            }
            Change::Word(at, to) => {
                let at = at % length;
                if let Some(word) = bytes.get_mut(at..at + 8) {
                    word.copy_from_slice(&to.to_le_bytes());
                }
            }
            Change::Cut(at) => bytes.truncate(at % length),
            Change::Insert(at, new) => {
                let at = (at % length).min(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Repeat(at, more) => {
                let at = (at % length).min(bytes.len());
                let piece = bytes[at..(at + more).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// A body over a corpus, and over so many changed copies of it.
fn over(target: &str, cases: u32, body: impl Fn(&[u8])) {
    let corpus = corpus(target);
    for (_, bytes) in &corpus {
        body(bytes);
    }
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, random);
    let inputs = (0..corpus.len(), prop::collection::vec(change(), 1..6));
    let done = runner.run(&inputs, |(which, changes)| {
        body(&changed(corpus[which].1.clone(), &changes));
        Ok(())
    });
    if let Err(why) = done {
        panic!("{target}: {why}");
    }
}

#[test]
fn no_bytes_mislead_the_frame_decoder() {
    over("frames", 20_000, strangers::frames);
}

#[test]
fn no_bytes_mislead_the_check_of_a_file() {
    for (name, bytes) in corpus("file") {
        assert_eq!(strangers::file(&bytes), name == "good", "{name}");
    }
    over("file", 20_000, |bytes| {
        strangers::file(bytes);
    });
}

#[test]
fn no_bytes_mislead_the_reader_of_descriptions() {
    over("description", 5_000, strangers::description);
}
