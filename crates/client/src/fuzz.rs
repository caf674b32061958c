//! What fuzzers run: any bytes as a request that the client looks into without decoding it. Also run by the tests
//! below.

use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, StartWorkflowExecutionRequest,
};

use crate::payload_limits::{PayloadErrorLimits, WarnSizes, measure};
use crate::{shape, tables::SHAPES, wire};

const SERVICE: &str = "/temporal.api.workflowservice.v1.WorkflowService/";

/// Two bytes choose the kind of request, the rest is its body. Whatever it is, looking into it ends; what decodes has
/// the namespace, the task queue and the wait that decoding gives.
pub fn request(data: &[u8]) {
    let [high, low, body @ ..] = data else { return };
    let (uri, shape) = &SHAPES[usize::from(u16::from_be_bytes([*high, *low])) % SHAPES.len()];
    let _ = (shape.namespace(body), shape.task_queue(uri, body), shape.is_long_poll(body));
    let warn = WarnSizes { payloads: 1, memo: 1 };
    let violations = measure(shape, body, warn, PayloadErrorLimits { blob: 10, memo: 10 });
    assert!(violations.iter().all(|violation| violation.size > violation.limit), "{violations:?}");
    assert!(violations.iter().all(|violation| violation.size <= body.len() as u64), "{violations:?}");
    reads_as_it_decodes(body);
}

fn reads_as_it_decodes(body: &[u8]) {
    let looked_up = |rpc: &str| {
        let uri = format!("{SERVICE}{rpc}");
        let shape = shape::lookup(&uri).expect("the table has these");
        (shape.namespace(body), shape.task_queue(&uri, body), shape.is_long_poll(body))
    };
    if let Ok(start) = StartWorkflowExecutionRequest::decode(body)
        && !has_field_twice(body, 4)
    {
        let queue =
            start.task_queue.map(|queue| if queue.normal_name.is_empty() { queue.name } else { queue.normal_name });
        assert_eq!(looked_up("StartWorkflowExecution"), (start.namespace, queue, false));
    }
    if let Ok(get) = GetWorkflowExecutionHistoryRequest::decode(body) {
        let (namespace, _, is_long_poll) = looked_up("GetWorkflowExecutionHistory");
        assert_eq!((namespace, is_long_poll), (get.namespace, get.wait_new_event));
    }
}

/// A message that comes in parts is merged by decoding; its last part counts here. No lang writes such a request.
fn has_field_twice(body: &[u8], field: u32) -> bool {
    wire::Fields::of(body).flatten().filter(|(number, _)| *number == field).count() > 1
}

#[cfg(test)]
mod tests {
    use corewasm_testkit::corpus::inputs;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fuzzing_found_is_taken() {
        inputs("client_request").iter().for_each(|data| request(data));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_request_is_taken(data in prop::collection::vec(any::<u8>(), 0..64)) {
            request(&data);
        }
    }
}
