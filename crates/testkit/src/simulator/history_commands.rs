//! Workflow commands from the history events that they once became, as conformance/lang/commands.py.

use std::collections::BTreeMap;

use prost_types::Duration;
use serde_json::Value;
use temporalio_protos::{
    coresdk::{
        child_workflow::ChildWorkflowCancellationType,
        common::NamespacedWorkflowExecution,
        workflow_commands::{
            ActivityCancellationType, CancelChildWorkflowExecution, CancelTimer, CancelWorkflowExecution,
            CompleteWorkflowExecution, ContinueAsNewWorkflowExecution, FailWorkflowExecution, ModifyWorkflowProperties,
            RequestCancelActivity, RequestCancelExternalWorkflowExecution, RequestCancelNexusOperation,
            ScheduleActivity, ScheduleLocalActivity, ScheduleNexusOperation, SetPatchMarker,
            SignalExternalWorkflowExecution, StartChildWorkflowExecution, StartTimer, UpdateResponse,
            UpsertWorkflowSearchAttributes, signal_external_workflow_execution::Target, update_response::Response,
            workflow_command::Variant,
        },
    },
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowExecution},
        history::v1::{HistoryEvent, MarkerRecordedEventAttributes, history_event::Attributes},
        update::v1::outcome,
    },
};

/// Lang's sequence numbers, one space per kind.
#[derive(Default)]
pub(super) struct Sequences {
    last: BTreeMap<&'static str, u32>,
    /// Numbers of what a cancel may name later: activities and operations by their events, children by their ids.
    by_event: BTreeMap<i64, u32>,
    children: BTreeMap<String, u32>,
}

impl Sequences {
    fn take(&mut self, kind: &'static str) -> u32 {
        let number = self.last.entry(kind).or_default();
        *number += 1;
        *number
    }

    fn take_for(&mut self, kind: &'static str, event_id: i64) -> u32 {
        let number = self.take(kind);
        self.by_event.insert(event_id, number);
        number
    }

    /// The command that produced the event; none if Core or the service produced it by itself.
    pub(super) fn command_of(&mut self, event: &HistoryEvent) -> Option<Variant> {
        let attributes = event.attributes.clone()?;
        self.scheduling(event.event_id, attributes.clone())
            .or_else(|| self.cancelling(&attributes))
            .or_else(|| self.external(attributes.clone()))
            .or_else(|| other(attributes))
    }

    fn cancelling(&self, attributes: &Attributes) -> Option<Variant> {
        Some(match attributes {
            Attributes::ActivityTaskCancelRequestedEventAttributes(cancel) => {
                let seq = *self.by_event.get(&cancel.scheduled_event_id)?;
                Variant::RequestCancelActivity(RequestCancelActivity { seq })
            }
            Attributes::NexusOperationCancelRequestedEventAttributes(cancel) => {
                let seq = *self.by_event.get(&cancel.scheduled_event_id)?;
                Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq })
            }
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(cancel)
                if cancel.child_workflow_only =>
            {
                let child_workflow_seq = *self.children.get(&cancel.workflow_execution.as_ref()?.workflow_id)?;
                let reason = cancel.reason.clone();
                Variant::CancelChildWorkflowExecution(CancelChildWorkflowExecution { child_workflow_seq, reason })
            }
            _ => return None,
        })
    }

    fn scheduling(&mut self, event_id: i64, attributes: Attributes) -> Option<Variant> {
        Some(match attributes {
            Attributes::TimerStartedEventAttributes(timer) => Variant::StartTimer(StartTimer {
                seq: timer.timer_id.parse().ok()?,
                start_to_fire_timeout: timer.start_to_fire_timeout,
            }),
            Attributes::ActivityTaskScheduledEventAttributes(activity) => Variant::ScheduleActivity(ScheduleActivity {
                seq: self.take_for("activity", event_id),
                cancellation_type: ActivityCancellationType::WaitCancellationCompleted.into(),
                activity_id: activity.activity_id,
                activity_type: activity.activity_type.unwrap_or_default().name,
                task_queue: activity.task_queue.unwrap_or_default().name,
                start_to_close_timeout: activity.start_to_close_timeout,
                ..ScheduleActivity::default()
            }),
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(child) => {
                let seq = self.take("child");
                self.children.insert(child.workflow_id.clone(), seq);
                Variant::StartChildWorkflowExecution(StartChildWorkflowExecution {
                    seq,
                    cancellation_type: ChildWorkflowCancellationType::WaitCancellationCompleted.into(),
                    namespace: child.namespace,
                    workflow_id: child.workflow_id,
                    workflow_type: child.workflow_type.unwrap_or_default().name,
                    ..StartChildWorkflowExecution::default()
                })
            }
            Attributes::NexusOperationScheduledEventAttributes(nexus) => {
                Variant::ScheduleNexusOperation(ScheduleNexusOperation {
                    seq: self.take_for("nexus", event_id),
                    endpoint: nexus.endpoint,
                    service: nexus.service,
                    operation: nexus.operation,
                    ..ScheduleNexusOperation::default()
                })
            }
            _ => return None,
        })
    }

    fn external(&mut self, attributes: Attributes) -> Option<Variant> {
        Some(match attributes {
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(signal) => {
                let execution = namespaced(signal.namespace, signal.workflow_execution);
                Variant::SignalExternalWorkflowExecution(SignalExternalWorkflowExecution {
                    seq: self.take("signal"),
                    signal_name: signal.signal_name,
                    target: Some(Target::WorkflowExecution(execution)),
                    ..SignalExternalWorkflowExecution::default()
                })
            }
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(cancel) => {
                let execution = namespaced(cancel.namespace, cancel.workflow_execution);
                Variant::RequestCancelExternalWorkflowExecution(RequestCancelExternalWorkflowExecution {
                    seq: self.take("cancel"),
                    workflow_execution: Some(execution),
                    reason: cancel.reason,
                })
            }
            _ => return None,
        })
    }
}

fn other(attributes: Attributes) -> Option<Variant> {
    Some(match attributes {
        Attributes::TimerCanceledEventAttributes(timer) => {
            Variant::CancelTimer(CancelTimer { seq: timer.timer_id.parse().ok()? })
        }
        Attributes::MarkerRecordedEventAttributes(marker) => return marked(marker),
        Attributes::UpsertWorkflowSearchAttributesEventAttributes(upsert) => {
            let search_attributes = upsert.search_attributes?;
            // Core's own, beside a patch marker.
            if search_attributes.indexed_fields.keys().eq(["TemporalChangeVersion"]) {
                return None;
            }
            let search_attributes = Some(search_attributes);
            Variant::UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributes { search_attributes })
        }
        Attributes::WorkflowPropertiesModifiedEventAttributes(modified) => {
            let upserted_memo = modified.upserted_memo;
            Variant::ModifyWorkflowProperties(ModifyWorkflowProperties { upserted_memo })
        }
        Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted) => {
            update(accepted.protocol_instance_id, Response::Accepted(()))
        }
        Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed) => {
            let result = match completed.outcome.and_then(|outcome| outcome.value) {
                Some(outcome::Value::Failure(failure)) => Response::Rejected(failure),
                Some(outcome::Value::Success(payloads)) => {
                    Response::Completed(first(Some(payloads)).unwrap_or_default())
                }
                None => Response::Completed(Payload::default()),
            };
            update(completed.meta?.update_id, result)
        }
        last => return terminal(last),
    })
}

fn terminal(attributes: Attributes) -> Option<Variant> {
    Some(match attributes {
        Attributes::WorkflowExecutionCompletedEventAttributes(completed) => {
            let result = first(completed.result);
            Variant::CompleteWorkflowExecution(CompleteWorkflowExecution { result })
        }
        Attributes::WorkflowExecutionFailedEventAttributes(failed) => {
            Variant::FailWorkflowExecution(FailWorkflowExecution { failure: failed.failure })
        }
        Attributes::WorkflowExecutionCanceledEventAttributes(_) => {
            Variant::CancelWorkflowExecution(CancelWorkflowExecution::default())
        }
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(continued) => {
            Variant::ContinueAsNewWorkflowExecution(ContinueAsNewWorkflowExecution {
                workflow_type: continued.workflow_type.unwrap_or_default().name,
                task_queue: continued.task_queue.unwrap_or_default().name,
                ..ContinueAsNewWorkflowExecution::default()
            })
        }
        _ => return None,
    })
}

fn marked(marker: MarkerRecordedEventAttributes) -> Option<Variant> {
    let data = |name: &str| -> Option<Value> {
        serde_json::from_slice(&marker.details.get(name)?.payloads.first()?.data).ok()
    };
    match marker.marker_name.as_str() {
        "core_patch" => {
            let data = data("patch-data")?;
            let (patch_id, deprecated) = (text(&data, "id"), data["deprecated"].as_bool()?);
            Some(Variant::SetPatchMarker(SetPatchMarker { patch_id, deprecated }))
        }
        "core_local_activity" => {
            let data = data("data")?;
            Some(Variant::ScheduleLocalActivity(ScheduleLocalActivity {
                seq: number(&data, "seq"),
                attempt: number(&data, "attempt"),
                activity_id: text(&data, "activity_id"),
                activity_type: text(&data, "activity_type"),
                start_to_close_timeout: Some(Duration { seconds: 10, nanos: 0 }),
                ..ScheduleLocalActivity::default()
            }))
        }
        _ => None,
    }
}

fn text(data: &Value, name: &str) -> String {
    data[name].as_str().unwrap_or_default().to_owned()
}

fn number(data: &Value, name: &str) -> u32 {
    data[name].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn update(protocol_instance_id: String, response: Response) -> Variant {
    Variant::UpdateResponse(UpdateResponse { protocol_instance_id, response: Some(response) })
}

fn namespaced(namespace: String, execution: Option<WorkflowExecution>) -> NamespacedWorkflowExecution {
    let WorkflowExecution { workflow_id, run_id } = execution.unwrap_or_default();
    NamespacedWorkflowExecution { namespace, workflow_id, run_id }
}

fn first(payloads: Option<Payloads>) -> Option<Payload> {
    payloads?.payloads.into_iter().next()
}
