//! When a failed call is made again, and after which pause (spec 10.2).

use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::{GrpcStatus, Host, Level, code, envelope::RetryConfig};
use serde_json::json;

use crate::call::RpcError;

const LOG_TARGET: &str = "temporalio_client::retry";

/// Codes that are worth another attempt (spec 10.2.2).
const RETRYABLE: [u32; 7] = [
    code::DATA_LOSS,
    code::INTERNAL,
    code::UNKNOWN,
    code::RESOURCE_EXHAUSTED,
    code::ABORTED,
    code::OUT_OF_RANGE,
    code::UNAVAILABLE,
];

/// For this long a task poll puts up with any error: proxies answer strangely while they start (spec 10.2.3).
const TASK_POLL_GRACE: Duration = Duration::from_secs(60);

/// A message over the limit stays so however often it is sent (spec 10.2.4).
const TOO_LARGE_TEXTS: [&str; 3] = [
    "grpc: received message larger than max",
    "grpc: message after decompression larger than max",
    "grpc: received message after decompression larger than max",
];

/// A retry policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryOptions {
    /// The first pause.
    pub initial_interval: Duration,
    /// Each pause is longer or shorter by up to this part of it.
    pub randomization_factor: f64,
    /// Each pause is this many times the one before.
    pub multiplier: f64,
    /// No pause is longer, jitter aside.
    pub max_interval: Duration,
    /// No attempt begins later than this after the first; none: no limit.
    pub max_elapsed_time: Option<Duration>,
    /// Attempts in all; 0: no limit.
    pub max_attempts: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            initial_interval: Duration::from_millis(100),
            randomization_factor: 0.2,
            multiplier: 1.7,
            max_interval: Duration::from_secs(5),
            max_elapsed_time: Some(Duration::from_secs(10)),
            max_attempts: 10,
        }
    }
}

impl RetryOptions {
    /// For polls of tasks: for ever.
    pub const fn task_poll() -> Self {
        Self::unlimited(Duration::from_millis(200))
    }

    /// One attempt.
    pub const fn no_retries() -> Self {
        Self { max_attempts: 1, randomization_factor: 0.0, ..Self::unlimited(Duration::ZERO) }
    }

    /// After ResourceExhausted, the longer of this pause and the ordinary one is made.
    const fn throttle() -> Self {
        Self::unlimited(Duration::from_secs(1))
    }

    const fn unlimited(initial_interval: Duration) -> Self {
        Self {
            initial_interval,
            randomization_factor: 0.2,
            multiplier: 2.0,
            max_interval: Duration::from_secs(10),
            max_elapsed_time: None,
            max_attempts: 0,
        }
    }
}

impl From<RetryConfig> for RetryOptions {
    fn from(config: RetryConfig) -> Self {
        Self {
            initial_interval: Duration::from_nanos(config.initial_interval_ns),
            randomization_factor: config.randomization_factor,
            multiplier: config.multiplier,
            max_interval: Duration::from_nanos(config.max_interval_ns),
            max_elapsed_time: config.max_elapsed_ns.map(Duration::from_nanos),
            max_attempts: config.max_retries,
        }
    }
}

/// What becomes of a failed attempt.
#[derive(Debug)]
pub(crate) enum Verdict {
    RetryAfter(Duration),
    GiveUp(RpcError),
}

/// The retries of one call.
pub(crate) struct RetryState {
    host: Host,
    method: String,
    options: RetryOptions,
    is_task_poll: bool,
    no_retry_on: Option<fn(&GrpcStatus) -> bool>,
    started_at: Instant,
    failed_attempts: u32,
    backoff: Backoff,
    throttle: Backoff,
}

impl RetryState {
    pub(crate) fn new(
        host: Host,
        method: &str,
        options: RetryOptions,
        is_task_poll: bool,
        no_retry_on: Option<fn(&GrpcStatus) -> bool>,
    ) -> Self {
        let started_at = host.now().monotonic;
        Self {
            host,
            method: method.to_owned(),
            options,
            is_task_poll,
            no_retry_on,
            started_at,
            failed_attempts: 0,
            backoff: Backoff::new(options),
            throttle: Backoff::new(RetryOptions::throttle()),
        }
    }

    /// Judges a failed attempt. The order of the questions is part of the behaviour.
    pub(crate) fn handle_failure(&mut self, status: GrpcStatus) -> Verdict {
        self.failed_attempts += 1;
        let out_of_attempts = self.options.max_attempts > 0 && self.failed_attempts >= self.options.max_attempts;
        if out_of_attempts {
            return Verdict::GiveUp(RpcError::from(status));
        }
        if self.no_retry_on.is_some_and(|matches| matches(&status)) {
            return Verdict::GiveUp(RpcError { short_circuit: true, ..RpcError::from(status) });
        }
        if is_message_too_large(&status) {
            return Verdict::GiveUp(RpcError { message_too_large: true, ..RpcError::from(status) });
        }
        if self.is_retryable(&status) {
            self.log_retry(&status);
            return self.pause(&status).map_or_else(|| Verdict::GiveUp(status.into()), Verdict::RetryAfter);
        }
        if self.is_task_poll && self.elapsed() <= TASK_POLL_GRACE {
            return Verdict::RetryAfter(self.options.max_interval);
        }
        Verdict::GiveUp(status.into())
    }

    fn is_retryable(&self, status: &GrpcStatus) -> bool {
        let ended_poll = self.is_task_poll && [code::CANCELLED, code::DEADLINE_EXCEEDED].contains(&status.code);
        let lost_connection = status.code == code::CANCELLED && status.transport;
        RETRYABLE.contains(&status.code) || ended_poll || lost_connection
    }

    /// None if the time is up.
    fn pause(&mut self, status: &GrpcStatus) -> Option<Duration> {
        let pause = self.backoff.next(&self.host);
        if self.options.max_elapsed_time.is_some_and(|max| self.elapsed() + pause > max) {
            return None;
        }
        if status.code != code::RESOURCE_EXHAUSTED {
            return Some(pause);
        }
        Some(pause.max(self.throttle.next(&self.host)))
    }

    fn elapsed(&self) -> Duration {
        self.host.now().monotonic.since(self.started_at)
    }

    /// Spec 10.2.6.
    fn log_retry(&self, status: &GrpcStatus) {
        let (attempts, method) = (self.failed_attempts, &self.method);
        let error = [("error", json!(describe(status)))];
        if attempts == 1 {
            let text = format!("gRPC call {method} failed on first attempt");
            return self.host.debug(LOG_TARGET, text, &error);
        }
        let unlimited = self.options.max_attempts == 0;
        let worth_a_word = if unlimited { attempts > 5 } else { attempts * 2 >= self.options.max_attempts };
        if worth_a_word {
            let level = if unlimited && attempts > 15 { Level::Error } else { Level::Warn };
            self.host.event(level, LOG_TARGET, format!("gRPC call {method} retried {attempts} times"), &error);
        }
    }
}

/// Pauses that grow.
struct Backoff {
    options: RetryOptions,
    next: Duration,
}

impl Backoff {
    const fn new(options: RetryOptions) -> Self {
        Self { options, next: options.initial_interval }
    }

    fn next(&mut self, host: &Host) -> Duration {
        let pause = self.next;
        let grown = Duration::try_from_secs_f64(pause.as_secs_f64() * self.options.multiplier);
        self.next = grown.unwrap_or(self.options.max_interval).min(self.options.max_interval);
        jittered(host, pause, self.options.randomization_factor)
    }
}

/// `pause`, longer or shorter by up to `factor` of it.
fn jittered(host: &Host, pause: Duration, factor: f64) -> Duration {
    if factor <= 0.0 {
        return pause;
    }
    let spread = factor * (2.0 * host.random_fraction() - 1.0);
    Duration::try_from_secs_f64(pause.as_secs_f64() * (1.0 + spread).max(0.0)).unwrap_or(pause)
}

fn is_message_too_large(status: &GrpcStatus) -> bool {
    status.code == code::RESOURCE_EXHAUSTED && TOO_LARGE_TEXTS.iter().any(|text| status.message.starts_with(text))
}

/// A status as a text for logs and error messages.
pub(crate) fn describe(status: &GrpcStatus) -> String {
    format!("Status {{ code: {}, message: {:?} }}", code_name(status.code), status.message)
}

/// The name of a gRPC code, e.g. "NotFound".
fn code_name(code: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "Ok",
        "Cancelled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    NAMES.get(code as usize).copied().unwrap_or("Unknown")
}
