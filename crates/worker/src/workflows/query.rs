//! Answers to legacy queries, which are tasks of their own (spec 1.15.4, 1.15.5).

use bytes::Bytes;
use corewasm_host::code;
use temporalio_protos::coresdk::workflow_commands::{QueryResult, query_result};
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::enums::v1::{QueryResultType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::query::v1::WorkflowQueryResult;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse,
};

use super::report::message_too_large;
use super::{TARGET, Workflows};
use crate::service::{CallOptions, ServiceError, ServiceErrorKind, warn_of};

impl Workflows {
    /// Lang's answer. What goes wrong is logged: nobody can do more about it.
    pub(super) async fn answer_legacy_query(&self, task_token: Bytes, result: QueryResult) {
        let (_, answer) = query_answer(result);
        let request = RespondQueryTaskCompletedRequest {
            task_token: task_token.to_vec(),
            completed_type: answer.result_type,
            query_result: answer.answer,
            error_message: answer.error_message,
            namespace: self.context.client.namespace().to_owned(),
            ..Default::default()
        };
        match self.send_query_answer(request).await {
            Err(error) if error.kind == ServiceErrorKind::MessageTooLarge => {
                warn_of(&self.context.host, TARGET, "Query response too large, responding with failure", &error);
                let cause = WorkflowTaskFailedCause::GrpcMessageTooLarge;
                self.fail_legacy_query(task_token, cause, message_too_large()).await;
            }
            Err(error) => self.log_query_error(&error),
            Ok(()) => {}
        }
    }

    /// The query could not be answered.
    pub(super) async fn fail_legacy_query(&self, task_token: Bytes, cause: WorkflowTaskFailedCause, failure: Failure) {
        let request = RespondQueryTaskCompletedRequest {
            task_token: task_token.to_vec(),
            completed_type: QueryResultType::Failed.into(),
            error_message: failure.message.clone(),
            namespace: self.context.client.namespace().to_owned(),
            failure: Some(failure),
            cause: cause.into(),
            ..Default::default()
        };
        if let Err(error) = self.send_query_answer(request).await {
            self.log_query_error(&error);
        }
    }

    async fn send_query_answer(&self, request: RespondQueryTaskCompletedRequest) -> Result<(), ServiceError> {
        let client = &self.context.client;
        let options = CallOptions::default();
        client.call::<RespondQueryTaskCompletedResponse>("RespondQueryTaskCompleted", request, options).await.map(drop)
    }

    fn log_query_error(&self, error: &ServiceError) {
        let text = match error.status.code {
            code::NOT_FOUND => "Query not found when attempting to respond to it",
            _ => "Network error while responding to legacy query",
        };
        warn_of(&self.context.host, TARGET, text, error);
    }
}

/// The query's id and lang's answer as the service takes it (spec 1.15.4).
pub(super) fn query_answer(result: QueryResult) -> (String, WorkflowQueryResult) {
    let (result_type, answer, error_message) = match result.variant {
        Some(query_result::Variant::Succeeded(success)) => {
            let payloads = success.response.map(|payload| Payloads { payloads: vec![payload] });
            (QueryResultType::Answered, payloads, String::new())
        }
        Some(query_result::Variant::Failed(failure)) => (QueryResultType::Failed, None, failure.message),
        None => (QueryResultType::Failed, None, "Query response was empty".to_owned()),
    };
    let answer = WorkflowQueryResult { result_type: result_type.into(), answer, error_message, failure: None };
    (result.query_id, answer)
}
