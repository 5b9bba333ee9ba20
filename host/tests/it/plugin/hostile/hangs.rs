//! Deeds that never end.

use super::ends::PLACES;
use super::ground::{Expected, Ground, SOON};
use super::report::hangs;
use crate::plugin::rig::run;

const HANGS: &[&str] = &["loop", "loop_giving_way", "wait_for_nobody"];

#[test]
fn no_hang_of_a_plugin_outlives_its_deadline() {
    run(async {
        let ground = Ground::new(SOON).await;
        for deed in HANGS {
            for place in PLACES {
                ground.tries(hangs(), place, deed, Expected::IsLate).await;
            }
        }
        ground.tries(hangs(), "step", "read_the_socket", Expected::IsLate).await;
    });
}

/// An answer counts when it is whole.
#[test]
fn no_half_answer_and_no_dripping_one_outlives_the_deadline() {
    run(async {
        let ground = Ground::new(SOON).await;
        for deed in ["half_a_frame", "drip"] {
            ground.tries(hangs(), "step", deed, Expected::IsLate).await;
        }
    });
}

/// It is killed when it owes the next thing: the clean-up after that very operation.
#[test]
fn no_plugin_loops_on_behind_an_answer() {
    run(async {
        let ground = Ground::new(SOON).await;
        let killed = "was killed, since the clean-up after `complete` was not done in";
        ground.tries(hangs(), "step", "answer_and_loop", Expected::AnswersAndIsCaught(killed)).await;
    });
}
