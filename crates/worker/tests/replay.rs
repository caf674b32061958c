//! Spec 12: replay workers and their pusher.

use crate::common::commands::{complete_workflow, start_timer};
use crate::common::{ReplayHarness, eviction, jobs, success};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use corewasm_worker::WorkerError;
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task();
    history.execution_completed();
    history
}

/// Replays one history with code that fits it.
fn replay_one(harness: &mut ReplayHarness) {
    assert_eq!(jobs(&harness.activation()), ["init"]);
    harness.complete(&success(RUN_ID, [start_timer(1)]));
    assert_eq!(jobs(&harness.activation()), ["timer"]);
    harness.complete(&success(RUN_ID, [complete_workflow()]));
    let (reason, message) = eviction(&harness.activation());
    assert_eq!(reason, i32::from(EvictionReason::LangRequested));
    assert_eq!(message, "Always evict workflows after replay");
    harness.complete(&success(RUN_ID, []));
}

#[test]
fn histories_of_the_same_run_replay_one_after_the_other() {
    let mut harness = ReplayHarness::new();
    let first = harness.push(one_timer().history_bytes());
    assert_eq!(first.borrow_mut().take(), Some(Ok(())));
    for _ in 0..3 {
        let next = harness.push(one_timer().history_bytes());
        replay_one(&mut harness);
        assert_eq!(next.borrow_mut().take(), Some(Ok(())));
    }
    replay_one(&mut harness);
    harness.replay.close();
    let ended = harness.poll();
    assert_eq!(ended.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
    let worker = harness.replay.worker().clone();
    let finalized = harness.spawn(async move { worker.finalize_shutdown().await });
    assert!(finalized.borrow().is_some());
}

#[test]
fn the_last_history_is_replayed_although_the_pusher_is_closed_already() {
    let mut harness = ReplayHarness::new();
    let _pushed = harness.push(one_timer().history_bytes());
    harness.replay.close();
    replay_one(&mut harness);
    let ended = harness.poll();
    assert_eq!(ended.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
}

#[test]
fn a_closed_pusher_takes_nothing_more() {
    let mut harness = ReplayHarness::new();
    harness.replay.close();
    let pushed = harness.push(one_timer().history_bytes());
    assert_eq!(pushed.borrow_mut().take(), Some(Err(WorkerError::PusherClosed)));
    let text = WorkerError::PusherClosed.to_string();
    assert_eq!(text, "Replay worker is no longer accepting new histories");
}

#[test]
fn the_third_history_waits_outside() {
    let mut harness = ReplayHarness::new();
    let _polled = harness.poll();
    assert!(harness.push(one_timer().history_bytes()).borrow().is_some(), "served");
    assert!(harness.push(one_timer().history_bytes()).borrow().is_some(), "kept");
    let third = harness.push(one_timer().history_bytes());
    assert!(third.borrow().is_none());
    harness.replay.worker().initiate_shutdown();
    harness.turn();
    assert_eq!(third.borrow_mut().take(), Some(Err(WorkerError::PusherClosed)));
}

#[test]
fn different_code_is_told_by_the_eviction() {
    let mut harness = ReplayHarness::new();
    let _pushed = harness.push(one_timer().history_bytes());
    assert_eq!(jobs(&harness.activation()), ["init"]);
    harness.complete(&success(RUN_ID, [complete_workflow()]));
    let (reason, message) = eviction(&harness.activation());
    assert_eq!(reason, i32::from(EvictionReason::Nondeterminism), "{message}");
    assert!(message.contains("TMPRL1100"), "{message}");
    harness.complete(&success(RUN_ID, []));
    let next = harness.push(one_timer().history_bytes());
    assert_eq!(next.borrow_mut().take(), Some(Ok(())));
    replay_one(&mut harness);
}

#[test]
fn a_history_that_can_not_be_replayed_is_refused_at_the_door() {
    let mut broken = HistoryBuilder::new();
    broken.workflow_task_pending();
    broken.signaled("after a started task nothing but its end can come");
    let cases: [(Vec<u8>, &str); 3] = [
        (Vec::new(), "History is empty!"),
        (broken.history_bytes(), "Invalid history!"),
        (vec![0xFF, 0x01, 0x02], "Invalid proto"),
    ];
    for (bytes, text) in cases {
        let mut harness = ReplayHarness::new();
        let pushed = harness.push(bytes).borrow_mut().take().expect("it does not hang");
        let error = pushed.expect_err("it is refused").to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn a_history_with_a_hole_fails_and_the_next_one_replays() {
    let mut history = one_timer().history();
    history.events.remove(4);
    let mut harness = ReplayHarness::new();
    let _pushed = harness.push(history.encode_to_vec());
    let mut activation = harness.activation();
    for _ in 0..3 {
        if jobs(&activation) == ["evict"] {
            break;
        }
        harness.complete(&success(RUN_ID, [start_timer(1)]));
        activation = harness.activation();
    }
    let (reason, message) = eviction(&activation);
    assert_ne!(reason, i32::from(EvictionReason::LangRequested), "{message}");
    harness.complete(&success(RUN_ID, []));
    let next = harness.push(one_timer().history_bytes());
    assert_eq!(next.borrow_mut().take(), Some(Ok(())));
    replay_one(&mut harness);
}
