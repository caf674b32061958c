//! The instruments of Nexus tasks (spec 11.2, 11.3).

use std::time::Duration;

use corewasm_host::{CounterRef, HistogramRef, Host, Instrument, MetricKeyValue, MetricsAttributesRef};

/// What a worker counts and measures of its Nexus tasks.
pub(super) struct NexusMetrics {
    attributes: MetricsAttributesRef,
    poll_empty: CounterRef,
    failed: CounterRef,
    schedule_to_start: HistogramRef,
    latency: HistogramRef,
    end_to_end: HistogramRef,
}

impl NexusMetrics {
    pub(super) fn new(host: &Host, attributes: &MetricsAttributesRef) -> Self {
        let meter = host.get_meter_provider();
        let described = |name, description| Instrument { name, description, unit: "" };
        let latency = |name, description| meter.new_histogram_duration(described(name, description));
        Self {
            attributes: attributes.clone(),
            poll_empty: meter
                .new_counter(described("nexus_poll_no_task", "Count of nexus task queue poll timeouts (no new task)")),
            failed: meter
                .new_counter(described("nexus_task_execution_failed", "Count of nexus task execution failures")),
            schedule_to_start: latency(
                "nexus_task_schedule_to_start_latency",
                "Histogram of nexus task schedule-to-start latencies",
            ),
            latency: latency("nexus_task_execution_latency", "Histogram of nexus task execution latencies"),
            end_to_end: latency("nexus_task_endtoend_latency", "Histogram of nexus task end-to-end latencies"),
        }
    }

    pub(super) fn poll_empty(&self) {
        self.poll_empty.add(1, &self.attributes);
    }

    pub(super) fn failed(&self, reason: String) {
        self.failed.add(1, &self.attributes.with_kvs(vec![MetricKeyValue::new("failure_reason", reason)]));
    }

    pub(super) fn schedule_to_start(&self, waited: Duration) {
        self.schedule_to_start.record_duration(waited, &self.attributes);
    }

    pub(super) fn latency(&self, took: Duration) {
        self.latency.record_duration(took, &self.attributes);
    }

    pub(super) fn end_to_end(&self, took: Duration) {
        self.end_to_end.record_duration(took, &self.attributes);
    }
}
