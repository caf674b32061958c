//! Spec 4.5.1, 4.5.2, 17(7): cancelling local activities, one or all of a run.

use std::time::Duration;

use crate::local_activity::support::*;
use corewasm_engine::LocalActivityRequest;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;

#[test]
fn an_activity_that_backs_off_is_cancelled_at_once() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure());
    let resolutions = fixture.cancel(1);
    assert!(resolutions.len() == 1 && is_cancelled(&resolutions[0]));
    assert_eq!((resolutions[0].attempt, resolutions[0].runtime), (0, Duration::ZERO));
    fixture.advance(secs(10));
    assert_eq!(fixture.poll(), None);
    assert!(fixture.executor.is_idle());
}

#[test]
fn a_retry_that_is_queued_already_is_cancelled_at_once() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure());
    fixture.advance(secs(1));
    assert!(is_cancelled(&fixture.cancel(1)[0]));
    assert_eq!(fixture.poll(), None);
}

#[test]
fn an_activity_that_lang_holds_is_cancelled_by_lang() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    assert_eq!(fixture.cancel(1), []);
    assert_eq!(fixture.expect_cancel(), (token.clone(), ActivityCancelReason::Cancelled));
    fixture.complete(&token, cancelled());
    let resolution = fixture.expect_resolved();
    assert!(is_cancelled(&resolution));
    assert_eq!(resolution.attempt, 1);
    assert_eq!(fixture.used_slots(), 0);
}

#[test]
fn cancels_need_no_slot_and_go_before_starts() {
    let mut fixture = Fixture::new(1);
    fixture.request([execute_in(RUN, activity(1)), execute_in(RUN, activity(2))]);
    let (token, _) = fixture.expect_start();
    fixture.cancel(1);
    assert_eq!(fixture.expect_cancel().0, token);
    assert_eq!(fixture.poll(), None);
}

#[test]
fn asking_twice_cancels_once_and_the_delivery_is_told() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.expect_start();
    let taken = fixture.request([LocalActivityRequest::Cancel { seq: 1 }, LocalActivityRequest::CancelAll]);
    assert!(taken.undelivered_cancels);
    assert!(fixture.cancels_delivered.is_empty());
    fixture.expect_cancel();
    assert_eq!(fixture.cancels_delivered, [RUN]);
    assert!(!fixture.request([LocalActivityRequest::CancelAll]).undelivered_cancels);
    assert_eq!(fixture.poll(), None);
}

#[test]
fn a_cancel_whose_attempt_has_ended_is_not_delivered() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.cancel(1);
    fixture.complete(&token, success());
    assert_eq!(fixture.poll(), None);
    assert!(fixture.cancels_delivered.is_empty());
    assert!(!fixture.executor.has_undelivered_cancels(RUN));
}

#[test]
fn a_failure_after_the_request_is_not_retried_whether_lang_knew_or_not() {
    for lang_knew in [true, false] {
        let mut fixture = Fixture::new(1);
        fixture.execute(activity(1));
        let (token, _) = fixture.expect_start();
        fixture.cancel(1);
        if lang_knew {
            fixture.expect_cancel();
        }
        fixture.complete(&token, failure());
        let resolution = fixture.expect_resolved();
        assert!(is_failed(&resolution), "with what it reported");
        assert_eq!(resolution.backoff, None);
    }
}

#[test]
fn a_success_after_the_request_is_a_success() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.cancel(1);
    fixture.expect_cancel();
    fixture.complete(&token, success());
    assert!(is_completed(&fixture.expect_resolved()));
}

#[test]
fn a_queued_activity_is_dropped_and_resolved() {
    let mut fixture = Fixture::new(1);
    let taken = fixture.request([execute_in(RUN, activity(1)), LocalActivityRequest::Cancel { seq: 1 }]);
    assert!(is_cancelled(&taken.resolutions[0]));
    assert!(!taken.undelivered_cancels);
    assert_eq!(fixture.poll(), None);
    assert_eq!(fixture.used_slots(), 0);
}

#[test]
fn cancelling_all_of_a_run_resolves_nothing_at_once() {
    let mut fixture = Fixture::new(2);
    fixture.request([execute_in(RUN, activity(1)), execute_in(RUN, activity(2)), execute_in(RUN, activity(3))]);
    let (backing_off, _) = fixture.expect_start();
    let (held, _) = fixture.expect_start();
    fixture.complete(&backing_off, failure());
    let taken = fixture.request([LocalActivityRequest::CancelAll]);
    assert_eq!(taken.resolutions, []);
    assert!(taken.undelivered_cancels);
    assert_eq!(fixture.expect_cancel().0, held);
    fixture.advance(secs(10));
    assert_eq!(fixture.poll(), None, "neither the queued nor the backing-off one starts");
    fixture.complete(&held, cancelled());
    assert!(is_cancelled(&fixture.expect_resolved()), "what lang held still reports");
    assert!(fixture.executor.is_idle());
}

#[test]
fn cancelling_what_is_not_there_does_nothing() {
    let mut fixture = Fixture::new(1);
    assert_eq!(fixture.cancel(42), []);
    assert_eq!(fixture.poll(), None);
}
