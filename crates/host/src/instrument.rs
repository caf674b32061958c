//! What an instrument is called and, for histograms, where its buckets end (spec 11.6).

/// Name, description and unit of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instrument<'a> {
    /// Without prefix.
    pub name: &'a str,
    /// For a reader of the metrics.
    pub description: &'a str,
    /// Empty for counts; "duration" for durations, which the host renders as milliseconds or seconds.
    pub unit: &'a str,
}

impl<'a> From<&'a str> for Instrument<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, ..Self::default() }
    }
}

/// Upper bounds of a histogram's buckets, in its unit; ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// The bounds.
    pub buckets: Vec<f64>,
}

const WORKFLOW_ENDTOEND: &[f64] = &[
    100.,
    500.,
    1000.,
    1500.,
    2000.,
    5000.,
    10_000.,
    30_000.,
    60_000.,
    120_000.,
    300_000.,
    600_000.,
    1_800_000.,
    3_600_000.,
    30_600_000.,
    86_400_000.,
];
const WORKFLOW_TASK: &[f64] = &[1., 10., 20., 50., 100., 200., 500., 1000.];
const ACTIVITY_EXECUTION: &[f64] = &[50., 100., 500., 1000., 5000., 10_000., 60_000.];
const SCHEDULE_TO_START: &[f64] = &[100., 500., 1000., 5000., 10_000., 100_000., 1_000_000.];
const OTHER: &[f64] = &[50., 100., 500., 1000., 2500., 10_000.];

impl Buckets {
    /// The buckets, in milliseconds, that Core's histogram of this name (without prefix) has.
    pub fn of(name: &str) -> Self {
        let buckets = match name {
            "workflow_endtoend_latency" => WORKFLOW_ENDTOEND,
            "workflow_task_execution_latency" | "workflow_task_replay_latency" => WORKFLOW_TASK,
            "activity_execution_latency" => ACTIVITY_EXECUTION,
            "workflow_task_schedule_to_start_latency" | "activity_schedule_to_start_latency" => SCHEDULE_TO_START,
            _ => OTHER,
        };
        Self { buckets: buckets.to_vec() }
    }
}
