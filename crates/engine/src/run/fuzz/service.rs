//! A service that records what it is told and tells back what it likes.

use temporalio_protos::temporal::api::command::v1::command::Attributes as Command;
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::*;
use temporalio_protos::temporal::api::protocol::v1::{Message, message::SequencingId};
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::update::v1::{Input, Meta, Request};

use crate::PreparedTask;
use crate::history::{Event, HistoryUpdate, Paginator, TaskHistory};

pub(super) const RUN_ID: &str = "run-id";

/// One run's history, valid or not.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) events: Vec<HistoryEvent>,
    /// Of the last task, and of the one before.
    started: i64,
    previous: i64,
    /// Number of events at the end of the last task.
    told: usize,
    tasks: usize,
}

impl Service {
    pub(super) fn new() -> Self {
        let mut service = Self::default();
        service.add(WorkflowExecutionStartedEventAttributes {
            workflow_type: Some(WorkflowType { name: "workflow".to_owned() }),
            workflow_task_timeout: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
            original_execution_run_id: RUN_ID.to_owned(),
            ..Default::default()
        });
        service
    }

    /// A history whose first task recorded this event.
    pub(super) fn with_marker(marker: HistoryEvent) -> Self {
        let mut service = Self::new();
        service.add(WorkflowTaskScheduledEventAttributes::default());
        service.add(WorkflowTaskStartedEventAttributes::default());
        service.complete_task();
        service.add(marker.attributes.expect("made with attributes"));
        service
    }

    pub(super) fn event(attributes: impl Into<Attributes>) -> HistoryEvent {
        let attributes = attributes.into();
        HistoryEvent {
            event_type: attributes.event_type() as i32,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        }
    }

    fn add(&mut self, attributes: impl Into<Attributes>) {
        let event_id = self.last_id() + 1;
        let event_time = Some(prost_types::Timestamp { seconds: event_id, nanos: 0 });
        self.events.push(HistoryEvent { event_id, event_time, ..Self::event(attributes) });
    }

    fn last_id(&self) -> i64 {
        self.events.len() as i64
    }

    /// A task by the bits of `how`: from the start or not, with queries, a legacy query, an update; possibly one that
    /// leaves events out.
    pub(super) fn task(&mut self, how: u8) -> PreparedTask {
        let only_asks = how & 0x0f == 0x0f;
        if !only_asks {
            self.begin_task();
        }
        let begin = if how & 1 == 0 { self.told } else { 0 };
        let begin = if only_asks { self.events.len() } else { begin + usize::from(how & 0xf0 == 0xf0) };
        let events: Vec<_> = self.events[begin.min(self.events.len())..].iter().map(Event::from).collect();
        let started = if only_asks { 0 } else { self.started };
        let previous = if only_asks { self.started } else { self.previous };
        self.told = if only_asks { self.told } else { self.events.len() };
        let query = || WorkflowQuery { query_type: "state".to_owned(), ..WorkflowQuery::default() };
        self.tasks += 1;
        PreparedTask {
            task_token: self.tasks.to_string().into(),
            attempt: u32::from(how & 0x20 != 0) + 1,
            workflow_id: "workflow".to_owned(),
            run_id: RUN_ID.to_owned(),
            workflow_type: "workflow".to_owned(),
            legacy_query: (only_asks || how & 0x30 == 0x30).then(query),
            queries: if how & 2 == 0 { vec![] } else { vec![("1".to_owned(), query())] },
            messages: if how & 4 == 0 { vec![] } else { vec![self.update_request(how)] },
            update: HistoryUpdate::whole(events, previous, started),
            paginator: Paginator::for_task(TaskHistory { has_query: true, ..TaskHistory::default() }).expect("a query"),
        }
    }

    fn begin_task(&mut self) {
        self.add(WorkflowTaskScheduledEventAttributes::default());
        let scheduled_event_id = self.last_id();
        self.add(WorkflowTaskStartedEventAttributes { scheduled_event_id, ..Default::default() });
        (self.previous, self.started) = (self.started, self.last_id());
    }

    fn update_request(&self, how: u8) -> Message {
        let id = format!("update-{}", self.tasks);
        let request = request(&id);
        let after = if how & 8 == 0 { self.started - 1 } else { self.last_id() - 3 };
        Message {
            id: format!("{id}/request"),
            protocol_instance_id: id,
            body: Some(prost_types::Any { value: prost::Message::encode_to_vec(&request), ..Default::default() }),
            sequencing_id: Some(SequencingId::EventId(after)),
        }
    }

    pub(super) fn complete_task(&mut self) {
        let (scheduled_event_id, started_event_id) = (self.last_id() - 1, self.last_id());
        self.add(WorkflowTaskCompletedEventAttributes { scheduled_event_id, started_event_id, ..Default::default() });
    }

    /// The event of a command, as far as the service keeps what it says.
    pub(super) fn record(&mut self, command: Command) {
        match command {
            Command::StartTimerCommandAttributes(timer) => {
                self.add(TimerStartedEventAttributes { timer_id: timer.timer_id, ..Default::default() });
            }
            Command::CancelTimerCommandAttributes(timer) => {
                let started_event_id = self.last_id() - 2;
                let timer_id = timer.timer_id;
                self.add(TimerCanceledEventAttributes { timer_id, started_event_id, ..Default::default() });
            }
            Command::ScheduleActivityTaskCommandAttributes(activity) => {
                let (activity_id, activity_type) = (activity.activity_id, activity.activity_type);
                self.add(ActivityTaskScheduledEventAttributes { activity_id, activity_type, ..Default::default() });
            }
            Command::RequestCancelActivityTaskCommandAttributes(cancel) => {
                let scheduled_event_id = cancel.scheduled_event_id;
                self.add(ActivityTaskCancelRequestedEventAttributes { scheduled_event_id, ..Default::default() });
            }
            Command::RecordMarkerCommandAttributes(marker) => {
                let (marker_name, details, failure) = (marker.marker_name, marker.details, marker.failure);
                self.add(MarkerRecordedEventAttributes { marker_name, details, failure, ..Default::default() });
            }
            other => self.record_outgoing(other),
        }
    }

    fn record_outgoing(&mut self, command: Command) {
        match command {
            Command::StartChildWorkflowExecutionCommandAttributes(child) => {
                let (workflow_id, workflow_type) = (child.workflow_id, child.workflow_type);
                self.add(StartChildWorkflowExecutionInitiatedEventAttributes {
                    workflow_id,
                    workflow_type,
                    ..Default::default()
                });
            }
            Command::SignalExternalWorkflowExecutionCommandAttributes(_) => {
                self.add(SignalExternalWorkflowExecutionInitiatedEventAttributes::default());
            }
            Command::RequestCancelExternalWorkflowExecutionCommandAttributes(_) => {
                self.add(RequestCancelExternalWorkflowExecutionInitiatedEventAttributes::default());
            }
            Command::ScheduleNexusOperationCommandAttributes(nexus) => {
                let (endpoint, service, operation) = (nexus.endpoint, nexus.service, nexus.operation);
                self.add(NexusOperationScheduledEventAttributes { endpoint, service, operation, ..Default::default() });
            }
            Command::RequestCancelNexusOperationCommandAttributes(cancel) => {
                let scheduled_event_id = cancel.scheduled_event_id;
                self.add(NexusOperationCancelRequestedEventAttributes { scheduled_event_id, ..Default::default() });
            }
            Command::UpsertWorkflowSearchAttributesCommandAttributes(upsert) => {
                let search_attributes = upsert.search_attributes;
                self.add(UpsertWorkflowSearchAttributesEventAttributes { search_attributes, ..Default::default() });
            }
            Command::CompleteWorkflowExecutionCommandAttributes(_) => {
                self.add(WorkflowExecutionCompletedEventAttributes::default());
            }
            _ => {}
        }
    }

    /// Something happens, of kind `kind`, to what began `back` events ago.
    pub(super) fn happens(&mut self, kind: u8, back: u8) {
        let about = self.last_id() - i64::from(back);
        if kind % 27 < 14 { self.progress(kind % 27, about) } else { self.news(kind % 27, about) }
    }

    fn progress(&mut self, kind: u8, about: i64) {
        let scheduled_event_id = about;
        match kind {
            0 => self.add(TimerFiredEventAttributes { started_event_id: about, timer_id: String::new() }),
            1 => self.add(ActivityTaskStartedEventAttributes { scheduled_event_id, ..Default::default() }),
            2 => self.add(ActivityTaskCompletedEventAttributes { scheduled_event_id, ..Default::default() }),
            3 => self.add(ActivityTaskFailedEventAttributes { scheduled_event_id, ..Default::default() }),
            4 => self.add(ActivityTaskTimedOutEventAttributes { scheduled_event_id, ..Default::default() }),
            5 => self.add(ActivityTaskCanceledEventAttributes { scheduled_event_id, ..Default::default() }),
            6 => self.add(NexusOperationStartedEventAttributes { scheduled_event_id, ..Default::default() }),
            7 => self.add(NexusOperationCompletedEventAttributes { scheduled_event_id, ..Default::default() }),
            8 => self.add(NexusOperationFailedEventAttributes { scheduled_event_id, ..Default::default() }),
            9 => self.add(NexusOperationCanceledEventAttributes { scheduled_event_id, ..Default::default() }),
            10 => self.add(NexusOperationTimedOutEventAttributes { scheduled_event_id, ..Default::default() }),
            11 => self
                .add(NexusOperationCancelRequestCompletedEventAttributes { scheduled_event_id, ..Default::default() }),
            12 => {
                self.add(NexusOperationCancelRequestFailedEventAttributes { scheduled_event_id, ..Default::default() })
            }
            _ => self.add(ExternalWorkflowExecutionSignaledEventAttributes {
                initiated_event_id: about,
                ..Default::default()
            }),
        }
    }

    fn news(&mut self, kind: u8, about: i64) {
        let initiated_event_id = about;
        match kind {
            14 => self.add(ChildWorkflowExecutionStartedEventAttributes {
                initiated_event_id,
                workflow_execution: (about % 5 > 0).then(WorkflowExecution::default),
                ..Default::default()
            }),
            15 => self.add(ChildWorkflowExecutionCompletedEventAttributes { initiated_event_id, ..Default::default() }),
            16 => self.add(ChildWorkflowExecutionFailedEventAttributes { initiated_event_id, ..Default::default() }),
            17 => self.add(ChildWorkflowExecutionCanceledEventAttributes { initiated_event_id, ..Default::default() }),
            18 => {
                self.add(StartChildWorkflowExecutionFailedEventAttributes { initiated_event_id, ..Default::default() })
            }
            19 => self.add(WorkflowExecutionSignaledEventAttributes::default()),
            20 => self.add(WorkflowExecutionCancelRequestedEventAttributes::default()),
            21 => self.add(WorkflowTaskFailedEventAttributes { started_event_id: about, ..Default::default() }),
            22 => self.add(WorkflowTaskTimedOutEventAttributes { started_event_id: about, ..Default::default() }),
            23 => {
                let request = Some(request(&format!("admitted-{about}")));
                self.add(WorkflowExecutionUpdateAdmittedEventAttributes { request, ..Default::default() });
            }
            24 => {
                let id = format!("admitted-{about}");
                self.add(WorkflowExecutionUpdateAcceptedEventAttributes {
                    accepted_request: (about % 2 == 0).then(|| request(&id)),
                    protocol_instance_id: id,
                    accepted_request_sequencing_event_id: about,
                    ..Default::default()
                });
            }
            25 => self.add(WorkflowExecutionTerminatedEventAttributes::default()),
            _ => self.add(WorkflowExecutionOptionsUpdatedEventAttributes::default()),
        }
    }
}

fn request(id: &str) -> Request {
    Request {
        meta: Some(Meta { update_id: id.to_owned(), ..Meta::default() }),
        input: Some(Input::default()),
        ..Request::default()
    }
}
