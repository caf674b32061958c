//! Takes up what an earlier instance of this module had in hand when it trapped (design 4).
//!
//! Lang holds workflow instances that this module knows nothing of. Each is evicted before its run is used again; if
//! lang has an activation
//! of it in hand, its answer is awaited first and thrown away: what it said will be said again by replay.

use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::TaskFailure;
use corewasm_engine::history::split_poll_response;
use corewasm_engine::output::TaskFailureKind;
use corewasm_host::envelope::WorkerLedger;
use litemap::LiteMap;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::{
    RemoveFromCache, WorkflowActivation, WorkflowActivationJob, workflow_activation_job,
};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::Failure;

use super::stream::{Input, PermittedTask};
use super::task::ValidTask;
use super::{TARGET, Workflows};
use crate::slots::SlotPermit;

/// Runs of which lang holds an instance that is not this module's.
#[derive(Default)]
pub(super) struct HeldRuns(LiteMap<String, HeldRun>);

struct HeldRun {
    /// Lang owes an answer to an activation of the earlier instance.
    owes_answer: bool,
    /// What waits until lang gave the run up.
    tasks: Vec<PermittedTask>,
}

impl HeldRuns {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keep a task of a held run until lang gave the run up; any other task is given back.
    pub(super) fn keep_back(&mut self, permitted: PermittedTask) -> Option<PermittedTask> {
        match self.0.get_mut(&permitted.task.run_id) {
            Some(held) => {
                held.tasks.push(permitted);
                None
            }
            None => Some(permitted),
        }
    }
}

/// Take up the ledger's runs, then its tasks.
pub(super) fn adopt(workflows: &Rc<Workflows>, ledger: &WorkerLedger, permits: Vec<SlotPermit>) {
    for run in &ledger.runs {
        let held = HeldRun { owes_answer: run.activation_outstanding, tasks: Vec::new() };
        workflows.stream.state.borrow_mut().held.0.insert(run.run_id.clone(), held);
        if !run.activation_outstanding {
            workflows.evict_held(&run.run_id);
        }
    }
    let mut permits = permits.into_iter();
    for response in &ledger.workflow_tasks {
        workflows.retake(response, ledger, permits.next());
    }
}

impl Workflows {
    /// Lang answered for a run that it holds from an earlier instance. True if this was such an answer: it goes no
    /// further.
    pub(super) fn answers_held_run(self: &Rc<Self>, run_id: &str) -> bool {
        let mut state = self.stream.state.borrow_mut();
        let Some(held) = state.held.0.get_mut(run_id) else { return false };
        if std::mem::take(&mut held.owes_answer) {
            drop(state);
            self.evict_held(run_id);
            return true;
        }
        let tasks = state.held.0.remove(run_id).map(|held| held.tasks).unwrap_or_default();
        drop(state);
        for permitted in tasks {
            self.submit(Input::Task(Box::new(permitted)));
        }
        self.submit(Input::Bump);
        true
    }

    fn evict_held(&self, run_id: &str) {
        let eviction = RemoveFromCache {
            message: "The instance that held this run is gone".to_owned(),
            reason: EvictionReason::CacheMiss.into(),
        };
        let job = workflow_activation_job::Variant::RemoveFromCache(eviction);
        self.send_to_lang(&WorkflowActivation {
            run_id: run_id.to_owned(),
            jobs: vec![WorkflowActivationJob { variant: Some(job) }],
            ..Default::default()
        });
    }

    /// A task that was not answered is taken again, unless it is the one that trapped: that one fails with the panic's
    /// text.
    fn retake(self: &Rc<Self>, response: &Bytes, ledger: &WorkerLedger, permit: Option<SlotPermit>) {
        let poll = match split_poll_response(response) {
            Ok(poll) => poll,
            Err(error) => return self.context.host.error(TARGET, error.to_string(), &[]),
        };
        let Ok((execution, _)) = ValidTask::check(&poll) else { return };
        if execution.run_id == ledger.trapped_run_id && !ledger.trapped_run_id.is_empty() {
            let task = ValidTask::new(poll).expect("it was checked above");
            return self.fail_trapped(task, &ledger.panic_text, permit);
        }
        match permit {
            Some(permit) => self.take_in(async move { (poll, permit) }),
            None => self.adopt_task(poll),
        }
    }

    fn fail_trapped(self: &Rc<Self>, task: ValidTask, panic_text: &str, permit: Option<SlotPermit>) {
        let failure = TaskFailure {
            task_token: task.token,
            attempt: task.attempt,
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
            failure: Failure::application_failure(format!("Core panicked: {panic_text}"), false),
            kind: match &task.poll.response.query {
                Some(_) => TaskFailureKind::LegacyQuery,
                None => TaskFailureKind::Task,
            },
        };
        let workflows = self.clone();
        self.spawn(async move {
            workflows.report_failure(&task.run_id, &task.workflow_type, failure).await;
            drop(permit);
        });
    }
}
