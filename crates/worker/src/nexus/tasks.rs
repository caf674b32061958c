//! The Nexus tasks that lang handles: deadlines, cancels, what the service is told of each. No clock and no I/O.

use std::collections::VecDeque;
use std::time::Duration;

use corewasm_engine::time::{Instant, Now, WallTime};
use litemap::LiteMap;
use temporalio_protos::coresdk::nexus::nexus_task::Variant;
use temporalio_protos::coresdk::nexus::nexus_task_completion::Status;
use temporalio_protos::coresdk::nexus::{CancelNexusTask, NexusTask, NexusTaskCancelReason};
use temporalio_protos::temporal::api::nexus::v1::Request;
use temporalio_protos::temporal::api::nexus::v1::request;
use temporalio_protos::temporal::api::workflowservice::v1::PollNexusTaskQueueResponse;

use super::reply::{MalformedCompletion, Reply, RequestKind, reply};
use super::request_timeout::{InvalidRequestTimeout, parse_request_timeout};
use crate::activities::deadlines::Deadlines;

const REQUEST_TIMEOUT: &str = "request-timeout";

/// The Nexus tasks of a worker (spec 5). `P` is a slot permit; dropping one gives it back.
///
/// Call [`Self::handle_time`] at [`Self::next_deadline`] at the latest. Whenever lang polls, [`Self::take_cancel`] goes
/// before new tasks.
#[derive(Debug)]
pub struct NexusTasks<P> {
    graceful_shutdown_period: Option<Duration>,
    in_flight: LiteMap<Vec<u8>, Box<InFlight<P>>>,
    cancels: VecDeque<(Vec<u8>, NexusTaskCancelReason)>,
    deadlines: Deadlines<Deadline>,
}

#[derive(Debug)]
struct InFlight<P> {
    kind: RequestKind,
    takes_temporal_failures: bool,
    scheduled: Option<WallTime>,
    started: Instant,
    permit: P,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    EndOfGrace,
    Request(Vec<u8>),
}

/// A task that lang completed.
#[derive(Debug)]
pub struct Completed<P> {
    /// What to tell the service, or why lang's completion is refused.
    pub reply: Result<Reply, MalformedCompletion>,
    /// When the request was scheduled.
    pub scheduled: Option<WallTime>,
    /// How long lang had it.
    pub took: Duration,
    /// Its slot. It goes back when the completion is through.
    pub permit: P,
}

impl<P> NexusTasks<P> {
    /// No tasks. What is in flight is cancelled that long after polls have ended; never if the period is absent (spec
    /// 5.8).
    pub fn new(graceful_shutdown_period: Option<Duration>) -> Self {
        Self {
            graceful_shutdown_period,
            in_flight: LiteMap::new(),
            cancels: VecDeque::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// A task that came from the service, as lang gets it. An unreadable time-out is given beside it: the service reads
    /// it too.
    pub fn handle_task(
        &mut self,
        mut response: PollNexusTaskQueueResponse,
        permit: P,
        now: Now,
    ) -> (NexusTask, Option<InvalidRequestTimeout>) {
        let request = response.request.get_or_insert_default();
        lower_headers(request);
        let timeout = request.header.get(REQUEST_TIMEOUT).map(|text| parse_request_timeout(text));
        let (timeout, invalid) = match timeout {
            Some(Ok(timeout)) => (Some(timeout), None),
            Some(Err(invalid)) => (None, Some(invalid)),
            None => (None, None),
        };
        self.track(&response.task_token, request, timeout, permit, now);
        let task = NexusTask {
            endpoint: request.endpoint.clone(),
            request_deadline: timeout.map(|timeout| now.wall.plus(timeout).into()),
            variant: Some(Variant::Task(response)),
        };
        (task, invalid)
    }

    /// Takes over a task that lang got from an earlier instance of this module.
    pub fn handle_adopted(&mut self, task: &NexusTask, permit: P, now: Now) {
        let Some(Variant::Task(response)) = &task.variant else { return };
        let request = response.request.clone().unwrap_or_default();
        let left = task.request_deadline.as_ref().map(|deadline| WallTime::from(deadline).since(now.wall));
        self.track(&response.task_token, &request, left, permit, now);
    }

    /// Lang completed a task. `None`: it is not known.
    pub fn handle_completion(&mut self, task_token: &[u8], status: Status, now: Now) -> Option<Completed<P>> {
        let task = *self.in_flight.remove(task_token)?;
        self.deadlines.clear(&Deadline::Request(task_token.to_vec()));
        Some(Completed {
            reply: reply(status, task.kind, task.takes_temporal_failures),
            scheduled: task.scheduled,
            took: now.monotonic.since(task.started),
            permit: task.permit,
        })
    }

    /// No more tasks come from the service: the graceful period begins, if there is one.
    pub fn handle_polls_ended(&mut self, now: Now) {
        if let Some(period) = self.graceful_shutdown_period {
            self.deadlines.set(Deadline::EndOfGrace, now.monotonic.plus(period));
        }
    }

    /// Does whatever is due.
    pub fn handle_time(&mut self, now: Now) {
        while let Some(deadline) = self.deadlines.take_due(now.monotonic) {
            match deadline {
                Deadline::Request(token) => self.cancels.push_back((token, NexusTaskCancelReason::TimedOut)),
                Deadline::EndOfGrace => {
                    let all = self.in_flight.keys().cloned();
                    self.cancels.extend(all.map(|token| (token, NexusTaskCancelReason::WorkerShutdown)));
                }
            }
        }
    }

    /// The next cancel task for lang; none for a task that was completed.
    pub fn take_cancel(&mut self) -> Option<NexusTask> {
        while let Some((task_token, reason)) = self.cancels.pop_front() {
            if self.in_flight.contains_key(&task_token) {
                let cancel = CancelNexusTask { task_token, reason: reason.into() };
                return Some(NexusTask { variant: Some(Variant::CancelTask(cancel)), ..Default::default() });
            }
        }
        None
    }

    /// When [`Self::handle_time`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next().filter(|_| !self.in_flight.is_empty())
    }

    /// Lang handles this task.
    pub fn is_tracked(&self, task_token: &[u8]) -> bool {
        self.in_flight.contains_key(task_token)
    }

    fn track(&mut self, task_token: &[u8], request: &Request, timeout: Option<Duration>, permit: P, now: Now) {
        let kind = match request.variant {
            Some(request::Variant::CancelOperation(_)) => RequestKind::Cancel,
            Some(request::Variant::StartOperation(_)) | None => RequestKind::Start,
        };
        let task = InFlight {
            kind,
            takes_temporal_failures: request.capabilities.is_some_and(|known| known.temporal_failure_responses),
            scheduled: request.scheduled_time.as_ref().map(WallTime::from),
            started: now.monotonic,
            permit,
        };
        self.in_flight.insert(task_token.to_vec(), Box::new(task));
        if let Some(timeout) = timeout {
            self.deadlines.set(Deadline::Request(task_token.to_vec()), now.monotonic.plus(timeout));
        }
    }
}

/// HTTP headers are the same in any case; lang looks for them in lower case (spec 5.2).
fn lower_headers(request: &mut Request) {
    request.header = lower(std::mem::take(&mut request.header));
    if let Some(request::Variant::StartOperation(start)) = &mut request.variant {
        start.callback_header = lower(std::mem::take(&mut start.callback_header));
    }
}

/// In the order of their names, so that of two that become one the same is left each time.
fn lower<Headers>(headers: Headers) -> Headers
where
    Headers: IntoIterator<Item = (String, String)> + FromIterator<(String, String)>,
{
    let mut ordered = LiteMap::new_vec();
    for (name, value) in headers {
        ordered.insert(name, value);
    }
    ordered.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
}
