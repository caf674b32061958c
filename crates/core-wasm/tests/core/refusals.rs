//! Inputs that can not be applied: each has its kind of error, and none has an effect.

use corewasm_host::{
    HostRef,
    envelope::{ClientUpdateHeaders, HistoryClose, Input, ResourceSample, WorkerPoll, input, input_error::Kind},
    testing::rpc_response,
};
use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoResponse;

use crate::support::{CLIENT, TestHost, WORKER, connect, open_worker, starts};

#[test]
fn handles_that_are_not_open_are_named() {
    let mut host = TestHost::opened();
    let poll = |worker| input::Kind::WorkerPoll(WorkerPoll { worker, kind: 1, call: 1 });
    let stale = HostRef::from_parts(5, 3).unwrap().raw();
    for (worker, text) in [(0, "worker: 0 is not a handle"), (7, "worker: handle 7 is not open")] {
        let error = host.refusal(poll(worker));
        assert_eq!((error.kind(), error.message.as_str()), (Kind::BadHandle, text));
    }
    assert_eq!(host.refusal(poll(stale)).kind(), Kind::BadHandle);
    assert_eq!(host.refusal(open_worker(WORKER, 1)).message, "client: handle 1 is not open");
}

#[test]
fn a_handle_is_opened_once() {
    let mut host = TestHost::opened();
    host.turn([connect(CLIENT, 1)]);
    assert_eq!(host.refusal(connect(CLIENT, 2)).kind(), Kind::BadState);
}

#[test]
fn invalid_headers_have_the_native_text() {
    let mut host = TestHost::opened();
    host.turn([connect(CLIENT, 1)]);
    let headers = vec![("A B".to_owned(), "x".to_owned()).into()];
    let update = ClientUpdateHeaders { client: CLIENT, headers, ..ClientUpdateHeaders::default() };
    let error = host.refusal(input::Kind::ClientUpdateHeaders(update));
    assert_eq!(error.kind(), Kind::Malformed);
    assert_eq!(error.message, "Invalid ASCII header key 'A B': invalid gRPC metadata key name");
}

#[test]
fn what_is_not_known_or_not_wanted_is_said() {
    let mut host = TestHost::opened();
    let response = host.turn_raw(vec![Input::default()]);
    assert_eq!(response.input_errors[0].kind(), Kind::UnknownMessage);
    let sample = input::Kind::ResourceSample(ResourceSample::default());
    assert_eq!(host.refusal(sample).kind(), Kind::BadState);
    let start = starts(&host.turn([connect(CLIENT, 1)])).remove(0);
    host.turn([rpc_response(start.rpc, &GetSystemInfoResponse::default()), open_worker(WORKER, 2)]);
    let error = host.refusal(input::Kind::HistoryClose(HistoryClose { worker: WORKER }));
    assert_eq!(error.message, "worker: handle 1 is not that of a replay worker");
    let poll = input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: 9, call: 3 });
    assert_eq!(host.refusal(poll).kind(), Kind::Malformed);
}
