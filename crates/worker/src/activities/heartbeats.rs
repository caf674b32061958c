//! Throttling of activity heartbeats (spec 3.4): the service hears the first at once, then the latest once per
//! interval.

use std::time::Duration;

use corewasm_engine::time::Instant;
use litemap::LiteMap;
use temporalio_protos::temporal::api::common::v1::Payload;

use super::deadlines::Deadlines;

/// Share of the heartbeat time-out after which the next heartbeat may go out.
const THROTTLE_SHARE: f64 = 0.8;

/// A heartbeat to send now. Its end must be told by [`Heartbeats::handle_sent`].
#[derive(Clone, Debug, PartialEq)]
pub struct HeartbeatReport {
    /// Token of the activity.
    pub task_token: Vec<u8>,
    /// What lang last recorded.
    pub details: Vec<Payload>,
}

/// The heartbeats of a worker's activities.
///
/// | state of a token | heartbeat of lang   | report sent          | window ends                  |
/// |------------------|---------------------|----------------------|------------------------------|
/// | none             | report -> Reporting | -                    | -                            |
/// | Reporting        | keep the latest     | -> Throttled         | -                            |
/// | Throttled        | keep the latest     | -                    | kept: report -> Reporting; nothing kept: none |
#[derive(Debug, Default)]
pub struct Heartbeats {
    tokens: LiteMap<Vec<u8>, Throttle>,
    /// Tokens with a report under way, those of activities that ended included.
    reporting: LiteMap<Vec<u8>, ()>,
    windows: Deadlines<Vec<u8>>,
}

#[derive(Debug)]
struct Throttle {
    /// When the last report was asked for.
    sent: Instant,
    interval: Duration,
    latest: Option<Vec<Payload>>,
}

/// How long after a report the next may follow (spec 3.4.1). The service writes zero for a time-out that is not set.
pub fn throttle_interval(timeout: Option<Duration>, default: Duration, maximum: Duration) -> Duration {
    let timeout = timeout.filter(|timeout| timeout.as_millis() > 0);
    timeout.map_or(default, |timeout| timeout.mul_f64(THROTTLE_SHARE)).min(maximum)
}

impl Heartbeats {
    /// Lang recorded a heartbeat.
    pub fn handle_recorded(
        &mut self,
        task_token: &[u8],
        details: Vec<Payload>,
        interval: Duration,
        now: Instant,
    ) -> Option<HeartbeatReport> {
        if let Some(throttle) = self.tokens.get_mut(task_token) {
            throttle.latest = Some(details);
            return None;
        }
        self.tokens.insert(task_token.to_vec(), Throttle { sent: now, interval, latest: None });
        Some(self.report(task_token, details))
    }

    /// A report ended, well or not: the window goes on from when it was asked for.
    pub fn handle_sent(&mut self, task_token: &[u8]) {
        self.reporting.remove(task_token);
        if let Some(throttle) = self.tokens.get(task_token) {
            self.windows.set(task_token.to_vec(), throttle.sent.plus(throttle.interval));
        }
    }

    /// What is to be sent now, since windows have ended.
    pub fn handle_time(&mut self, now: Instant) -> Vec<HeartbeatReport> {
        let mut reports = Vec::new();
        while let Some(task_token) = self.windows.take_due(now) {
            let Some(throttle) = self.tokens.get_mut(&task_token) else { continue };
            match throttle.latest.take() {
                Some(details) => {
                    throttle.sent = now;
                    reports.push(self.report(&task_token, details));
                }
                None => {
                    self.tokens.remove(&task_token);
                }
            }
        }
        reports
    }

    /// The activity ended: its token is forgotten. Gives the details that were never sent.
    pub fn handle_ended(&mut self, task_token: &[u8]) -> Option<Vec<Payload>> {
        self.windows.clear(&task_token.to_vec());
        self.tokens.remove(task_token)?.latest
    }

    /// A report of this activity's is under way.
    pub fn is_reporting(&self, task_token: &[u8]) -> bool {
        self.reporting.contains_key(task_token)
    }

    /// When [`Self::handle_time`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.windows.next()
    }

    fn report(&mut self, task_token: &[u8], details: Vec<Payload>) -> HeartbeatReport {
        self.reporting.insert(task_token.to_vec(), ());
        HeartbeatReport { task_token: task_token.to_vec(), details }
    }
}
