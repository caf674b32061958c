//! The instruments of a worker, with its labels (spec 11.2 to 11.4).

use std::time::Duration;

use corewasm_host::{
    CounterRef, GaugeRef, HistogramRef, Host, Instrument, MetricKeyValue, MetricsAttributesOptions,
    MetricsAttributesRef,
};

use crate::config::Config;
use crate::slots::{SlotKind, SlotPool};

/// What a worker counts and measures. One attribute set holds namespace and task queue; each record adds its own.
pub struct WorkerMetrics {
    attributes: MetricsAttributesRef,
    worker_start: CounterRef,
    pollers: GaugeRef,
    slots_available: GaugeRef,
    slots_used: GaugeRef,
    sticky_cache_size: GaugeRef,
    workflow_polls_empty: CounterRef,
    workflow_polls_ok: CounterRef,
    schedule_to_start: HistogramRef,
    task_latency: HistogramRef,
    replay_latency: HistogramRef,
    end_to_end_latency: HistogramRef,
    task_failed: CounterRef,
    cache_hit: CounterRef,
    cache_miss: CounterRef,
    forced_eviction: CounterRef,
    ended: [(WorkflowEnd, CounterRef); 4],
}

/// How a workflow ended (spec 1.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkflowEnd {
    /// It completed.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Canceled,
    /// It continued as new.
    ContinuedAsNew,
}

impl WorkerMetrics {
    /// The instruments of a worker with this configuration.
    pub fn new(host: &Host, config: &Config) -> Self {
        let meter = host.get_meter_provider();
        let labels = vec![
            MetricKeyValue::new("namespace", &config.namespace),
            MetricKeyValue::new("task_queue", &config.task_queue),
        ];
        let counter = |name, description| meter.new_counter(described(name, description));
        let latency = |name, description| meter.new_histogram_duration(described(name, description));
        let gauge = |name, description| meter.new_gauge(described(name, description));
        Self {
            attributes: MetricsAttributesRef::new(&meter, MetricsAttributesOptions { attributes: labels }),
            worker_start: counter("worker_start", "Count of the number of initialized workers"),
            pollers: gauge("num_pollers", "Current number of active pollers per queue type"),
            slots_available: gauge("worker_task_slots_available", "Current number of available slots per task type"),
            slots_used: gauge("worker_task_slots_used", "Current number of used slots per task type"),
            sticky_cache_size: gauge("sticky_cache_size", "Current number of cached workflows"),
            workflow_polls_empty: counter(
                "workflow_task_queue_poll_empty",
                "Count of workflow task queue poll timeouts (no new task)",
            ),
            workflow_polls_ok: counter(
                "workflow_task_queue_poll_succeed",
                "Count of workflow task queue poll successes",
            ),
            schedule_to_start: latency(
                "workflow_task_schedule_to_start_latency",
                "Histogram of workflow task schedule-to-start latencies",
            ),
            task_latency: latency(
                "workflow_task_execution_latency",
                "Histogram of workflow task execution (not replay) latencies",
            ),
            replay_latency: latency("workflow_task_replay_latency", "Histogram of workflow task replay latencies"),
            end_to_end_latency: latency("workflow_endtoend_latency", "Histogram of total workflow execution latencies"),
            task_failed: counter("workflow_task_execution_failed", "Count of workflow task execution failures"),
            cache_hit: counter(
                "sticky_cache_hit",
                "Count of times the workflow cache was used for a new workflow task",
            ),
            cache_miss: counter(
                "sticky_cache_miss",
                "Count of times the workflow cache was missing a workflow for a sticky task",
            ),
            forced_eviction: counter("sticky_cache_total_forced_eviction", "Count of evictions of cached workflows"),
            ended: [
                (WorkflowEnd::Completed, counter("workflow_completed", "Count of successfully completed workflows")),
                (WorkflowEnd::Failed, counter("workflow_failed", "Count of failed workflows")),
                (WorkflowEnd::Canceled, counter("workflow_canceled", "Count of canceled workflows")),
                (
                    WorkflowEnd::ContinuedAsNew,
                    counter("workflow_continue_as_new", "Count of continued-as-new workflows"),
                ),
            ],
        }
    }

    /// The attribute set of the worker: namespace and task queue.
    pub fn attributes(&self) -> &MetricsAttributesRef {
        &self.attributes
    }

    /// A worker was made.
    pub fn worker_started(&self) {
        self.worker_start.add(1, &self.attributes);
    }

    /// So many polls of this type run.
    pub fn set_pollers(&self, poller_type: &str, running: usize) {
        self.pollers.record(running as u64, &self.with("poller_type", poller_type));
    }

    /// Follow a pool's counts (spec 7.4).
    pub fn watch_slots(&self, pool: &SlotPool) {
        let attributes = self.with("worker_type", worker_type(pool.kind()));
        let (slots_available, slots_used) = (self.slots_available.clone(), self.slots_used.clone());
        pool.observe(Box::new(move |available, used| {
            if let Some(available) = available {
                slots_available.record(available as u64, &attributes);
            }
            slots_used.record(used as u64, &attributes);
        }));
    }

    /// So many runs are cached.
    pub fn set_cache_size(&self, runs: usize) {
        self.sticky_cache_size.record(runs as u64, &self.attributes);
    }

    /// A poll for workflow tasks timed out.
    pub fn workflow_poll_empty(&self) {
        self.workflow_polls_empty.add(1, &self.attributes);
    }

    /// A poll brought a workflow task that had waited for so long.
    pub fn workflow_poll_ok(&self, schedule_to_start: Option<Duration>) {
        if let Some(waited) = schedule_to_start {
            self.schedule_to_start.record_duration(waited, &self.attributes);
        }
        self.workflow_polls_ok.add(1, &self.attributes);
    }

    /// A workflow task took so long.
    pub fn task_latency(&self, workflow_type: &str, latency: Duration) {
        self.task_latency.record_duration(latency, &self.of_type(workflow_type));
    }

    /// A replay took so long.
    pub fn replay_latency(&self, workflow_type: &str, latency: Duration) {
        self.replay_latency.record_duration(latency, &self.of_type(workflow_type));
    }

    /// A workflow took so long from its start to its last command.
    pub fn end_to_end_latency(&self, workflow_type: &str, latency: Duration) {
        self.end_to_end_latency.record_duration(latency, &self.of_type(workflow_type));
    }

    /// A workflow task failed, reported or not (spec 1.8.7).
    pub fn task_failed(&self, workflow_type: &str, reason: &str) {
        let attributes = self.of_type(workflow_type).with_kvs(vec![MetricKeyValue::new("failure_reason", reason)]);
        self.task_failed.add(1, &attributes);
    }

    /// An incremental task met its cached run.
    pub fn cache_hit(&self, workflow_type: &str) {
        self.cache_hit.add(1, &self.of_type(workflow_type));
    }

    /// An incremental task met no cached run.
    pub fn cache_miss(&self) {
        self.cache_miss.add(1, &self.attributes);
    }

    /// A run was evicted before its workflow ended.
    pub fn forced_eviction(&self) {
        self.forced_eviction.add(1, &self.attributes);
    }

    /// A workflow ended in this way.
    pub fn workflow_ended(&self, workflow_type: &str, end: WorkflowEnd) {
        for (_, counter) in self.ended.iter().filter(|(kind, _)| *kind == end) {
            counter.add(1, &self.of_type(workflow_type));
        }
    }

    fn of_type(&self, workflow_type: &str) -> MetricsAttributesRef {
        self.with("workflow_type", workflow_type)
    }

    fn with(&self, key: &str, value: &str) -> MetricsAttributesRef {
        self.attributes.with_kvs(vec![MetricKeyValue::new(key, value)])
    }
}

const fn worker_type(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Workflow => "WorkflowWorker",
        SlotKind::Activity => "ActivityWorker",
        SlotKind::LocalActivity => "LocalActivityWorker",
        SlotKind::Nexus => "NexusWorker",
    }
}

const fn described<'a>(name: &'a str, description: &'a str) -> Instrument<'a> {
    Instrument { name, description, unit: "" }
}
