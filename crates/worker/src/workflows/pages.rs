//! Completions too large for one message go out in pages (spec 1.8.13).

use std::time::Duration;

use bytes::Bytes;
use corewasm_host::{GrpcStatus, code};
use futures::stream::{self, StreamExt, TryStreamExt};
use prost::Message;
use prost_types::Any;
use temporalio_protos::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest;

use super::Workflows;
use crate::service::{CallOptions, RetryKind, ServiceError, ServiceErrorKind};

const RPC: &str = "RespondWorkflowTaskCompleted";
/// gRPC's 4 MiB less what the sum of the commands does not count: token, names, and the framing of each command.
const PAGE_BYTES: usize = 4 * 1024 * 1024 - 512 * 1024;
const PAGES_AT_A_TIME: usize = 3;
const RESEND_BACK_OFF: Duration = Duration::from_millis(100);
const RESEND_BACK_OFF_MAXIMUM: Duration = Duration::from_secs(5);
const BUFFER_LOST: &str = "WorkflowTaskCompletionBufferLostFailure";

/// A completion that was cut: the server buffers the commands of the first pages until the last one comes.
struct Pages {
    /// Encoded, as they may have to be sent again.
    intermediate: Vec<Bytes>,
    last: Bytes,
}

impl Workflows {
    /// Send a completion, in one piece if it fits or can not be cut. Gives the answer's bytes.
    pub(super) async fn send_pages(&self, request: RespondWorkflowTaskCompletedRequest) -> Result<Bytes, ServiceError> {
        let capabilities = self.context.namespace.capabilities();
        let too_large = capabilities.completion_pagination() && request.encoded_len() > PAGE_BYTES;
        if !too_large || !can_be_cut(&request) {
            return self.context.client.call_raw(RPC, request, CallOptions::default()).await;
        }
        let command_bytes: usize = request.commands.iter().map(Message::encoded_len).sum();
        if capabilities.completion_size_limit().is_some_and(|limit| command_bytes > limit) {
            return Err(over_the_limit());
        }
        self.send_until_kept(&Pages::cut(request)).await
    }

    /// The server may lose its buffer: then all is sent again, until it takes it, says something else, or shutdown
    /// comes.
    async fn send_until_kept(&self, pages: &Pages) -> Result<Bytes, ServiceError> {
        let mut back_off = RESEND_BACK_OFF;
        loop {
            match self.send_once(pages).await {
                Err(error) if lost_buffer(&error.status) => {
                    let slept = self.context.shutdown.unless_begun(self.context.host.sleep(back_off)).await;
                    if slept.is_none() {
                        return Err(error);
                    }
                    back_off = (back_off * 2).min(RESEND_BACK_OFF_MAXIMUM);
                }
                answer => return answer,
            }
        }
    }

    /// The first error ends it: dropping the stream cancels the pages under way. The last page comes after all others.
    async fn send_once(&self, pages: &Pages) -> Result<Bytes, ServiceError> {
        stream::iter(pages.intermediate.iter().cloned())
            .map(|page| self.send_page(page))
            .buffer_unordered(PAGES_AT_A_TIME)
            .try_for_each(|_| futures::future::ready(Ok(())))
            .await?;
        self.send_page(pages.last.clone()).await
    }

    async fn send_page(&self, page: Bytes) -> Result<Bytes, ServiceError> {
        let options = CallOptions { retry: RetryKind::Unless(lost_buffer), ..CallOptions::default() };
        self.context.client.call_encoded(RPC, page, options).await
    }
}

impl Pages {
    fn cut(mut request: RespondWorkflowTaskCompletedRequest) -> Self {
        let (task_token, identity) = (request.task_token.clone(), request.identity.clone());
        let namespace = request.namespace.clone();
        let page = |number: usize| RespondWorkflowTaskCompletedRequest {
            task_token: task_token.clone(),
            identity: identity.clone(),
            namespace: namespace.clone(),
            intermediate_page: true,
            page_number: number as i32,
            ..Default::default()
        };
        let mut intermediate = vec![page(0)];
        let mut bytes = 0;
        for command in std::mem::take(&mut request.commands) {
            let length = command.encoded_len();
            if bytes > 0 && bytes + length > PAGE_BYTES {
                intermediate.push(page(intermediate.len()));
                bytes = 0;
            }
            bytes += length;
            intermediate.last_mut().expect("it began with one page").commands.push(command);
        }
        request.page_number = intermediate.len() as i32;
        let intermediate = intermediate.iter().map(|page| page.encode_to_vec().into()).collect();
        Self { intermediate, last: request.encode_to_vec().into() }
    }
}

/// Only commands can be spread, and only if each fits a page.
fn can_be_cut(request: &RespondWorkflowTaskCompletedRequest) -> bool {
    !request.commands.is_empty() && request.commands.iter().all(|command| command.encoded_len() <= PAGE_BYTES)
}

fn over_the_limit() -> ServiceError {
    let text = "workflow task completion exceeds the namespace's recombined size limit";
    ServiceError { status: GrpcStatus::new(code::RESOURCE_EXHAUSTED, text), kind: ServiceErrorKind::RequestTooLarge }
}

/// google.rpc.Status, as far as it is read here.
#[derive(Clone, PartialEq, Message)]
struct StatusDetails {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

fn lost_buffer(status: &GrpcStatus) -> bool {
    let named = |detail: &Any| detail.type_url.rsplit(['/', '.']).next() == Some(BUFFER_LOST);
    StatusDetails::decode(&status.details[..]).is_ok_and(|status| status.details.iter().any(named))
}
