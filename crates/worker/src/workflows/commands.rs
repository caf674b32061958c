//! What runs want done here: activations, timers, fetches, local activities, the end of tasks and of runs.

use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::history::Paginator;
use corewasm_engine::output::{EvictedRun, Observation, TaskEnded};
use corewasm_engine::time::Instant;
use corewasm_engine::{EvictionRequest, FetchOutcome, LocalActivitiesTaken, LocalActivityRequest, PreparedTask};
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

use super::paging::Urgency;
use super::stream::{Input, PermittedTask};
use super::{TARGET, Workflows};

impl Workflows {
    pub(super) fn send_to_lang(&self, activation: &WorkflowActivation) {
        self.activations.push(Ok(activation.encode_to_vec().into()));
    }

    pub(super) fn fetch_page(self: &Rc<Self>, run_id: &str, mut paginator: Paginator) {
        let (workflows, run_id) = (self.clone(), run_id.to_owned());
        self.stream.begin_fetch();
        self.spawn(async move {
            let fetched = workflows.stream.pager.next_update(&mut paginator, Urgency::RunWaits).await;
            workflows.stream.end_fetch();
            let outcome = match fetched {
                Ok(update) => FetchOutcome::Page { update, paginator: Box::new(paginator) },
                Err(text) => FetchOutcome::Failed(fetch_failed(&text)),
            };
            workflows.submit(Input::Fetched { run_id, outcome });
        });
    }

    /// The task's run is not cached: its whole history is fetched first (spec 1.3.7).
    pub(super) fn refetch(self: &Rc<Self>, permitted: PermittedTask) {
        let workflows = self.clone();
        self.stream.begin_fetch();
        self.spawn(async move {
            let PermittedTask { task, permit } = permitted;
            let (run_id, workflow_type) = (task.run_id.clone(), task.workflow_type.clone());
            let request = unstored(&task);
            let fetched = workflows.stream.pager.refetch(task).await;
            workflows.stream.end_fetch();
            workflows.submit(match fetched {
                Ok(task) => Input::Task(Box::new(PermittedTask { task, permit })),
                Err(text) => {
                    let request = EvictionRequest { message: fetch_failed(&text), ..request };
                    Input::TaskFailed { run_id, workflow_type, request, permit }
                }
            });
        });
    }

    pub(super) fn request_local_activities(&self, run_id: &str, requests: Vec<LocalActivityRequest>) {
        let taken = match &self.neighbours.local_activities {
            Some(executor) => executor.take(run_id, requests),
            None => LocalActivitiesTaken::default(),
        };
        let now = self.context.host.now();
        self.each_run(run_id, |cached| cached.run.handle_local_activities_taken(taken, now));
    }

    pub(super) fn set_heartbeat(self: &Rc<Self>, run_id: &str, deadline: Option<Instant>) {
        let timer = deadline.map(|deadline| {
            let (workflows, run_id) = (Rc::downgrade(self), run_id.to_owned());
            let sleep = self.context.host.sleep_until(deadline);
            self.context.host.spawn(async move {
                sleep.await;
                if let Some(workflows) = workflows.upgrade() {
                    workflows.submit(Input::HeartbeatDue { run_id });
                }
            })
        });
        self.each_run(run_id, |cached| cached.set_heartbeat(timer));
    }

    /// The permit goes back, or on to the task that came with the answer.
    pub(super) fn end_task(&self, run_id: &str, ended: &TaskEnded) {
        let permit = self.stream.state.borrow_mut().permits.remove(&ended.task_token);
        if let (Some(permit), Some(next)) = (permit, &ended.permit_taken_over_by) {
            self.stream.state.borrow_mut().permits.insert(next.clone(), permit);
        }
        if ended.record_latency {
            self.measure_task(run_id, ended);
        }
    }

    /// The task was reported, or dropped on purpose: until its completion was decided it took so long.
    fn measure_task(&self, run_id: &str, ended: &TaskEnded) {
        let mut measured = None;
        self.each_run(run_id, |cached| {
            let latency = cached.decided_at.since(ended.started);
            measured = Some((cached.run.workflow_type().to_owned(), latency, cached.storage.clone()));
        });
        if let Some((workflow_type, latency, storage)) = measured {
            self.context.metrics.task_latency(&workflow_type, latency);
            self.warn_if_slow(run_id, &workflow_type, ended, latency, &storage);
        }
    }

    pub(super) fn discard_task(&self, task_token: &Bytes) {
        self.stream.state.borrow_mut().permits.remove(task_token);
    }

    /// The run left the cache: what waited for it goes on, else the next run gets its place (spec 1.11.3).
    pub(super) fn remove_run(self: &Rc<Self>, run_id: &str, evicted: EvictedRun) {
        let mut state = self.stream.state.borrow_mut();
        let removed = state.cache.remove(run_id);
        self.context.metrics.set_cache_size(state.cache.len());
        let next = if evicted.buffered.is_empty() {
            state.waiting.pop_front().unwrap_or_default()
        } else {
            evicted.buffered.into_iter().filter_map(|task| state.with_its_permit(task)).collect()
        };
        drop(state);
        if !evicted.workflow_ended {
            self.context.metrics.forced_eviction();
        }
        if let Some(run_gone) = &self.neighbours.run_gone {
            run_gone();
        }
        // Its last outputs, if any, were taken with this one.
        drop(removed);
        self.take_first(next);
    }

    pub(super) fn observe(&self, run_id: &str, observation: Observation) {
        let now = self.context.host.now().monotonic;
        let (mut workflow_type, mut task_age) = (String::new(), std::time::Duration::ZERO);
        self.each_run(run_id, |cached| {
            workflow_type = cached.run.workflow_type().to_owned();
            task_age = now.since(cached.task_at);
        });
        match observation {
            Observation::StickyCacheHit => self.context.metrics.cache_hit(&workflow_type),
            Observation::ReplayEnded => self.context.metrics.replay_latency(&workflow_type, task_age),
            Observation::EndToEndLatency(latency) => self.context.metrics.end_to_end_latency(&workflow_type, latency),
            Observation::Warning(text) => {
                let fields = [("run_id", run_id.into()), ("workflow_type", workflow_type.into())];
                self.context.host.warn(TARGET, text, &fields);
            }
        }
    }
}

impl super::stream::State {
    /// A task that waited on a run still has its permit under its token.
    fn with_its_permit(&mut self, task: PreparedTask) -> Option<PermittedTask> {
        let permit = self.permits.remove(&task.task_token)?;
        Some(PermittedTask { task, permit })
    }
}

/// The request that answers for a task whose run could not be had.
pub(super) fn unstored(task: &PreparedTask) -> EvictionRequest {
    EvictionRequest {
        message: String::new(),
        reason: EvictionReason::PaginationOrHistoryFetch,
        fail_task: Some(corewasm_engine::input::UnstoredTask {
            task_token: task.task_token.clone(),
            attempt: task.attempt,
        }),
    }
}

pub(super) fn fetch_failed(text: &str) -> String {
    format!("Fetching history failed: {text}")
}
