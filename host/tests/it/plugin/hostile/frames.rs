//! Deeds over the host's own socket, and answers that are none.

use super::ends::PLACES;
use super::ground::{Expected, Ground};
use super::report::crashes;
use crate::plugin::rig::run;

/// What is said before the answer that is due.
const SAID: &[(&str, &str)] = &[
    ("garbage", "a frame announces 4294967295 bytes"),
    ("zeros", "a frame is of the unknown kind 0"),
    ("announce_4_gib", "a frame announces 4294967295 bytes"),
    ("reserved_bytes", "a frame's reserved bytes are not zero"),
    ("unknown_operation", "it sent a frame `Answer` that was not due"),
    ("operation_0", "it sent a frame `Answer` that was not due"),
    ("earlier_operation", "it sent a frame `Answer` that was not due"),
    ("flood_of_bytes", "a frame announces 4294967295 bytes"),
    ("frame_of_kind_0", "a frame is of the unknown kind 0"),
    ("frame_of_kind_1", "it sent a frame `Create` that was not due"),
    ("frame_of_kind_2", "it sent a frame `Created` that was not due"),
    ("frame_of_kind_3", "it sent a frame `Refused` that was not due"),
    ("frame_of_kind_4", "it sent a frame `Start` that was not due"),
    ("frame_of_kind_5", "it sent a frame `Step` that was not due"),
    ("frame_of_kind_7", "it sent a frame `Cancel` that was not due"),
    ("frame_of_kind_8", "it sent a frame `Ended` that was not due"),
    ("frame_of_kind_9", "it sent a frame `Sandboxed` that was not due"),
    ("frame_of_kind_10", "it sent a frame `Loaded` that was not due"),
    ("frame_of_kind_11", "it sent a frame `NotLoaded` that was not due"),
    ("frame_of_kind_12", "a frame is of the unknown kind 12"),
    ("frame_of_kind_255", "a frame is of the unknown kind 255"),
];

#[test]
fn no_forged_frame_is_believed_or_goes_unpunished() {
    run(async {
        let ground = Ground::patient().await;
        for (deed, words) in SAID {
            ground.tries(crashes(), "step", deed, Expected::IsCaught(words)).await;
        }
    });
}

/// What it says for its own operation is its own word; a second one is for nobody, and least of all for another's.
#[test]
fn no_answer_is_taken_twice_or_after_the_end() {
    run(async {
        let ground = Ground::patient().await;
        for deed in ["answer_twice", "flood_of_frames"] {
            let caught = Expected::AnswersAndIsCaught("it sent a frame `Answer` that");
            ground.tries(crashes(), "step", deed, caught).await;
        }
        for deed in ["unknown_operation", "operation_0", "answer_twice"] {
            let caught = Expected::AnswersAndIsCaught("it sent a frame `Answer` that was not due");
            ground.tries(crashes(), "drop", deed, caught).await;
        }
    });
}

#[test]
fn no_answer_that_is_none_costs_more_than_its_operation() {
    run(async {
        let ground = Ground::patient().await;
        for deed in
            ["answer_nothing", "answer_garbage", "answer_invalid_utf8", "answer_deep", "answer_40_mib"]
        {
            ground.tries(crashes(), "step", deed, Expected::IsRefused("the answer to a step: ")).await;
        }
    });
}

/// Its standard streams are nobody's.
#[test]
fn no_flood_of_words_reaches_anybody() {
    run(async {
        let ground = Ground::patient().await;
        for deed in ["stdout_flood", "stderr_flood"] {
            for place in PLACES {
                let found = if place == "drop" { "42" } else { "nothing" };
                ground.tries(crashes(), place, deed, Expected::Finds(found)).await;
            }
        }
    });
}
