//! Records the turn kit (conformance/turns): `record_turns FOLDER HISTORY...` writes a file for each session, played
//! with the module at COREWASM_MODULE, a virtual clock and fixed entropy, and for the replay of each history, a file
//! with an encoded History. `python -m conformance.turns record` calls it.

#![allow(clippy::disallowed_methods, reason = "a tool of the build, no part of Core: it writes files")]

mod file;
mod scripted;
#[path = "../../tests/module/wasm.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
mod wasm;

use std::{
    fs,
    path::{Path, PathBuf},
};

use corewasm_testkit::{
    simulator::{HistoryLang, StoredCompletions, TurnLog, run_live, run_replay},
    vector,
};

use prost::Message;
use temporalio_protos::temporal::api::history::v1::History;

use file::SessionFile;
use wasm::Wasm;

/// Vectors of live runs that the kit holds: each feature once, and what goes wrong once.
const LIVE: &[&str] = &[
    "activity-cancelled-after-waiting/sticky",
    "activity-completes/refused",
    "activity-completes/sticky",
    "attributes-and-memo-upserted/sticky",
    "bad-activity-for-timer/step-by-step",
    "cache-for-one-of-two-runs/scripted",
    "cancellation-ends-workflow/sticky",
    "child-completes/sticky",
    "completion-invalid/scripted",
    "continues-as-new/sticky",
    "deprecated-patch/sticky",
    "everything-at-once/paged",
    "everything-at-once/sticky",
    "everything-at-once/uncached",
    "external-cancel-is-delivered/sticky",
    "external-signal-is-delivered/sticky",
    "local-activity-backs-off/scripted",
    "local-activity-beyond-heartbeats/scripted",
    "local-activity-cancelled/scripted",
    "local-activity-succeeds/scripted",
    "local-activity-times-out/scripted",
    "nexus-operation-cancelled/sticky",
    "nexus-operation-completes-later/sticky",
    "patched-with-search-attribute/sticky",
    "payload-too-large/scripted",
    "queries-beside-tasks/scripted",
    "reset-gives-new-seed/sticky",
    "signals-around-tasks/sticky",
    "task-fails-again/scripted",
    "timer-fires/handed-on",
    "timer-fires/missed",
    "timer-fires/sticky",
    "update-completes-later/sticky",
    "update-rejected/scripted",
];

/// Histories that the kit replays.
const REPLAYED: &[&str] = &["bad-events-swapped", "bad-timer-for-activity", "child-fails", "everything-at-once"];

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, histories @ ..] = &arguments[..] else { panic!("usage: record_turns FOLDER [HISTORY...]") };
    fs::create_dir_all(folder).expect("the folder can be made");
    record_vectors(folder);
    histories.iter().for_each(|path| record_replay(folder, path));
    for (name, instances) in scripted::sessions() {
        let mut session = SessionFile::new();
        instances.into_iter().for_each(|log| session.instance(log));
        session.write(folder, name);
    }
}

fn record_vectors(folder: &Path) {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/vectors");
    let lives = vector::lives(&vectors).expect("the vectors can be read");
    for name in LIVE {
        let vector = lives.iter().find(|vector| vector.name == *name).unwrap_or_else(|| panic!("no vector {name}"));
        let mut lang = StoredCompletions::new(vector.completions.iter().map(|completion| completion.0.clone()));
        let script = vector.try_into().expect("vectors hold sound messages");
        let (_, log) = run_live(Wasm::default(), script, &mut lang).expect("a run as native's");
        write(folder, name, log);
    }
    let replays = vector::replays(&vectors).expect("the vectors can be read");
    for name in REPLAYED {
        let vector = replays.iter().find(|vector| vector.name == *name).unwrap_or_else(|| panic!("no vector {name}"));
        let mut lang = StoredCompletions::new(vector.steps.iter().map(|(_, completion)| completion.0.clone()));
        let log = run_replay(Wasm::default(), &vector.workflow_id, vector.history.clone(), &mut lang);
        write(folder, &format!("replay/{name}"), log.expect("a replay as native's").1);
    }
}

fn record_replay(folder: &Path, path: &Path) {
    let history = fs::read(path).expect("the history can be read");
    let events = History::decode(&history[..]).expect("an encoded History").events;
    let log = run_replay(Wasm::default(), "long", history.into(), &mut HistoryLang::new(&events));
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a file's name");
    write(folder, &format!("replay/{name}"), log.expect("the replay ends").1);
}

fn write(folder: &Path, name: &str, log: TurnLog) {
    let mut session = SessionFile::new();
    session.instance(log);
    session.write(folder, name);
}
