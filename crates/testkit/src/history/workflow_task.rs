//! Workflow tasks.

use temporalio_protos::temporal::api::enums::v1::{EventType, TimeoutType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    WorkflowTaskCompletedEventAttributes, WorkflowTaskFailedEventAttributes, WorkflowTaskScheduledEventAttributes,
    WorkflowTaskStartedEventAttributes, WorkflowTaskTimedOutEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::WorkflowTaskCompletedMetadata;

use super::execution::task_queue;
use super::{HistoryBuilder, IDENTITY, failure};

impl HistoryBuilder {
    /// WorkflowTaskScheduled, WorkflowTaskStarted, WorkflowTaskCompleted. The id is that of the last.
    pub fn workflow_task(&mut self) -> i64 {
        self.workflow_task_pending();
        self.workflow_task_completed()
    }

    /// WorkflowTaskScheduled, WorkflowTaskStarted: the task is with a worker. The id is that of the last.
    pub fn workflow_task_pending(&mut self) -> i64 {
        self.workflow_task_scheduled();
        self.workflow_task_started()
    }

    /// WorkflowTaskScheduled.
    pub fn workflow_task_scheduled(&mut self) -> i64 {
        self.add(WorkflowTaskScheduledEventAttributes {
            task_queue: Some(task_queue()),
            attempt: 1,
            ..Default::default()
        })
    }

    /// WorkflowTaskStarted, of the task scheduled last.
    pub fn workflow_task_started(&mut self) -> i64 {
        self.add(WorkflowTaskStartedEventAttributes {
            scheduled_event_id: self.last_of(EventType::WorkflowTaskScheduled),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// WorkflowTaskCompleted, of the task started last.
    pub fn workflow_task_completed(&mut self) -> i64 {
        self.add(WorkflowTaskCompletedEventAttributes {
            scheduled_event_id: self.last_of(EventType::WorkflowTaskScheduled),
            started_event_id: self.last_of(EventType::WorkflowTaskStarted),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// WorkflowTaskFailed, of the task started last.
    pub fn workflow_task_failed(&mut self, cause: WorkflowTaskFailedCause) -> i64 {
        self.add(WorkflowTaskFailedEventAttributes {
            scheduled_event_id: self.last_of(EventType::WorkflowTaskScheduled),
            started_event_id: self.last_of(EventType::WorkflowTaskStarted),
            cause: cause as i32,
            failure: Some(failure("task failed")),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// WorkflowTaskFailed because the run was reset and goes on under this id.
    pub fn workflow_task_failed_by_reset(&mut self, new_run_id: &str) -> i64 {
        let id = self.workflow_task_failed(WorkflowTaskFailedCause::ResetWorkflow);
        if let Some(Attributes::WorkflowTaskFailedEventAttributes(attributes)) =
            &mut self.events[super::index(id)].attributes
        {
            attributes.new_run_id = new_run_id.to_owned();
        }
        id
    }

    /// WorkflowTaskTimedOut, of the task started last.
    pub fn workflow_task_timed_out(&mut self) -> i64 {
        self.add(WorkflowTaskTimedOutEventAttributes {
            scheduled_event_id: self.last_of(EventType::WorkflowTaskScheduled),
            started_event_id: self.last_of(EventType::WorkflowTaskStarted),
            timeout_type: TimeoutType::StartToClose as i32,
        })
    }

    /// Writes flags into the metadata of the WorkflowTaskCompleted event with this id (spec 1.14).
    ///
    /// # Panics
    /// If the event is of another type.
    pub fn flags(&mut self, completed_id: i64, core: &[u32], lang: &[u32]) -> &mut Self {
        let metadata = self.metadata(completed_id);
        metadata.core_used_flags = core.to_vec();
        metadata.lang_used_flags = lang.to_vec();
        self
    }

    /// Writes SDK name and version into the metadata of the WorkflowTaskCompleted event with this id.
    ///
    /// # Panics
    /// If the event is of another type.
    pub fn sdk(&mut self, completed_id: i64, name: &str, version: &str) -> &mut Self {
        let metadata = self.metadata(completed_id);
        name.clone_into(&mut metadata.sdk_name);
        version.clone_into(&mut metadata.sdk_version);
        self
    }

    fn metadata(&mut self, completed_id: i64) -> &mut WorkflowTaskCompletedMetadata {
        match &mut self.events[super::index(completed_id)].attributes {
            Some(Attributes::WorkflowTaskCompletedEventAttributes(attributes)) => {
                attributes.sdk_metadata.get_or_insert_default()
            }
            _ => panic!("event {completed_id} is no WorkflowTaskCompleted event"),
        }
    }
}
