//! Whether and when a local activity is tried again (spec 4.4).

use std::num::NonZeroU32;
use std::time::Duration;

use corewasm_worker::local_activities::retry_policy::ResolvedRetryPolicy;
use proptest::prelude::*;
use temporalio_protos::temporal::api::common::v1::RetryPolicy;
use temporalio_protos::temporal::api::failure::v1::ApplicationFailureInfo;

fn proto(duration: Duration) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: duration.as_secs() as i64, nanos: duration.subsec_nanos() as i32 })
}

fn attempt(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("tests count attempts from 1")
}

fn policy(initial: Duration, coefficient: f64, maximum: Duration, attempts: i32) -> ResolvedRetryPolicy {
    ResolvedRetryPolicy::resolve(&RetryPolicy {
        initial_interval: proto(initial),
        backoff_coefficient: coefficient,
        maximum_interval: proto(maximum),
        maximum_attempts: attempts,
        non_retryable_error_types: vec![],
    })
}

fn failure(error_type: &str) -> ApplicationFailureInfo {
    ApplicationFailureInfo { r#type: error_type.to_owned(), ..Default::default() }
}

#[test]
fn an_empty_policy_gets_every_default() {
    let resolved = ResolvedRetryPolicy::resolve(&RetryPolicy::default());
    assert_eq!(resolved.initial_interval, Duration::from_secs(1));
    assert_eq!(resolved.backoff_coefficient, 2.0);
    assert_eq!(resolved.maximum_interval, Duration::from_secs(100));
    assert_eq!(resolved.maximum_attempts, 0);
    assert!(resolved.non_retryable_error_types.is_empty());
}

#[test]
fn only_invalid_fields_get_a_default() {
    let given = RetryPolicy {
        initial_interval: proto(Duration::from_secs(2)),
        backoff_coefficient: 0.5,
        maximum_interval: Some(prost_types::Duration { seconds: -5, nanos: 0 }),
        maximum_attempts: -1,
        non_retryable_error_types: vec!["a".to_owned()],
    };
    let resolved = ResolvedRetryPolicy::resolve(&given);
    assert_eq!(resolved.initial_interval, Duration::from_secs(2));
    assert_eq!(resolved.backoff_coefficient, 2.0);
    assert_eq!(resolved.maximum_interval, Duration::from_secs(200));
    assert_eq!(resolved.maximum_attempts, 0);
    assert_eq!(resolved.non_retryable_error_types, ["a"]);
}

#[test]
fn a_negative_initial_interval_gets_the_default() {
    let given =
        RetryPolicy { initial_interval: Some(prost_types::Duration { seconds: -1, nanos: 0 }), ..Default::default() };
    assert_eq!(ResolvedRetryPolicy::resolve(&given).initial_interval, Duration::from_secs(1));
}

#[test]
fn the_maximum_interval_is_raised_to_the_initial_one() {
    let resolved = policy(Duration::from_secs(5), 1.0, Duration::from_secs(3), 0);
    assert_eq!(resolved.maximum_interval, Duration::from_secs(5));
}

#[test]
fn a_maximum_interval_that_the_protocol_cannot_express_is_the_initial_one() {
    let given = RetryPolicy {
        initial_interval: Some(prost_types::Duration { seconds: i64::MAX / 50, nanos: 0 }),
        ..Default::default()
    };
    let resolved = ResolvedRetryPolicy::resolve(&given);
    assert_eq!(resolved.maximum_interval, resolved.initial_interval);
}

#[test]
fn delays_grow_by_the_coefficient_up_to_the_maximum() {
    let resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 10);
    let delays: Vec<_> = (1..=9).map(|number| resolved.delay_after(attempt(number), None)).collect();
    let expected = [1, 2, 4, 8, 10, 10, 10, 10, 10].map(|seconds| Some(Duration::from_secs(seconds)));
    assert_eq!(delays, expected);
    assert_eq!(resolved.delay_after(attempt(10), None), None, "the tenth attempt was the last");
}

#[test]
fn a_delay_too_large_to_compute_is_the_maximum() {
    let resolved = policy(Duration::from_secs(1), 10.0, Duration::from_secs(86_400), 0);
    assert_eq!(resolved.delay_after(attempt(u32::MAX), None), Some(Duration::from_secs(86_400)));
    assert_eq!(resolved.delay_after(attempt(1_000_000), None), Some(Duration::from_secs(86_400)));
}

#[test]
fn a_non_retryable_failure_ends_the_activity() {
    let resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 0);
    let info = ApplicationFailureInfo { non_retryable: true, ..Default::default() };
    assert_eq!(resolved.delay_after(attempt(1), Some(&info)), None);
}

#[test]
fn a_listed_error_type_ends_the_activity_whatever_its_case() {
    let mut resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 0);
    resolved.non_retryable_error_types = vec!["NoRetryÄ".to_owned()];
    assert_eq!(resolved.delay_after(attempt(1), Some(&failure("noretryä"))), None);
    assert_eq!(resolved.delay_after(attempt(1), Some(&failure("other"))), Some(Duration::from_secs(1)));
}

#[test]
fn a_failure_without_application_info_has_the_empty_type() {
    let mut resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 0);
    resolved.non_retryable_error_types = vec![String::new()];
    assert_eq!(resolved.delay_after(attempt(1), None), None);
}

#[test]
fn an_explicit_delay_replaces_the_computed_one_even_above_the_maximum() {
    let resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 3);
    let info = ApplicationFailureInfo { next_retry_delay: proto(Duration::from_secs(50)), ..Default::default() };
    assert_eq!(resolved.delay_after(attempt(1), Some(&info)), Some(Duration::from_secs(50)));
    assert_eq!(resolved.delay_after(attempt(3), Some(&info)), None, "but it does not add attempts");
}

#[test]
fn an_invalid_explicit_delay_is_ignored() {
    let resolved = policy(Duration::from_secs(1), 2.0, Duration::from_secs(10), 0);
    let negative = Some(prost_types::Duration { seconds: -3, nanos: 0 });
    let info = ApplicationFailureInfo { next_retry_delay: negative, ..Default::default() };
    assert_eq!(resolved.delay_after(attempt(2), Some(&info)), Some(Duration::from_secs(2)));
}

prop_compose! {
    fn any_policy()(
        initial in proptest::option::of((any::<i64>(), any::<i32>())),
        coefficient in any::<f64>(),
        maximum in proptest::option::of((any::<i64>(), any::<i32>())),
        attempts in any::<i32>(),
    ) -> RetryPolicy {
        let duration = |(seconds, nanos)| prost_types::Duration { seconds, nanos };
        RetryPolicy {
            initial_interval: initial.map(duration),
            backoff_coefficient: coefficient,
            maximum_interval: maximum.map(duration),
            maximum_attempts: attempts,
            non_retryable_error_types: vec![],
        }
    }
}

proptest! {
    #[test]
    fn every_policy_resolves_to_a_valid_one(given in any_policy()) {
        let resolved = ResolvedRetryPolicy::resolve(&given);
        prop_assert!(resolved.backoff_coefficient >= 1.0);
        prop_assert!(resolved.maximum_interval >= resolved.initial_interval);
    }

    #[test]
    fn resolving_twice_changes_nothing(given in any_policy()) {
        let once = ResolvedRetryPolicy::resolve(&given);
        let written = RetryPolicy::from(once.clone());
        prop_assert_eq!(ResolvedRetryPolicy::resolve(&written), once);
    }

    #[test]
    fn delays_lie_between_the_initial_and_the_maximum_interval(given in any_policy(), number in 1..u32::MAX) {
        let resolved = ResolvedRetryPolicy::resolve(&given);
        match resolved.delay_after(attempt(number), None) {
            Some(delay) => {
                prop_assert!(delay <= resolved.maximum_interval);
                // Seconds as floating point lose the last nanoseconds of very long intervals.
                prop_assert!(delay.as_secs_f64() >= resolved.initial_interval.as_secs_f64() * (1.0 - 1e-9));
            }
            None => prop_assert!(resolved.maximum_attempts > 0 && number >= resolved.maximum_attempts),
        }
    }
}
