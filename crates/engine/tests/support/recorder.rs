//! Plays the service: writes what a run reports into a history.

use corewasm_engine::output::TaskCompletion;
use corewasm_testkit::HistoryBuilder;
use prost::Message as _;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskScheduledEventAttributes, HistoryEvent, MarkerRecordedEventAttributes, TimerStartedEventAttributes,
    UpsertWorkflowSearchAttributesEventAttributes, WorkflowExecutionUpdateAcceptedEventAttributes,
    WorkflowExecutionUpdateCompletedEventAttributes, history_event,
};
use temporalio_protos::temporal::api::update::v1::{Acceptance, Request, Response};

/// WorkflowTaskCompleted and the events of the completion's commands.
pub fn record(history: &mut HistoryBuilder, completion: &TaskCompletion) {
    let completed = history.workflow_task_completed();
    history.flags(completed, &completion.sdk_metadata.core_used_flags, &completion.sdk_metadata.lang_used_flags);
    for command in &completion.commands {
        record_command(history, completion, command);
    }
}

fn record_command(history: &mut HistoryBuilder, completion: &TaskCompletion, command: &Command) {
    match command.attributes.clone().expect("commands have attributes") {
        Attributes::RecordMarkerCommandAttributes(marker) => history.add(MarkerRecordedEventAttributes {
            marker_name: marker.marker_name,
            details: marker.details,
            failure: marker.failure,
            ..Default::default()
        }),
        Attributes::ScheduleActivityTaskCommandAttributes(schedule) => {
            history.add(ActivityTaskScheduledEventAttributes {
                activity_id: schedule.activity_id,
                activity_type: schedule.activity_type,
                ..Default::default()
            })
        }
        Attributes::RequestCancelActivityTaskCommandAttributes(cancel) => {
            history.activity_cancel_requested(cancel.scheduled_event_id)
        }
        Attributes::StartTimerCommandAttributes(start) => {
            history.add(TimerStartedEventAttributes { timer_id: start.timer_id, ..Default::default() })
        }
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(upsert) => {
            history.add(UpsertWorkflowSearchAttributesEventAttributes {
                search_attributes: upsert.search_attributes,
                ..Default::default()
            })
        }
        Attributes::ProtocolMessageCommandAttributes(command) => {
            record_message(history, completion, &command.message_id)
        }
        Attributes::CancelTimerCommandAttributes(cancel) => {
            let started = started_timer(history, &cancel.timer_id);
            history.timer_canceled(started)
        }
        Attributes::ModifyWorkflowPropertiesCommandAttributes(modify) => {
            history.properties_modified(modify.upserted_memo.unwrap_or_default().fields.into_iter().collect())
        }
        Attributes::CompleteWorkflowExecutionCommandAttributes(_) => history.execution_completed(),
        Attributes::FailWorkflowExecutionCommandAttributes(_) => history.execution_failed("broken"),
        Attributes::CancelWorkflowExecutionCommandAttributes(_) => history.execution_canceled(),
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_) => history.continued_as_new(),
        outgoing => record_outgoing(history, outgoing),
    };
}

/// What concerns other workflows and services.
fn record_outgoing(history: &mut HistoryBuilder, command: Attributes) -> i64 {
    match command {
        Attributes::StartChildWorkflowExecutionCommandAttributes(start) => {
            history.child_initiated(&start.workflow_id, &start.workflow_type.unwrap_or_default().name)
        }
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(signal) => {
            history.signal_external_initiated(&signal.execution.unwrap_or_default().workflow_id, &signal.signal_name)
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(cancel) => {
            history.cancel_external_initiated(&cancel.workflow_id)
        }
        Attributes::ScheduleNexusOperationCommandAttributes(nexus) => {
            history.nexus_scheduled(&nexus.service, &nexus.operation)
        }
        Attributes::RequestCancelNexusOperationCommandAttributes(cancel) => {
            history.nexus_cancel_requested(cancel.scheduled_event_id)
        }
        other => panic!("the recorder does not know {other:?}"),
    }
}

fn started_timer(history: &HistoryBuilder, timer_id: &str) -> i64 {
    let is_start = |event: &&HistoryEvent| match &event.attributes {
        Some(history_event::Attributes::TimerStartedEventAttributes(started)) => started.timer_id == timer_id,
        _ => false,
    };
    history.events().iter().rfind(is_start).expect("a timer is cancelled after its start").event_id
}

fn record_message(history: &mut HistoryBuilder, completion: &TaskCompletion, id: &str) -> i64 {
    let message = completion.messages.iter().find(|message| message.id == id).expect("its message goes with a command");
    let body = message.body.as_ref().expect("messages have bodies");
    match body.type_url.rsplit('.').next() {
        Some("Acceptance") => {
            let acceptance = Acceptance::decode(&body.value[..]).expect("an acceptance");
            history.add(WorkflowExecutionUpdateAcceptedEventAttributes {
                protocol_instance_id: message.protocol_instance_id.clone(),
                accepted_request_message_id: acceptance.accepted_request_message_id,
                accepted_request_sequencing_event_id: acceptance.accepted_request_sequencing_event_id,
                accepted_request: acceptance.accepted_request,
            })
        }
        Some("Response") => {
            let response = Response::decode(&body.value[..]).expect("a response");
            history.add(WorkflowExecutionUpdateCompletedEventAttributes {
                meta: response.meta,
                outcome: response.outcome,
                ..Default::default()
            })
        }
        other => panic!("no message of a command: {other:?}"),
    }
}

/// The request of an update, as a message in front of event `sequencing_event_id` + 1.
pub fn update_message(
    update_id: &str,
    sequencing_event_id: i64,
) -> temporalio_protos::temporal::api::protocol::v1::Message {
    use temporalio_protos::temporal::api::protocol::v1::Message;
    use temporalio_protos::temporal::api::protocol::v1::message::SequencingId;
    use temporalio_protos::temporal::api::update::v1::{Input, Meta};
    let request = Request {
        meta: Some(Meta { update_id: update_id.to_owned(), ..Meta::default() }),
        input: Some(Input { name: "update".to_owned(), ..Input::default() }),
        ..Request::default()
    };
    Message {
        id: format!("{update_id}/request"),
        protocol_instance_id: update_id.to_owned(),
        body: Some(prost_types::Any {
            type_url: "type.googleapis.com/temporal.api.update.v1.Request".to_owned(),
            value: request.encode_to_vec(),
        }),
        sequencing_id: Some(SequencingId::EventId(sequencing_event_id)),
    }
}

/// Makes markers of local activities alike whenever they were made.
pub fn forget_marker_times(command: &mut Command) {
    forget_in_marker(command, "complete_time");
    forget_in_marker(command, "original_schedule_time");
}

/// Leaves one thing out that a local activity's marker says.
pub fn forget_in_marker(command: &mut Command, name: &str) {
    let Some(Attributes::RecordMarkerCommandAttributes(marker)) = &mut command.attributes else { return };
    let Some(data) = marker.details.get_mut("data") else { return };
    for payload in &mut data.payloads {
        let mut value: serde_json::Value = serde_json::from_slice(&payload.data).expect("JSON");
        value[name] = serde_json::Value::Null;
        payload.data = value.to_string().into_bytes();
    }
}
