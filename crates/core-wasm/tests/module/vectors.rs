//! The vectors of native Core (conformance/vectors), message by message.

use std::{path::PathBuf, sync::OnceLock};

use corewasm_testkit::{
    simulator::{Arrival, Script, StoredCompletions, Turns, run_live, run_replay},
    vector::{self, LiveVector, ReplayVector, live_differences, replay_differences},
};

use crate::{native::Native, wasm::Wasm};

pub(crate) fn lives() -> &'static [LiveVector] {
    static LIVES: OnceLock<Vec<LiveVector>> = OnceLock::new();
    LIVES.get_or_init(|| vector::lives(&folder()).unwrap())
}

pub(crate) fn replays() -> &'static [ReplayVector] {
    static REPLAYS: OnceLock<Vec<ReplayVector>> = OnceLock::new();
    REPLAYS.get_or_init(|| vector::replays(&folder()).unwrap())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/vectors")
}

/// The answers that lang gives in this vector.
pub(crate) fn live_lang(vector: &LiveVector) -> StoredCompletions {
    StoredCompletions::new(vector.completions.iter().map(|completion| completion.0.clone()))
}

/// The answers that lang gives in this vector.
pub(crate) fn replay_lang(vector: &ReplayVector) -> StoredCompletions {
    StoredCompletions::new(vector.steps.iter().map(|(_, completion)| completion.0.clone()))
}

fn live_problems<T: Turns>(module: T, vector: &LiveVector) -> Vec<String> {
    live_problems_in(Arrival::AnswerFirst, module, vector)
}

fn live_problems_in<T: Turns>(arrival: Arrival, module: T, vector: &LiveVector) -> Vec<String> {
    let script = Script { arrival, ..vector.try_into().expect("vectors hold sound messages") };
    match run_live(module, script, &mut live_lang(vector)) {
        Ok((transcript, _)) => live_differences(vector, &transcript),
        Err(error) => vec![error],
    }
}

fn replay_problems<T: Turns>(module: T, vector: &ReplayVector) -> Vec<String> {
    match run_replay(module, &vector.workflow_id, vector.history.clone(), &mut replay_lang(vector)) {
        Ok((activations, _)) => replay_differences(vector, &activations),
        Err(error) => vec![error],
    }
}

/// Fails with the first difference of every vector that has one.
fn expect_all<V>(kind: &str, vectors: &[V], name: impl Fn(&V) -> &str, problems: impl Fn(&V) -> Vec<String>) {
    let failed: Vec<String> = vectors
        .iter()
        .filter_map(|vector| problems(vector).first().map(|first| format!("{}: {first}", name(vector))))
        .collect();
    assert!(failed.is_empty(), "{} of {} {kind} vectors differ:\n{}", failed.len(), vectors.len(), failed.join("\n"));
    assert!(vectors.len() >= 40, "only {} {kind} vectors", vectors.len());
    #[expect(clippy::print_stdout, reason = "the count is what a reader of the test's output wants")]
    {
        println!("{} {kind} vectors as native", vectors.len());
    }
}

#[test]
fn native_replays_as_native_core() {
    expect_all("replay", replays(), |vector| &vector.name, |vector| replay_problems(Native::default(), vector));
}

#[test]
fn native_runs_live_as_native_core() {
    expect_all("live", lives(), |vector| &vector.name, |vector| live_problems(Native::default(), vector));
}

/// A service that has tasks for a run that it saw end, or whose last task it saw fail: whether Core still has that run
/// when they come is a matter of which is faster.
const ORDER_MATTERS: [&str; 5] = [
    "bad-cancellation-for-timer/step-by-step",
    "bad-completion-for-timer/step-by-step",
    "bad-continue-as-new-for-timer/step-by-step",
    "bad-event-twice/step-by-step",
    "bad-failure-for-timer/step-by-step",
];

/// On a network either may be faster.
#[test]
fn tasks_may_come_before_the_answers_that_caused_them() {
    let sound: Vec<_> = lives().iter().filter(|vector| !ORDER_MATTERS.contains(&vector.name.as_str())).collect();
    assert_eq!(sound.len() + ORDER_MATTERS.len(), lives().len(), "a name is of no vector");
    let problems = |vector: &&LiveVector| live_problems_in(Arrival::AnswerLast, Native::default(), vector);
    expect_all("live, answers last,", &sound, |vector| &vector.name, problems);
}

#[test]
fn wasm_replays_as_native_core() {
    expect_all("replay", replays(), |vector| &vector.name, |vector| replay_problems(Wasm::default(), vector));
}

#[test]
fn wasm_runs_live_as_native_core() {
    expect_all("live", lives(), |vector| &vector.name, |vector| live_problems(Wasm::default(), vector));
}

#[test]
fn a_difference_is_found_and_named() {
    let mut vector = replays()[0].clone();
    let (activation, _) = &mut vector.steps[0];
    let mut bytes = activation.0.to_vec();
    let at = bytes.len() / 2;
    bytes.truncate(at);
    activation.0 = bytes.into();
    assert_ne!(replay_problems(Native::default(), &vector), Vec::<String>::new());
    let mut vector = lives()[0].clone();
    vector.requests.pop();
    let problems = live_problems(Native::default(), &vector);
    assert!(problems[0].contains("native nothing, corewasm RespondWorkflowTaskCompleted"), "{problems:?}");
}
