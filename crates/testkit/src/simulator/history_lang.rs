//! A lang that knows the history, as conformance/lang/history_lang.py: for each activation the commands that the
//! history
//! shows next. It replays any history without the workflow's code.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::{
    coresdk::{
        workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job},
        workflow_commands::{WorkflowCommand, workflow_command::Variant},
        workflow_completion::{Success, WorkflowActivationCompletion, workflow_activation_completion::Status},
    },
    temporal::api::{
        enums::v1::EventType,
        history::v1::{HistoryEvent, history_event::Attributes},
    },
};

use super::{Lang, history_commands::Sequences};

/// Answers the activations of one run; begins anew when the run does.
#[derive(Clone, Debug)]
pub struct HistoryLang {
    known: BTreeMap<i64, Vec<Variant>>,
    pending: BTreeMap<i64, Vec<Variant>>,
}

impl HistoryLang {
    /// With the events of the whole history.
    pub fn new(events: &[HistoryEvent]) -> Self {
        let known = commands_by_started_event(events);
        Self { pending: known.clone(), known }
    }

    fn commands(&mut self, activation: &WorkflowActivation) -> Vec<Variant> {
        let has = |wanted: fn(&Job) -> bool| activation.jobs.iter().filter_map(|job| job.variant.as_ref()).any(wanted);
        if has(|job| matches!(job, Job::InitializeWorkflow(_))) {
            self.pending = self.known.clone();
        }
        if has(|job| matches!(job, Job::RemoveFromCache(_))) {
            return Vec::new();
        }
        // A second activation of the same task finds its commands already issued.
        let later = self.pending.split_off(&(i64::from(activation.history_length) + 1));
        std::mem::replace(&mut self.pending, later).into_values().flatten().collect()
    }
}

impl Lang for HistoryLang {
    fn complete(&mut self, activation: &Bytes) -> Result<Bytes, String> {
        let activation = WorkflowActivation::decode(activation.clone()).map_err(|error| error.to_string())?;
        let commands = self.commands(&activation).into_iter();
        let commands = commands.map(|variant| WorkflowCommand { variant: Some(variant), ..Default::default() });
        let status = Status::Successful(Success { commands: commands.collect(), ..Success::default() });
        let completion =
            WorkflowActivationCompletion { run_id: activation.run_id, status: Some(status), ..Default::default() };
        Ok(completion.encode_to_vec().into())
    }
}

/// Command events stand directly behind the completion of their task.
fn commands_by_started_event(events: &[HistoryEvent]) -> BTreeMap<i64, Vec<Variant>> {
    let (mut found, mut started) = (BTreeMap::<i64, Vec<Variant>>::new(), 0);
    let mut sequences = Sequences::default();
    for event in events {
        if let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) = &event.attributes {
            started = completed.started_event_id;
        }
        if event.event_type() != EventType::WorkflowTaskCompleted
            && let Some(command) = sequences.command_of(event)
        {
            found.entry(started).or_default().push(command);
        }
    }
    found
}
