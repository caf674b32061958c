//! Spec 6, 17(18): how many polls run, and when.

use std::time::Duration;

use crate::common::{Harness, config, fixed, pollers};
use corewasm_host::code;
use corewasm_host::envelope::{
    AutoscalingPollers, CustomSlots, PollerBehavior, SlotReserved, SlotSupplier, WorkerConfig, effect, input,
    poller_behavior, slot_supplier,
};
use corewasm_testkit::HistoryBuilder;
use corewasm_worker::service::{RetryKind, ServiceErrorKind};
use temporalio_protos::temporal::api::taskqueue::v1::PollerScalingDecision;
use temporalio_protos::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse;

fn polls(harness: &Harness) -> (usize, usize) {
    (harness.service.polls(false), harness.service.polls(true))
}

fn autoscaling(minimum: u32, maximum: u32, initial: u32) -> Option<PollerBehavior> {
    let scaling = AutoscalingPollers { minimum, maximum, initial };
    Some(PollerBehavior { kind: Some(poller_behavior::Kind::Autoscaling(scaling)) })
}

/// An empty poll that advises this change.
fn advice(delta: i32) -> PollWorkflowTaskQueueResponse {
    PollWorkflowTaskQueueResponse {
        poller_scaling_decision: Some(PollerScalingDecision { poll_request_delta_suggestion: delta }),
        ..Default::default()
    }
}

fn scaling_harness(minimum: u32, maximum: u32, initial: u32) -> Harness {
    let mut harness = Harness::with(WorkerConfig {
        max_cached_workflows: 0,
        workflow_pollers: autoscaling(minimum, maximum, initial),
        workflow_slots: Some(fixed(100)),
        ..config()
    });
    let _polled = harness.poll();
    harness
}

#[test]
fn pollers_are_split_between_the_queues_by_the_ratio() {
    for (maximum, ratio, expected) in [(5, 0.2, (1, 4)), (10, 0.5, (5, 5)), (2, 0.9, (1, 1))] {
        let mut harness = Harness::with(WorkerConfig {
            max_cached_workflows: 100,
            workflow_slots: Some(fixed(100)),
            workflow_pollers: Some(pollers(maximum)),
            nonsticky_to_sticky_poll_ratio: ratio,
            ..config()
        });
        let _polled = harness.poll();
        assert_eq!(polls(&harness), expected);
    }
}

/// Upstream: both_normal_and_sticky_pollers_poll_concurrently.
#[test]
fn two_slots_serve_both_queues() {
    let mut harness =
        Harness::with(WorkerConfig { workflow_slots: Some(fixed(2)), workflow_pollers: Some(pollers(10)), ..config() });
    let _polled = harness.poll();
    assert_eq!(polls(&harness), (1, 1));
}

#[test]
fn no_more_polls_than_slots() {
    let mut harness =
        Harness::with(WorkerConfig { max_cached_workflows: 0, workflow_slots: Some(fixed(1)), ..config() });
    let _polled = harness.poll();
    assert_eq!(polls(&harness), (1, 0));
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    harness.give_task(history.whole().poll_response());
    assert_eq!(polls(&harness), (0, 0), "the slot is in use");
}

#[test]
fn scaling_pollers_follow_the_servers_advice_within_bounds() {
    let mut harness = scaling_harness(1, 4, 2);
    assert_eq!(polls(&harness).0, 2);
    harness.give_task(advice(1));
    assert_eq!(polls(&harness).0, 3);
    harness.give_task(advice(10));
    assert_eq!(polls(&harness).0, 4);
    harness.give_task(advice(-10));
    for _ in 0..3 {
        harness.give_task(advice(0));
    }
    assert_eq!(polls(&harness).0, 1);
}

#[test]
fn an_empty_poll_scales_down_only_once_the_server_has_advised() {
    let mut harness = scaling_harness(1, 4, 2);
    harness.give_task(PollWorkflowTaskQueueResponse::default());
    assert_eq!(polls(&harness).0, 2);
    harness.give_task(advice(0));
    harness.give_task(PollWorkflowTaskQueueResponse::default());
    assert_eq!(polls(&harness).0, 1);
}

#[test]
fn a_scaling_poller_backs_off_after_an_error_and_keeps_its_place() {
    let mut harness = scaling_harness(1, 1, 1);
    let call = harness.service.take_poll(false);
    assert!(matches!(call.call.retry, RetryKind::ScalingTaskPoll));
    call.fail_as(ServiceErrorKind::ShortCircuited, code::CANCELLED, "again");
    harness.turn();
    harness.advance(Duration::from_millis(150));
    assert_eq!(polls(&harness).0, 0);
    harness.advance(Duration::from_millis(100));
    assert_eq!(polls(&harness).0, 1);
    harness.service.take_poll(false).fail_as(ServiceErrorKind::ShortCircuited, code::RESOURCE_EXHAUSTED, "slow down");
    harness.turn();
    harness.advance(Duration::from_millis(790));
    assert_eq!(polls(&harness).0, 0);
    harness.advance(Duration::from_millis(420));
    assert_eq!(polls(&harness).0, 1);
}

#[test]
fn the_hosts_supplier_is_asked_before_each_poll_and_gets_every_permit_back_once() {
    let custom = SlotSupplier { kind: Some(slot_supplier::Kind::Custom(CustomSlots {})) };
    let mut harness = Harness::with(WorkerConfig {
        max_cached_workflows: 0,
        workflow_pollers: Some(pollers(1)),
        workflow_slots: Some(custom),
        ..config()
    });
    let _polled = harness.poll();
    assert_eq!(polls(&harness).0, 0);
    harness.input(input::Kind::SlotReserved(SlotReserved { request: 1, permit: 5 }));
    assert_eq!(polls(&harness).0, 1);
    harness.give_task(PollWorkflowTaskQueueResponse::default());
    harness.initiate_shutdown();
    let mut seen = Vec::new();
    for effect in &harness.effects {
        match effect {
            effect::Kind::SlotReserve(reserve) => seen.push(format!("reserve {}", reserve.request)),
            effect::Kind::SlotReserveCancel(cancel) => seen.push(format!("cancel {}", cancel.request)),
            effect::Kind::SlotRelease(release) => seen.push(format!("release {} {:?}", release.permit, release.info)),
            _ => {}
        }
    }
    // The next permit is asked for while a poll runs: it must be there when the poll's place is free.
    assert_eq!(seen, ["reserve 1", "reserve 2", "release 5 None", "cancel 2"]);
}

/// Upstream: small_cache_does_not_starve_nonsticky_poller. The sticky poll keeps its permit; the normal queue's polls
/// time out again and again, and each time its place is wanted by five sticky pollers too.
#[test]
fn a_small_cache_does_not_starve_the_normal_queue() {
    let mut harness = Harness::with(WorkerConfig {
        max_cached_workflows: 2,
        workflow_slots: Some(fixed(10)),
        workflow_pollers: Some(pollers(10)),
        ..config()
    });
    let polled = harness.poll();
    for _ in 0..20 {
        assert_eq!(polls(&harness), (1, 1));
        harness.give_task(PollWorkflowTaskQueueResponse::default());
    }
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    harness.give_task(history.whole().poll_response());
    assert!(polled.borrow().is_some());
}
