//! When polls for local activities end (spec 4.5.4), and what a new instance takes over.

use crate::local_activity::support::*;
use corewasm_worker::local_activities::LocalActivityObservation;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;

#[test]
fn without_work_they_end_with_the_workflows() {
    let mut fixture = Fixture::new(1);
    assert!(!fixture.executor.is_finished());
    fixture.executor.handle_workflows_shut_down();
    assert!(fixture.executor.is_finished());
}

#[test]
fn a_queued_activity_is_dispatched_after_the_workflows_shut_down() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.executor.handle_workflows_shut_down();
    assert!(!fixture.executor.is_finished());
    let (token, _) = fixture.expect_start();
    assert!(!fixture.executor.is_finished());
    fixture.complete(&token, success());
    assert!(fixture.executor.is_finished());
    assert!(is_completed(&fixture.expect_resolved()));
}

#[test]
fn a_cancelled_activity_holds_shutdown_no_longer() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.executor.handle_workflows_shut_down();
    fixture.cancel(1);
    assert!(fixture.executor.is_finished());
}

#[test]
fn a_backoff_is_abandoned() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure());
    assert!(fixture.executor.is_idle());
    fixture.executor.handle_workflows_shut_down();
    assert!(fixture.executor.is_finished());
    assert_eq!(fixture.executor.next_deadline(), None);
    fixture.advance(secs(10));
    assert_eq!(fixture.poll(), None);
}

#[test]
fn before_that_a_backoff_goes_on_during_shutdown() {
    let mut fixture = Fixture::new(2);
    fixture.request([execute_in(RUN, activity(1)), execute_in(RUN, activity(2))]);
    let (first, _) = fixture.expect_start();
    let (second, _) = fixture.expect_start();
    fixture.complete(&first, failure());
    fixture.executor.handle_workflows_shut_down();
    fixture.advance(secs(1));
    assert_eq!(fixture.expect_start().1.attempt, 2);
    fixture.complete(&second, success());
    assert!(!fixture.executor.is_finished());
}

#[test]
fn requests_after_the_end_are_dropped_and_logged() {
    let mut fixture = Fixture::new(1);
    fixture.executor.handle_workflows_shut_down();
    fixture.execute(activity(1));
    assert_eq!(fixture.poll(), None);
    assert_eq!(fixture.observed, [LocalActivityObservation::RequestAfterShutdown { run_id: RUN.to_owned() }]);
}

#[test]
fn attempts_of_an_earlier_instance_are_cancelled_and_keep_their_permits_until_lang_is_done() {
    let mut fixture = Fixture::new(5);
    let token = b"local_act_\x07\0\0\0";
    let permit = fixture.permit();
    fixture.executor.handle_adopted(token, permit);
    assert!(fixture.executor.is_awaited(token));
    assert_eq!(fixture.expect_cancel(), (token.to_vec(), ActivityCancelReason::Cancelled));
    fixture.executor.handle_workflows_shut_down();
    assert!(!fixture.executor.is_finished());
    fixture.complete(token, success());
    assert_eq!(fixture.used_slots(), 0);
    assert!(fixture.executor.is_finished());
    assert!(fixture.resolved.is_empty() && fixture.observed.is_empty());
}

#[test]
fn no_token_of_an_adopted_attempt_is_issued_again() {
    let mut fixture = Fixture::new(5);
    let permit = fixture.permit();
    fixture.executor.handle_adopted(b"local_act_\x07\0\0\0", permit);
    fixture.expect_cancel();
    fixture.execute(activity(1));
    assert_eq!(fixture.expect_start().0, b"local_act_\x08\0\0\0");
}
