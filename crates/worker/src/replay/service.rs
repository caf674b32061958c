//! The service of a replay worker: it takes every report and knows nothing (spec 12.1).

use bytes::Bytes;
use corewasm_host::{GrpcStatus, code};
use futures::future::{LocalBoxFuture, ready};
use temporalio_protos::temporal::api::workflowservice::v1::get_system_info_response::Capabilities;

use crate::service::{Call, Service, ServiceError};

pub(super) struct ReplayService;

impl Service for ReplayService {
    fn call(&self, call: Call) -> LocalBoxFuture<'static, Result<Bytes, ServiceError>> {
        Box::pin(ready(match call.rpc {
            "RespondWorkflowTaskCompleted"
            | "RespondWorkflowTaskFailed"
            | "RespondQueryTaskCompleted"
            | "DescribeNamespace"
            | "ShutdownWorker" => Ok(Bytes::new()),
            other => Err(GrpcStatus::new(code::UNIMPLEMENTED, format!("a replay worker has no {other}")).into()),
        }))
    }

    fn identity(&self) -> String {
        "test-identity".to_owned()
    }

    fn sdk(&self) -> (String, String) {
        ("test-core".to_owned(), "0.0.0".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            build_id_based_versioning: true,
            activity_failure_include_heartbeat: true,
            sdk_metadata: true,
            ..Default::default()
        }
    }
}
