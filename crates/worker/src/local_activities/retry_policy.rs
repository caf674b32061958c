//! When a failed local activity is tried again (spec 4.4). The service decides this for other activities.

use std::num::NonZeroU32;
use std::time::Duration;

use temporalio_protos::temporal::api::common::v1::RetryPolicy;
use temporalio_protos::temporal::api::failure::v1::ApplicationFailureInfo;

use crate::activities::durations;

const DEFAULT_INITIAL_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_BACKOFF_COEFFICIENT: f64 = 2.0;
const DEFAULT_MAXIMUM_INTERVAL_FACTOR: u32 = 100;

/// A retry policy with every field valid: the coefficient is at least 1, the maximum interval at least the initial one.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedRetryPolicy {
    /// Delay after the first attempt.
    pub initial_interval: Duration,
    /// Growth of the delay from attempt to attempt.
    pub backoff_coefficient: f64,
    /// Longest delay.
    pub maximum_interval: Duration,
    /// Attempts in all; 0 means without limit.
    pub maximum_attempts: u32,
    /// Types of application failures that end the activity.
    pub non_retryable_error_types: Vec<String>,
}

impl ResolvedRetryPolicy {
    /// The policy with each missing or invalid field replaced by its default (spec 4.4.1).
    pub fn resolve(policy: &RetryPolicy) -> Self {
        let initial_interval =
            policy.initial_interval.as_ref().and_then(durations::from_proto).unwrap_or(DEFAULT_INITIAL_INTERVAL);
        let valid_coefficient = policy.backoff_coefficient >= 1.0;
        Self {
            initial_interval,
            backoff_coefficient: if valid_coefficient {
                policy.backoff_coefficient
            } else {
                DEFAULT_BACKOFF_COEFFICIENT
            },
            maximum_interval: resolve_maximum_interval(policy, initial_interval),
            maximum_attempts: u32::try_from(policy.maximum_attempts).unwrap_or(0),
            non_retryable_error_types: policy.non_retryable_error_types.clone(),
        }
    }

    /// How long to wait after `attempt` (from 1) failed by `failure`; `None`: the activity is not tried again (spec
    /// 4.4.2). A failure without application info, such as a time-out, is `None`.
    pub fn delay_after(&self, attempt: NonZeroU32, failure: Option<&ApplicationFailureInfo>) -> Option<Duration> {
        if self.is_final(attempt, failure) {
            return None;
        }
        let explicit = failure.and_then(|info| info.next_retry_delay.as_ref()).and_then(durations::from_proto);
        Some(explicit.unwrap_or_else(|| self.computed_delay(attempt)))
    }

    fn is_final(&self, attempt: NonZeroU32, failure: Option<&ApplicationFailureInfo>) -> bool {
        let exhausted = self.maximum_attempts > 0 && attempt.get() >= self.maximum_attempts;
        let error_type = failure.map_or("", |info| info.r#type.as_str()).to_lowercase();
        exhausted
            || failure.is_some_and(|info| info.non_retryable)
            || self.non_retryable_error_types.iter().any(|listed| listed.to_lowercase() == error_type)
    }

    fn computed_delay(&self, attempt: NonZeroU32) -> Duration {
        if attempt.get() == 1 {
            return self.initial_interval;
        }
        self.grown_interval(attempt).map_or(self.maximum_interval, |delay| delay.min(self.maximum_interval))
    }

    /// `None` if it is too long to express.
    fn grown_interval(&self, attempt: NonZeroU32) -> Option<Duration> {
        let exponent = i32::try_from(attempt.get()).ok()? - 1;
        let factor = self.backoff_coefficient.powi(exponent);
        Duration::try_from_secs_f64(factor * self.initial_interval.as_secs_f64()).ok()
    }
}

impl From<ResolvedRetryPolicy> for RetryPolicy {
    fn from(policy: ResolvedRetryPolicy) -> Self {
        Self {
            initial_interval: durations::to_proto(policy.initial_interval),
            backoff_coefficient: policy.backoff_coefficient,
            maximum_interval: durations::to_proto(policy.maximum_interval),
            maximum_attempts: i32::try_from(policy.maximum_attempts).unwrap_or(i32::MAX),
            non_retryable_error_types: policy.non_retryable_error_types,
        }
    }
}

fn resolve_maximum_interval(policy: &RetryPolicy, initial_interval: Duration) -> Duration {
    if let Some(maximum) = policy.maximum_interval.as_ref().and_then(durations::from_proto) {
        return maximum.max(initial_interval);
    }
    let maximum = initial_interval.saturating_mul(DEFAULT_MAXIMUM_INTERVAL_FACTOR);
    // The policy is written into the task, so that the interval has to fit the protocol's type.
    if durations::to_proto(maximum).is_some() { maximum } else { initial_interval }
}
