//! Which parts a worker has, and how they are joined.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::RunSetup;
use corewasm_engine::history::split_completion_response;
use corewasm_host::envelope::{self, WorkerLedger};
use prost::Message;

use super::Origin;
use crate::activities::Activities;
use crate::context::WorkerContext;
use crate::nexus::Nexus;
use crate::parts::{ActivityTaskSource, LocalActivityExecutor, TaskSource};
use crate::slots::{SlotKind, SlotPermit};
use crate::workflows::{Neighbours, Workflows};

/// The parts of a worker. What is absent is not enabled.
pub(super) struct Parts {
    pub(super) workflows: Option<Rc<Workflows>>,
    pub(super) activities: Option<Rc<dyn ActivityTaskSource>>,
    pub(super) local_activities: Option<Rc<dyn LocalActivityExecutor>>,
    pub(super) nexus: Option<Rc<dyn TaskSource>>,
    pub(super) nexus_polled: Cell<bool>,
}

impl Parts {
    pub(super) fn new(
        context: &Rc<WorkerContext>,
        sticky_queue: Option<String>,
        origin: Origin,
        is_replay: bool,
    ) -> Self {
        let Origin { ledger, poll, run_gone } = origin;
        // A replay worker has no service whose tasks it could take, and what its runs ask for is in their histories.
        let activities = (!is_replay).then(|| Activities::new(context));
        let local_activities = activities.as_ref().and_then(Activities::local);
        let workflows = context.config.task_types.workflows.then(|| {
            let setup = run_setup(context, is_replay);
            Workflows::new(context.clone(), setup, sticky_queue, poll, |listener| {
                let neighbours = activities.as_ref();
                neighbours.inspect(|activities| activities.listen(listener));
                Neighbours {
                    local_activities: local_activities.clone(),
                    eager_activities: neighbours.and_then(Activities::eager),
                    run_gone,
                }
            })
        });
        let nexus = context.config.task_types.nexus.then(|| Rc::new(Nexus::new(context)) as Rc<dyn TaskSource>);
        let activities = activities.map(|activities| Rc::new(activities) as Rc<dyn ActivityTaskSource>);
        let parts = Self { workflows, activities, local_activities, nexus, nexus_polled: Cell::new(false) };
        if let Some(ledger) = ledger {
            parts.adopt(context, &ledger);
        }
        parts
    }

    /// Take up what an earlier instance had in hand (design 4). Permits that nothing is found for go back.
    fn adopt(&self, context: &WorkerContext, ledger: &WorkerLedger) {
        let permits = |kind| adopt_permits(context, ledger, kind);
        if let Some(workflows) = &self.workflows {
            workflows.adopt(ledger, permits(SlotKind::Workflow));
        }
        if let Some(activities) = &self.activities {
            let held = [SlotKind::Activity, SlotKind::LocalActivity].into_iter().flat_map(permits);
            activities.adopt(ledger.activity_tasks.clone(), held.collect());
        }
        if let Some(nexus) = &self.nexus {
            nexus.adopt(ledger.nexus_tasks.clone(), permits(SlotKind::Nexus));
        }
    }

    /// A call of an earlier instance was answered. Tasks in the answer are taken in; the rest was for nobody.
    pub(super) fn adopt_response(&self, uri: &str, response: &Bytes) {
        match uri.rsplit('/').next().unwrap_or_default() {
            "PollWorkflowTaskQueue" => {
                if let Some(workflows) = &self.workflows {
                    workflows.adopt_polled(response);
                }
            }
            "PollActivityTaskQueue" => self.adopt_activity(response.clone()),
            "PollNexusTaskQueue" => {
                if let Some(nexus) = &self.nexus {
                    nexus.adopt_polled(response.clone());
                }
            }
            "RespondWorkflowTaskCompleted" => self.adopt_completion(response),
            _ => {}
        }
    }

    fn adopt_activity(&self, response: Bytes) {
        if let Some(activities) = &self.activities {
            activities.adopt_polled(response);
        }
    }

    fn adopt_completion(&self, response: &Bytes) {
        let Ok(completion) = split_completion_response(response) else { return };
        for task in completion.response.activity_tasks {
            self.adopt_activity(task.encode_to_vec().into());
        }
        if let (Some(workflows), Some(task)) = (&self.workflows, completion.workflow_task) {
            workflows.adopt_task(task);
        }
    }
}

fn adopt_permits(context: &WorkerContext, ledger: &WorkerLedger, kind: SlotKind) -> Vec<SlotPermit> {
    let pool = match kind {
        SlotKind::Workflow => &context.slots.workflow,
        SlotKind::Activity => &context.slots.activity,
        SlotKind::LocalActivity => &context.slots.local_activity,
        SlotKind::Nexus => &context.slots.nexus,
    };
    let of_kind = ledger.permits.iter().filter(|held| held.kind() == envelope::SlotKind::from(kind));
    of_kind.map(|held| pool.adopt(held.permit)).collect()
}

fn run_setup(context: &WorkerContext, is_replay: bool) -> RunSetup {
    let config = &context.config;
    let service = context.client.connection().service();
    let (sdk_name, sdk_version) = service.sdk();
    RunSetup {
        namespace: config.namespace.clone(),
        task_queue: config.task_queue.clone(),
        sdk_name,
        sdk_version,
        sdk_metadata: service.capabilities().sdk_metadata,
        deployment_version: config.versioning.deployment_version(),
        caching: config.caches(),
        replay_only: is_replay,
        nondeterminism_fails_workflow: config.nondeterminism_fails_workflow,
        nondeterminism_fails_workflow_types: config.nondeterminism_fails_workflow_types.clone(),
        local_activities: config.task_types.local_activities,
    }
}
