//! A workflow that does what its script says: a step for each activation, whatever made it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use temporalio_protos::coresdk::activity_result::activity_resolution;
use temporalio_protos::coresdk::common::NamespacedWorkflowExecution;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant as Job;
use temporalio_protos::coresdk::workflow_activation::{
    DoUpdate, ResolveActivity, WorkflowActivation, resolve_child_workflow_execution_start as child_start,
    resolve_nexus_operation_start as nexus_start,
};
use temporalio_protos::coresdk::workflow_commands::signal_external_workflow_execution::Target;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::*;
use temporalio_protos::temporal::api::common::v1::Memo;

use crate::support::commands::{
    accept_update, answer_query, cancel_activity, cancel_local_activity, cancel_timer, complete_update,
    complete_workflow, continue_as_new, fail_workflow, reject_update, schedule_activity, schedule_local_activity,
    set_patch, start_timer, upsert,
};

/// One thing that workflow code may do.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Timer,
    Activity(i32),
    LocalActivity(i32),
    Child(i32),
    SignalExternal,
    SignalChild,
    CancelExternal,
    Nexus(i32),
    /// Cancels what is open and has this number, modulo their count.
    Cancel(usize),
    Patch {
        id: u8,
        deprecated: bool,
    },
    SearchAttributes,
    Memo,
}

/// How it ends, if it does.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Complete,
    Fail,
    Cancel,
    ContinueAsNew,
    Never,
}

/// What the workflow does, activation by activation.
#[derive(Clone, Debug)]
pub struct Script {
    pub steps: Vec<Vec<Op>>,
    pub ending: Ending,
}

pub fn any_script() -> impl Strategy<Value = Script> {
    let ending = prop_oneof![
        Just(Ending::Complete),
        Just(Ending::Fail),
        Just(Ending::Cancel),
        Just(Ending::ContinueAsNew),
        Just(Ending::Never),
    ];
    let steps = prop::collection::vec(prop::collection::vec(op(), 0..4), 1..10);
    (steps, ending).prop_map(|(steps, ending)| Script { steps, ending })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Timer),
        2 => (0..3).prop_map(Op::Activity),
        4 => (0..3).prop_map(Op::LocalActivity),
        2 => (0..4).prop_map(Op::Child),
        1 => Just(Op::SignalExternal),
        1 => Just(Op::SignalChild),
        1 => Just(Op::CancelExternal),
        2 => (0..4).prop_map(Op::Nexus),
        4 => any::<usize>().prop_map(Op::Cancel),
        2 => (0..4_u8, any::<bool>()).prop_map(|(id, deprecated)| Op::Patch { id, deprecated }),
        1 => Just(Op::SearchAttributes),
        1 => Just(Op::Memo),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Timer,
    Activity,
    LocalActivity,
    Child,
    Signal,
    Nexus,
}

#[derive(Clone, Debug)]
struct Thing {
    kind: Kind,
    seq: u32,
    cancelled: bool,
    abandons: bool,
}

/// An instance of the workflow.
#[derive(Clone, Debug)]
pub struct Lang<'a> {
    script: &'a Script,
    step: usize,
    next: u32,
    open: Vec<Thing>,
    /// Abandoned activities and operations, of which the service must not tell the worst (docs/notes/quirks.md).
    abandoned: BTreeSet<u32>,
    /// Local activities to schedule anew when a timer fires.
    retries: BTreeMap<u32, ScheduleLocalActivity>,
    /// Of local activities.
    scheduled: BTreeMap<u32, i32>,
    /// Updates to complete in a later activation.
    accepted: Vec<String>,
    /// Local activities that the last answer asks for.
    pub last_scheduled: Vec<u32>,
    pub ended: bool,
}

impl<'a> Lang<'a> {
    pub fn new(script: &'a Script) -> Self {
        Self {
            script,
            step: 0,
            next: 0,
            open: vec![],
            abandoned: BTreeSet::new(),
            retries: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            accepted: vec![],
            last_scheduled: vec![],
            ended: false,
        }
    }

    /// The workflow waits for the result of this.
    pub fn waits_for_local_activity(&self, seq: u32) -> bool {
        self.open.iter().any(|thing| thing.kind == Kind::LocalActivity && thing.seq == seq)
    }

    pub fn has_cancelled_local_activity(&self, seq: u32) -> bool {
        self.open.iter().any(|thing| thing.kind == Kind::LocalActivity && thing.seq == seq && thing.cancelled)
    }

    pub fn has_abandoned(&self, seq: u32) -> bool {
        self.abandoned.contains(&seq)
    }

    pub fn uses_local_activities(&self) -> bool {
        self.script.steps.iter().flatten().any(|op| matches!(op, Op::LocalActivity(_)))
    }

    /// There is never more than one local activity at a time.
    pub fn is_sequential(&self) -> bool {
        self.script.steps.iter().all(|ops| {
            let at_once = ops.iter().filter(|op| matches!(op, Op::LocalActivity(_))).count();
            at_once < 2 && !ops.iter().any(|op| matches!(op, Op::Cancel(_)))
        })
    }

    pub fn is_over(&self) -> bool {
        self.step >= self.script.steps.len()
    }

    /// The next step cancels something.
    pub fn is_about_to_cancel(&self) -> bool {
        self.script.steps.get(self.step).is_some_and(|ops| ops.iter().any(|op| matches!(op, Op::Cancel(_))))
    }

    /// The next step is the last.
    pub fn is_about_to_end(&self) -> bool {
        self.step + 1 >= self.script.steps.len()
    }

    pub fn answer(&mut self, activation: &WorkflowActivation) -> Vec<Variant> {
        let jobs: Vec<_> = activation.jobs.iter().filter_map(|job| job.variant.as_ref()).collect();
        let is_step = jobs.iter().any(|job| is_remembered(job));
        let accepted = if is_step { std::mem::take(&mut self.accepted) } else { vec![] };
        let mut commands: Vec<_> = jobs.into_iter().flat_map(|job| self.react(job)).collect();
        commands.extend(accepted.iter().map(|id| complete_update(id)));
        if is_step {
            commands.extend(self.take_step());
        }
        self.last_scheduled = commands.iter().filter_map(scheduled_local_activity).collect();
        commands
    }

    fn take_step(&mut self) -> Vec<Variant> {
        let Some(ops) = self.script.steps.get(self.step) else { return vec![] };
        self.step += 1;
        let mut commands: Vec<_> = ops.iter().filter_map(|op| self.perform(*op)).collect();
        if self.is_over() {
            let ending = self.ending();
            self.ended = ending.is_some();
            commands.extend(ending);
        }
        commands
    }

    fn ending(&self) -> Option<Variant> {
        match self.script.ending {
            Ending::Complete => Some(complete_workflow()),
            Ending::Fail => Some(fail_workflow("broken")),
            Ending::Cancel => Some(Variant::CancelWorkflowExecution(CancelWorkflowExecution::default())),
            Ending::ContinueAsNew => Some(continue_as_new()),
            Ending::Never => None,
        }
    }

    fn react(&mut self, job: &Job) -> Vec<Variant> {
        match job {
            Job::FireTimer(fire) => {
                self.close(Kind::Timer, fire.seq);
                return self.retries.remove(&fire.seq).map(|retry| self.schedule_again(retry)).into_iter().collect();
            }
            Job::ResolveActivity(resolved) if resolved.is_local => return self.local_activity_resolved(resolved),
            Job::ResolveActivity(resolved) => self.close(Kind::Activity, resolved.seq),
            Job::ResolveChildWorkflowExecutionStart(start)
                if !matches!(start.status, Some(child_start::Status::Succeeded(_))) =>
            {
                self.close(Kind::Child, start.seq);
            }
            Job::ResolveChildWorkflowExecution(child) => self.close(Kind::Child, child.seq),
            Job::ResolveSignalExternalWorkflow(signal) => self.close(Kind::Signal, signal.seq),
            Job::ResolveNexusOperationStart(start) if matches!(start.status, Some(nexus_start::Status::Failed(_))) => {
                self.close(Kind::Nexus, start.seq);
            }
            Job::ResolveNexusOperation(nexus) => self.close(Kind::Nexus, nexus.seq),
            Job::DoUpdate(update) => return self.update(update),
            Job::QueryWorkflow(query) => return vec![answer_query(&query.query_id)],
            _ => {}
        }
        vec![]
    }

    fn update(&mut self, update: &DoUpdate) -> Vec<Variant> {
        let id = &update.protocol_instance_id;
        if is_rejected(update) {
            return vec![reject_update(id)];
        }
        if id.ends_with("now") {
            return vec![accept_update(id), complete_update(id)];
        }
        self.accepted.push(id.clone());
        vec![accept_update(id)]
    }

    fn local_activity_resolved(&mut self, resolved: &ResolveActivity) -> Vec<Variant> {
        if !self.waits_for_local_activity(resolved.seq) {
            return vec![];
        }
        self.close(Kind::LocalActivity, resolved.seq);
        let status = resolved.result.as_ref().and_then(|result| result.status.as_ref());
        let Some(activity_resolution::Status::Backoff(backoff)) = status else { return vec![] };
        let timer = self.begin(Kind::Timer, false);
        let seq = self.number();
        let cancellation_type = self.scheduled[&resolved.seq];
        let retry = ScheduleLocalActivity {
            seq,
            attempt: backoff.attempt,
            original_schedule_time: backoff.original_schedule_time,
            activity_id: resolved.seq.to_string(),
            activity_type: "activity".to_owned(),
            start_to_close_timeout: backoff.backoff_duration,
            cancellation_type,
            ..ScheduleLocalActivity::default()
        };
        self.retries.insert(timer, retry);
        vec![start_timer(timer)]
    }

    fn schedule_again(&mut self, retry: ScheduleLocalActivity) -> Variant {
        self.scheduled.insert(retry.seq, retry.cancellation_type);
        self.open.push(Thing { kind: Kind::LocalActivity, seq: retry.seq, cancelled: false, abandons: false });
        Variant::ScheduleLocalActivity(retry)
    }

    fn perform(&mut self, op: Op) -> Option<Variant> {
        Some(match op {
            Op::Timer => start_timer(self.begin(Kind::Timer, false)),
            Op::Activity(how) => schedule_activity(self.begin(Kind::Activity, how == 2), cancellation(how)),
            Op::LocalActivity(how) => {
                let seq = self.begin(Kind::LocalActivity, false);
                self.scheduled.insert(seq, how);
                schedule_local_activity(seq, cancellation(how))
            }
            Op::Child(cancellation_type) => self.start_child(cancellation_type),
            Op::SignalExternal => self.signal(Target::WorkflowExecution(other())),
            Op::SignalChild => self.signal(Target::ChildWorkflowId("child".to_owned())),
            Op::CancelExternal => {
                Variant::RequestCancelExternalWorkflowExecution(RequestCancelExternalWorkflowExecution {
                    seq: self.number(),
                    workflow_execution: Some(other()),
                    reason: "reason".to_owned(),
                })
            }
            Op::Nexus(cancellation_type) => self.start_nexus(cancellation_type),
            Op::Cancel(which) => return self.cancel(which),
            Op::Patch { id, deprecated } => set_patch(&format!("patch-{id}"), deprecated),
            Op::SearchAttributes => upsert("attribute"),
            Op::Memo => {
                let fields = [("key".to_owned(), "value".into())].into();
                Variant::ModifyWorkflowProperties(ModifyWorkflowProperties { upserted_memo: Some(Memo { fields }) })
            }
        })
    }

    fn start_child(&mut self, cancellation_type: i32) -> Variant {
        let seq = self.begin(Kind::Child, false);
        Variant::StartChildWorkflowExecution(StartChildWorkflowExecution {
            seq,
            workflow_id: format!("child-{seq}"),
            workflow_type: "Child".to_owned(),
            cancellation_type,
            ..StartChildWorkflowExecution::default()
        })
    }

    fn start_nexus(&mut self, cancellation_type: i32) -> Variant {
        let seq = self.begin(Kind::Nexus, cancellation_type == 1);
        Variant::ScheduleNexusOperation(ScheduleNexusOperation {
            seq,
            endpoint: "endpoint".to_owned(),
            service: "service".to_owned(),
            operation: seq.to_string(),
            cancellation_type,
            ..ScheduleNexusOperation::default()
        })
    }

    fn signal(&mut self, target: Target) -> Variant {
        let seq = self.begin(Kind::Signal, false);
        Variant::SignalExternalWorkflowExecution(SignalExternalWorkflowExecution {
            seq,
            signal_name: "signal".to_owned(),
            target: Some(target),
            ..SignalExternalWorkflowExecution::default()
        })
    }

    /// Each thing is cancelled at most once, while it is open: more is not for every kind harmless
    /// (docs/notes/quirks.md).
    fn cancel(&mut self, which: usize) -> Option<Variant> {
        let open: Vec<_> = self.open.iter_mut().filter(|thing| !thing.cancelled).collect();
        let count = open.len();
        let thing = open.into_iter().nth(which % count.max(1))?;
        thing.cancelled = true;
        let Thing { kind, seq, abandons, .. } = *thing;
        if abandons {
            self.abandoned.insert(seq);
        }
        Some(match kind {
            Kind::Timer => {
                self.close(kind, seq);
                self.retries.remove(&seq);
                cancel_timer(seq)
            }
            Kind::Activity => cancel_activity(seq),
            Kind::LocalActivity => cancel_local_activity(seq),
            Kind::Child => Variant::CancelChildWorkflowExecution(CancelChildWorkflowExecution {
                child_workflow_seq: seq,
                reason: "reason".to_owned(),
            }),
            Kind::Signal => Variant::CancelSignalWorkflow(CancelSignalWorkflow { seq }),
            Kind::Nexus => Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq }),
        })
    }

    fn begin(&mut self, kind: Kind, abandons: bool) -> u32 {
        let seq = self.number();
        self.open.push(Thing { kind, seq, cancelled: false, abandons });
        seq
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn close(&mut self, kind: Kind, seq: u32) {
        self.open.retain(|thing| thing.kind != kind || thing.seq != seq);
    }
}

fn scheduled_local_activity(command: &Variant) -> Option<u32> {
    match command {
        Variant::ScheduleLocalActivity(schedule) => Some(schedule.seq),
        _ => None,
    }
}

/// The job is there in life and in replay: queries and rejected updates leave no trace, and patches are told of in
/// replay alone.
pub fn is_remembered(job: &Job) -> bool {
    match job {
        Job::QueryWorkflow(_) | Job::RemoveFromCache(_) | Job::NotifyHasPatch(_) => false,
        Job::DoUpdate(update) => !is_rejected(update),
        _ => true,
    }
}

fn is_rejected(update: &DoUpdate) -> bool {
    update.protocol_instance_id.ends_with("reject")
}

fn cancellation(how: i32) -> ActivityCancellationType {
    ActivityCancellationType::try_from(how).expect("there are three")
}

fn other() -> NamespacedWorkflowExecution {
    NamespacedWorkflowExecution { workflow_id: "other".to_owned(), ..Default::default() }
}
