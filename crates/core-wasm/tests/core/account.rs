//! What Core keeps with its host outlives the instance, and what cannot be read is refused.

use std::time::Duration;

use corewasm_host::envelope::{
    CallCancelled, ClientUpdateApiKey, GrpcResponse, RpcStart, TaskKind, Undelivered, WorkerComplete, WorkerHeartbeat,
    rpc_result,
};
use corewasm_host::envelope::{
    CallError, Input, InputError, Keep, Kept, Open, RpcResult, Trapped, TurnResponse, WorkerPoll, input,
    input::Repetition, input_error, keep,
};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;
use temporalio_protos::coresdk::activity_result::{ActivityExecutionResult, Success, activity_execution_result};
use temporalio_protos::coresdk::{ActivityHeartbeat, ActivityTaskCompletion};
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

use crate::support::{CLIENT, TestHost, WORKER, connect, open, open_worker, resolved, starts};

/// A host that keeps what Core says, as docs/abi.md has it.
#[derive(Default)]
struct Keeper {
    host: TestHost,
    kept: Vec<Kept>,
    entries: usize,
}

impl Keeper {
    /// With an open client and worker.
    fn with_worker() -> Self {
        let mut keeper = Self::default();
        keeper.turn([input::Kind::Open(Open { keep: true, ..open() })]);
        let started = keeper.turn([connect(CLIENT, 1)]);
        keeper.turn([answered(&started, 0), open_worker(WORKER, 2)]);
        keeper
    }

    fn turn(&mut self, inputs: impl IntoIterator<Item = input::Kind>) -> TurnResponse {
        let inputs: Vec<_> = inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect();
        self.turn_raw(inputs)
    }

    fn turn_raw(&mut self, inputs: Vec<Input>) -> TurnResponse {
        let bodies: Vec<_> = inputs.iter().map(Message::encode_to_vec).collect();
        let response = self.host.turn_raw(inputs);
        let changes = response.kept.clone().unwrap_or_default();
        for each in &changes.keep {
            self.keep(each, &bodies, &response);
        }
        self.kept.retain(|each| !changes.forget.contains(&each.key));
        self.entries += changes.keep.len() + changes.forget.len();
        response
    }

    fn keep(&mut self, keep: &Keep, inputs: &[Vec<u8>], response: &TurnResponse) {
        let before = self.kept.iter().position(|kept| kept.key == keep.key).map(|place| self.kept.remove(place));
        let body = match keep.body {
            None => Default::default(),
            Some(keep::Body::Input(index)) => inputs[index as usize].clone().into(),
            Some(keep::Body::Value(index)) => {
                let only =
                    TurnResponse { effects: vec![response.effects[index as usize].clone()], ..Default::default() };
                resolved(&only).remove(0).1.unwrap().into()
            }
            Some(keep::Body::Unchanged(_)) => before.expect("there is a body").body,
        };
        self.kept.push(Kept { key: keep.key.clone(), state: keep.state.clone(), body });
    }

    /// The next instance, opened with what was kept and with these inputs.
    fn reopened(&self, trapped: Option<Trapped>, unanswered: Vec<input::Kind>) -> (TestHost, TurnResponse) {
        opened_with(self.kept.clone(), trapped, unanswered)
    }
}

fn opened_with(kept: Vec<Kept>, trapped: Option<Trapped>, unanswered: Vec<input::Kind>) -> (TestHost, TurnResponse) {
    let mut host = TestHost::default();
    let opening = Open { keep: true, kept, trapped, ..open() };
    let mut inputs = vec![Input { kind: Some(input::Kind::Open(opening)), ..Input::default() }];
    inputs.extend(
        unanswered.into_iter().map(|kind| Input { kind: Some(kind), repetition: Repetition::Unanswered.into() }),
    );
    let response = host.turn_raw(inputs);
    (host, response)
}

/// The answer to the RPC that the turn started in this place, with an empty body.
fn answered(response: &TurnResponse, place: usize) -> input::Kind {
    let result = rpc_result::Result::Response(GrpcResponse::default());
    input::Kind::RpcResult(RpcResult { rpc: starts(response)[place].rpc, result: Some(result) })
}

fn poll(call: u64) -> input::Kind {
    input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: TaskKind::Workflow.into(), call })
}

fn refusal(kept: Vec<Kept>) -> InputError {
    let (_, response) = opened_with(kept, None, vec![poll(9)]);
    assert_eq!((&response.effects[..], &response.kept), (&[][..], &None), "a refused opening has no effect");
    let [error, closed] = &response.input_errors[..] else { panic!("{response:?}") };
    assert_eq!(closed.kind(), input_error::Kind::BadState, "the instance is not open");
    error.clone()
}

#[test]
fn a_host_that_does_not_keep_gets_no_entries() {
    let mut host = TestHost::opened();
    let response = host.turn([connect(CLIENT, 1)]);
    assert_eq!(response.kept, None);
}

#[test]
fn a_client_and_its_worker_are_open_again() {
    let keeper = Keeper::with_worker();
    let (mut host, response) = keeper.reopened(None, vec![poll(9)]);
    assert_eq!(response.input_errors, []);
    assert!(host.turn([open_worker(WORKER, 10)]).input_errors.len() == 1, "the handle is in use");
}

#[test]
fn the_order_of_the_entries_does_not_matter_nor_that_one_comes_twice() {
    let mut keeper = Keeper::with_worker();
    keeper.turn([input::Kind::ClientUpdateApiKey(ClientUpdateApiKey { client: CLIENT, api_key: Some("key".into()) })]);
    let expected = keeper.reopened(None, vec![poll(9)]).1;
    keeper.kept.reverse();
    let twice = keeper.kept[0].clone();
    keeper.kept.push(twice);
    assert_eq!(keeper.reopened(None, vec![poll(9)]).1, expected);
    let sent = starts(&expected);
    let key = sent.iter().flat_map(|start| &start.metadata).find(|entry| entry.key == "authorization");
    assert_eq!(key.map(|entry| &entry.value[..]), Some(&b"Bearer key"[..]), "what was set later counts");
}

#[test]
fn entries_of_a_later_module_are_refused_with_both_versions() {
    let mut keeper = Keeper::with_worker();
    let header = keeper.kept.iter_mut().find(|kept| kept.key[0] == 1).expect("who wrote them is among the entries");
    // kind 1, format 7, written by "9.9.9"
    header.state = vec![8, 1, 40, 7, 50, 5, b'9', b'.', b'9', b'.', b'9'].into();
    let error = refusal(keeper.kept);
    assert_eq!(error.kind(), input_error::Kind::BadState);
    for part in ["corewasm 9.9.9 in format 7", env!("CARGO_PKG_VERSION"), "up to 1"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[test]
fn entries_without_their_writer_are_refused() {
    let mut keeper = Keeper::with_worker();
    keeper.kept.retain(|kept| kept.key[0] != 1);
    assert!(refusal(keeper.kept).message.contains("which corewasm wrote them"));
}

#[test]
fn a_damaged_entry_is_refused_with_its_key() {
    let keeper = Keeper::with_worker();
    for damage in [&[0xff][..], &[8, 3], b""] {
        let mut kept = keeper.kept.clone();
        kept.iter_mut().find(|kept| kept.key[0] == 5).expect("the worker's").state = damage.to_vec().into();
        let error = refusal(kept);
        assert_eq!(error.kind(), input_error::Kind::Malformed);
        assert!(error.message.contains("[05, 01, 00, 00, 00]"), "{}", error.message);
    }
}

#[test]
fn an_entry_that_a_later_module_does_without_is_forgotten() {
    let mut keeper = Keeper::with_worker();
    let unknown = Kept { key: b"new".to_vec().into(), state: vec![8, 99].into(), body: Default::default() };
    keeper.kept.push(unknown);
    let (_, response) = keeper.reopened(None, Vec::new());
    assert_eq!((response.input_errors.len(), response.kept.unwrap().forget), (0, vec!["new".into()]));
}

#[test]
fn a_worker_whose_entries_do_not_fit_fails_and_whoever_waits_hears_why() {
    let keeper = Keeper::with_worker();
    let mut without = keeper.kept.clone();
    without.iter_mut().find(|kept| kept.key[0] == 5).expect("the worker's").body = Default::default();
    let (_, response) = opened_with(without, None, vec![poll(9)]);
    let [(0, _), (9, Err(CallError { message, .. }))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert!(message.contains("incomplete or damaged"), "{message}");
    assert_eq!(crate::support::closed(&response), [(0, WORKER)]);
}

#[test]
fn a_third_trap_within_a_minute_fails_all_workers_if_nobody_is_to_blame() {
    let keeper = Keeper::with_worker();
    let trapped = |at_ns: [u64; 3]| {
        Some(Trapped { text: "out of bounds".to_owned(), at_ns: at_ns.to_vec(), ..Trapped::default() })
    };
    let minute = 60_000_000_000;
    let (_, response) = keeper.reopened(trapped([1, 2, minute + 2]), vec![poll(9)]);
    assert!(resolved(&response).iter().all(|(call, _)| *call != 9), "the first of the three is long ago");
    let (_, response) = keeper.reopened(trapped([1, 2, minute + 1]), vec![poll(9)]);
    let [.., (9, Err(error))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert_eq!(error.message, "Core failed 3 times within a minute: out of bounds");
}

#[test]
fn the_entries_change_little() {
    let mut keeper = Keeper::with_worker();
    let before = keeper.entries;
    keeper.turn([poll(3)]);
    keeper.turn([poll(4)]);
    assert_eq!(keeper.entries, before, "polls cost nothing");
}

/// Kept by the first core.wasm that kept account, in the middle of two workflows with activities, local activities and
/// a user's slot supplier. Written once, never anew: later modules must take it.
const FORMAT_1: &[u8] = include_bytes!("kept/format-1.bin");

#[test]
fn what_the_first_module_kept_is_taken_up() {
    let mut host = TestHost::default();
    let opening = Open::decode(FORMAT_1).unwrap();
    let given = token_of_given_activity(&opening.kept);
    let response = host.turn([input::Kind::Open(opening), poll(101), poll(102)]);
    assert_eq!(response.input_errors, []);
    let evictions = resolved(&response).into_iter().filter(|(call, _)| *call > 100);
    let evicted: Vec<_> = evictions.map(|(_, value)| value.unwrap()).collect();
    assert_eq!(evicted.len(), 2, "lang holds both runs, and owes no answer: {evicted:?}");
    assert!(evicted.iter().all(|value| String::from_utf8_lossy(value).contains("The instance that held this run")));
    let body = ActivityTaskCompletion { task_token: given.to_vec(), result: Some(completed()) }.encode_to_vec().into();
    let complete = WorkerComplete { worker: WORKER, kind: TaskKind::Activity.into(), call: 103, body };
    let response = host.turn([input::Kind::WorkerComplete(complete)]);
    assert!(
        starts(&response).iter().any(|start| start.uri.ends_with("/RespondActivityTaskCompleted")),
        "lang's activity is known: {response:?}"
    );
}

fn token_of_given_activity(kept: &[Kept]) -> bytes::Bytes {
    let activity = kept.iter().find(|kept| kept.key[0] == 9 && kept.key[5..].starts_with(b"token"));
    activity.expect("an activity of the server's").key.slice(5..)
}

fn completed() -> ActivityExecutionResult {
    ActivityExecutionResult {
        status: Some(activity_execution_result::Status::Completed(Success { result: Some(Default::default()) })),
    }
}

proptest! {
    /// Whatever becomes of the entries, the module does not trap, and says of no task that it is done.
    #[test]
    fn entries_with_any_damage_are_refused_or_taken_up(
        damages in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>(), 0..5_u8), 1..4),
    ) {
        let mut kept = Open::decode(FORMAT_1).unwrap().kept;
        for (which, place, byte, kind) in damages {
            let index = which.index(kept.len());
            damage(&mut kept, index, &place, byte, kind);
        }
        let (mut host, response) = opened_with(kept, None, vec![poll(101)]);
        let later = host.turn([poll(102)]);
        for start in starts(&response).into_iter().chain(starts(&later)) {
            prop_assert!(!start.uri.ends_with("Completed"), "{start:?}");
        }
    }
}

/// Changes a byte, cuts the end off, or takes the entry out.
fn damage(kept: &mut Vec<Kept>, index: usize, place: &Index, byte: u8, kind: u8) {
    if kind == 3 && kept.len() > 1 {
        return drop(kept.remove(index));
    }
    let entry = &mut kept[index];
    let part = match kind {
        0 => &mut entry.key,
        1 => &mut entry.state,
        2 => &mut entry.body,
        _ => return entry.body.truncate(place.index(entry.body.len() + 1)),
    };
    let mut bytes = part.to_vec();
    if !bytes.is_empty() {
        let place = place.index(bytes.len());
        bytes[place] = byte;
    }
    *part = bytes.into();
}

fn poll_activity(call: u64) -> input::Kind {
    input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: TaskKind::Activity.into(), call })
}

/// The poll that the turn made is answered with an activity task.
fn activity_came(response: &TurnResponse) -> input::Kind {
    let is_poll = |start: &RpcStart| start.uri.ends_with("/PollActivityTaskQueue");
    let rpc = starts(response).into_iter().find(is_poll).expect("Core polls").rpc;
    let task = PollActivityTaskQueueResponse {
        task_token: b"token".to_vec(),
        activity_id: "1".to_owned(),
        heartbeat_timeout: Some(Duration::from_secs(60).try_into().unwrap()),
        ..Default::default()
    };
    let answer = GrpcResponse { body: task.encode_to_vec().into(), metadata: Vec::new() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Response(answer)) })
}

/// A keeper whose lang has an activity task, and its value.
fn with_activity() -> (Keeper, Vec<u8>) {
    let mut keeper = Keeper::with_worker();
    let polls = keeper.turn([poll_activity(3)]);
    let given = keeper.turn([activity_came(&polls)]);
    let [(3, Ok(value))] = &resolved(&given)[..] else { panic!("{given:?}") };
    (keeper, value.clone())
}

#[test]
fn an_activity_that_lang_did_not_get_yet_is_given_after_all() {
    let mut keeper = Keeper::with_worker();
    let polls = keeper.turn([poll_activity(3)]);
    keeper.turn([input::Kind::CallCancelled(CallCancelled { call: 3 })]);
    keeper.turn([activity_came(&polls)]);
    let (mut host, _) = keeper.reopened(None, Vec::new());
    let response = host.turn([poll_activity(9)]);
    let [(9, Ok(value))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert!(value.windows(5).any(|window| window == b"token"), "{value:?}");
}

#[test]
fn an_activity_that_came_back_is_given_again_byte_for_byte() {
    let (mut keeper, value) = with_activity();
    let undelivered = Undelivered { worker: WORKER, kind: TaskKind::Activity.into(), value: value.clone().into() };
    keeper.turn([input::Kind::Undelivered(undelivered)]);
    let (mut host, _) = keeper.reopened(None, Vec::new());
    assert_eq!(resolved(&host.turn([poll_activity(9)])), [(9, Ok(value))]);
}

#[test]
fn an_activity_that_lang_has_is_not_given_again_and_its_heartbeats_go_on() {
    let (mut keeper, _) = with_activity();
    let body = ActivityHeartbeat { task_token: b"token".to_vec(), details: Vec::new() }.encode_to_vec().into();
    keeper.turn([input::Kind::WorkerHeartbeat(WorkerHeartbeat { worker: WORKER, body })]);
    let (mut host, response) = keeper.reopened(None, vec![poll_activity(9)]);
    assert!(resolved(&response).iter().all(|(call, _)| *call != 9), "{response:?}");
    let beats = |response: &TurnResponse| {
        starts(response).iter().filter(|start| start.uri.ends_with("/RecordActivityTaskHeartbeat")).count()
    };
    host.pass(1_000_000);
    assert_eq!(beats(&response) + beats(&host.turn([])), 1, "nobody knows whether the last one arrived");
}

#[test]
fn an_answered_activity_is_forgotten() {
    let (mut keeper, _) = with_activity();
    let before = keeper.kept.len();
    let body =
        ActivityTaskCompletion { task_token: b"token".to_vec(), result: Some(completed()) }.encode_to_vec().into();
    let complete = WorkerComplete { worker: WORKER, kind: TaskKind::Activity.into(), call: 4, body };
    let answer = keeper.turn([input::Kind::WorkerComplete(complete)]);
    assert_eq!(keeper.kept.len(), before, "until the server has it");
    keeper.turn([answered(&answer, 0)]);
    assert_eq!(keeper.kept.len(), before - 1);
}

/// A trap whose input was alone in its turn, for the second time.
fn trapped_again_by(kind: input::Kind) -> Trapped {
    let alone = Input { kind: Some(kind), repetition: Repetition::Trapped.into() }.encode_to_vec().into();
    Trapped { text: "out of bounds".to_owned(), alone, at_ns: vec![1], ..Trapped::default() }
}

fn given_again(kind: input::Kind) -> Vec<Input> {
    vec![Input { kind: Some(kind), repetition: Repetition::Trapped.into() }]
}

#[test]
fn the_call_of_a_culprit_is_answered_once_it_is_given_again() {
    let complete = || {
        let complete =
            WorkerComplete { worker: WORKER, kind: TaskKind::Activity.into(), call: 9, body: Default::default() };
        input::Kind::WorkerComplete(complete)
    };
    let (mut host, response) = Keeper::with_worker().reopened(Some(trapped_again_by(complete())), Vec::new());
    assert!(resolved(&response).iter().all(|(call, _)| *call != 9), "the host does not know yet that it is asked");
    let [(9, Err(error))] = &resolved(&host.turn_raw(given_again(complete())))[..] else { panic!("no answer") };
    assert_eq!(error.message, "Core failed: out of bounds");
    assert_eq!(resolved(&host.turn_raw(given_again(complete())))[0].0, 9, "whoever asks anew is heard by Core");
}

#[test]
fn an_input_is_not_taken_for_the_culprit_whose_caller_has_left() {
    let complete = |call| {
        let body = ActivityTaskCompletion { task_token: b"token".to_vec(), result: Some(completed()) };
        let body = body.encode_to_vec().into();
        let complete = WorkerComplete { worker: WORKER, kind: TaskKind::Activity.into(), call, body };
        input::Kind::WorkerComplete(complete)
    };
    let (keeper, _) = with_activity();
    let (mut host, _) = keeper.reopened(Some(trapped_again_by(complete(9))), Vec::new());
    let response = host.turn_raw(given_again(poll_activity(10)));
    let polls = starts(&response).iter().filter(|start| start.uri.ends_with("/PollActivityTaskQueue")).count();
    assert!(polls > 0, "the poll was heard: {response:?}");
}
