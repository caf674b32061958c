//! Metrics of requests (spec 10.8), counted for each attempt.

use std::time::Duration;

use corewasm_host::{
    CounterRef, GrpcStatus, HistogramRef, Host, Instrument, MetricKeyValue, MetricsAttributesRef, code,
};

/// Codes as the `status_code` label has them, by number.
const CODE_LABELS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The instruments of one connection.
pub(crate) struct RequestMetrics {
    normal: Instruments,
    long: Instruments,
    base: MetricsAttributesRef,
    code_label: bool,
}

struct Instruments {
    requests: CounterRef,
    failures: CounterRef,
    latency: HistogramRef,
}

impl RequestMetrics {
    pub(crate) fn new(host: &Host, code_label: bool) -> Self {
        let provider = host.get_meter_provider();
        let counter = |name, description| provider.new_counter(Instrument { name, description, unit: "" });
        let latency =
            |name, description| provider.new_histogram_duration(Instrument { name, description, unit: "duration" });
        let normal = Instruments {
            requests: counter("request", "Count of client request successes by rpc name"),
            failures: counter("request_failure", "Count of client request failures by rpc name"),
            latency: latency("request_latency", "Histogram of client request latencies"),
        };
        let long = Instruments {
            requests: counter("long_request", "Count of long-poll request successes by rpc name"),
            failures: counter("long_request_failure", "Count of long-poll request failures by rpc name"),
            latency: latency("long_request_latency", "Histogram of client long-poll request latencies"),
        };
        let base = MetricsAttributesRef::new(&provider, Default::default());
        Self { normal, long, base, code_label }
    }

    /// The labels of a call.
    pub(crate) fn attributes(
        &self,
        operation: &str,
        namespace: Option<&str>,
        task_queue: Option<&str>,
    ) -> MetricsAttributesRef {
        let labels = [("namespace", namespace), ("task_queue", task_queue), ("operation", Some(operation))];
        let pairs = labels.into_iter().filter_map(|(key, value)| Some(MetricKeyValue::new(key, value?)));
        self.base.with_kvs(pairs.collect())
    }

    pub(crate) fn started(&self, is_long: bool, attributes: &MetricsAttributesRef) {
        self.of(is_long).requests.add(1, attributes);
    }

    pub(crate) fn finished(
        &self,
        is_long: bool,
        attributes: &MetricsAttributesRef,
        latency: Duration,
        failure: Option<&GrpcStatus>,
    ) {
        let instruments = self.of(is_long);
        instruments.latency.record_duration(latency, attributes);
        if let Some(status) = failure {
            let label = self.code_label.then(|| MetricKeyValue::new("status_code", status_label(status)));
            instruments.failures.add(1, &attributes.with_kvs(label.into_iter().collect()));
        }
    }

    const fn of(&self, is_long: bool) -> &Instruments {
        if is_long { &self.long } else { &self.normal }
    }
}

/// A time-out is the client's own doing: native Core's transport reports it as its error, not as a status.
fn status_label(status: &GrpcStatus) -> &'static str {
    let timed_out = status.code == code::CANCELLED && status.message == "Timeout expired";
    if status.transport || timed_out {
        return "TRANSPORT_ERROR";
    }
    CODE_LABELS.get(status.code as usize).copied().unwrap_or("UNKNOWN")
}
