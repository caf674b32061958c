//! The instruments of activities, remote and local (spec 11.2, 11.3).

use corewasm_host::{CounterRef, HistogramRef, Host, Instrument, MetricKeyValue, MetricsAttributesRef};

use super::observation::{ActivityLabels, ActivityObservation};
use crate::local_activities::LocalActivityObservation;

/// What a worker counts and measures of its activities.
pub(crate) struct ActivityMetrics {
    /// Labels of the worker.
    attributes: MetricsAttributesRef,
    poll_empty: CounterRef,
    received: CounterRef,
    failed: CounterRef,
    schedule_to_start: HistogramRef,
    latency: HistogramRef,
    success_latency: HistogramRef,
}

/// What a worker counts and measures of its local activities.
pub(crate) struct LocalActivityMetrics {
    attributes: MetricsAttributesRef,
    total: CounterRef,
    cancelled: CounterRef,
    failed: CounterRef,
    latency: HistogramRef,
    success_latency: HistogramRef,
}

impl ActivityMetrics {
    pub(crate) fn new(host: &Host, attributes: &MetricsAttributesRef) -> Self {
        let meter = host.get_meter_provider();
        let counter = |name, description| meter.new_counter(described(name, description));
        let latency = |name, description| meter.new_histogram_duration(described(name, description));
        Self {
            attributes: attributes.clone(),
            poll_empty: counter("activity_poll_no_task", "Count of activity task queue poll timeouts (no new task)"),
            received: counter("activity_task_received", "Count of activity task queue poll successes"),
            failed: counter("activity_execution_failed", "Count of activity task execution failures"),
            schedule_to_start: latency(
                "activity_schedule_to_start_latency",
                "Histogram of activity schedule-to-start latencies",
            ),
            latency: latency("activity_execution_latency", "Histogram of activity execution latencies"),
            success_latency: latency(
                "activity_succeed_endtoend_latency",
                "Histogram of activity execution latencies for successful activities",
            ),
        }
    }

    /// A poll timed out.
    pub(crate) fn poll_empty(&self) {
        self.poll_empty.add(1, &self.attributes);
    }

    pub(crate) fn record(&self, observation: ActivityObservation) {
        match observation {
            ActivityObservation::Received { labels, eager } => {
                let eager = MetricKeyValue { key: "eager".to_owned(), value: corewasm_host::MetricValue::Bool(eager) };
                self.received.add(1, &labelled(&self.attributes, &labels).with_kvs(vec![eager]));
            }
            ActivityObservation::ScheduleToStart(waited) => {
                self.schedule_to_start.record_duration(waited, &self.attributes);
            }
            ActivityObservation::Executed(labels, took) => {
                self.latency.record_duration(took, &labelled(&self.attributes, &labels));
            }
            ActivityObservation::Succeeded(labels, took) => {
                self.success_latency.record_duration(took, &labelled(&self.attributes, &labels));
            }
            ActivityObservation::Failed(labels, reason) => {
                self.failed.add(1, &failed_as(&self.attributes, &labels, reason.label()));
            }
        }
    }
}

impl LocalActivityMetrics {
    pub(crate) fn new(host: &Host, attributes: &MetricsAttributesRef) -> Self {
        let meter = host.get_meter_provider();
        let counter = |name, description| meter.new_counter(described(name, description));
        let latency = |name, description| meter.new_histogram_duration(described(name, description));
        Self {
            attributes: attributes.clone(),
            total: counter("local_activity_total", "Count of local activities executed"),
            cancelled: counter(
                "local_activity_execution_cancelled",
                "Count of local activity executions that were cancelled",
            ),
            failed: counter("local_activity_execution_failed", "Count of local activity executions that failed"),
            latency: latency("local_activity_execution_latency", "Histogram of local activity execution latencies"),
            success_latency: latency(
                "local_activity_succeed_endtoend_latency",
                "Histogram of local activity execution latencies for successful local activities",
            ),
        }
    }

    /// Observations that are for the log alone record nothing.
    pub(crate) fn record(&self, observation: &LocalActivityObservation) {
        match observation {
            LocalActivityObservation::Started(labels) => self.total.add(1, &labelled(&self.attributes, labels)),
            LocalActivityObservation::Executed(labels, took) => {
                self.latency.record_duration(*took, &labelled(&self.attributes, labels));
            }
            LocalActivityObservation::Succeeded(labels, took) => {
                self.success_latency.record_duration(*took, &labelled(&self.attributes, labels));
            }
            LocalActivityObservation::Failed(labels, reason) => {
                self.failed.add(1, &failed_as(&self.attributes, labels, reason.label()));
            }
            LocalActivityObservation::Cancelled(labels) => self.cancelled.add(1, &labelled(&self.attributes, labels)),
            LocalActivityObservation::UntrackedCompletion { .. }
            | LocalActivityObservation::DuplicateRequest { .. }
            | LocalActivityObservation::RequestAfterShutdown { .. } => {}
        }
    }
}

fn labelled(attributes: &MetricsAttributesRef, labels: &ActivityLabels) -> MetricsAttributesRef {
    attributes.with_kvs(vec![
        MetricKeyValue::new("activity_type", &labels.activity_type),
        MetricKeyValue::new("workflow_type", &labels.workflow_type),
    ])
}

fn failed_as(attributes: &MetricsAttributesRef, labels: &ActivityLabels, reason: &str) -> MetricsAttributesRef {
    labelled(attributes, labels).with_kvs(vec![MetricKeyValue::new("failure_reason", reason)])
}

const fn described<'a>(name: &'a str, description: &'a str) -> Instrument<'a> {
    Instrument { name, description, unit: "" }
}
