//! Spec 2.10, 17(11): every pair of state and input, and the messages.

use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::common::v1::{Header, Payload, Payloads};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::update::v1::{
    Acceptance, Input as UpdateInput, Outcome, Rejection, Response as UpdateOutcome, outcome,
};

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Refusal, Via, event};

const STATES: [State; 11] = [
    State::RequestInitiated,
    State::Rejected,
    State::Accepted,
    State::AcceptCommandCreated,
    State::AcceptCommandRecorded,
    State::CompletedImmediately,
    State::CompletedImmediatelyAcceptCreated,
    State::CompletedImmediatelyCompleteCreated,
    State::Completed,
    State::CompletedCommandCreated,
    State::CompletedCommandRecorded,
];

fn request() -> Request {
    Request {
        meta: Some(meta()),
        input: Some(UpdateInput {
            name: "rename".to_owned(),
            header: Some(Header { fields: [("trace".to_owned(), Payload::default())].into() }),
            args: Some(Payloads { payloads: vec![Payload::default()] }),
        }),
        ..Default::default()
    }
}

fn meta() -> Meta {
    Meta { update_id: "update".to_owned(), identity: "client".to_owned() }
}

fn update(replaying: bool) -> (UpdateMachine, Response) {
    UpdateMachine::new("update/request".to_owned(), "update".to_owned(), 6, request(), replaying)
}

fn at(state: State) -> UpdateMachine {
    UpdateMachine { position: Position::new("UpdateMachine", TABLE, state), ..update(false).0 }
}

fn respond(machine: &mut UpdateMachine, response: Option<update_response::Response>) -> Result<Vec<Response>> {
    machine.handle_response(UpdateResponse { protocol_instance_id: "update".to_owned(), response })
}

fn accept(machine: &mut UpdateMachine) -> Result<Vec<Response>> {
    respond(machine, Some(update_response::Response::Accepted(())))
}

fn reject(machine: &mut UpdateMachine) -> Result<Vec<Response>> {
    respond(machine, Some(update_response::Response::Rejected("no".into())))
}

fn complete(machine: &mut UpdateMachine) -> Result<Vec<Response>> {
    respond(machine, Some(update_response::Response::Completed(Payload::default())))
}

fn accepted_event() -> HistoryEvent {
    event(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(Default::default()))
}

fn completed_event() -> HistoryEvent {
    event(Attributes::WorkflowExecutionUpdateCompletedEventAttributes(Default::default()))
}

fn message<M: prost::Message + Default>(response: &Response, id: &str, body_type: &str) -> M {
    match response {
        Response::Message(Message { id: actual, protocol_instance_id, sequencing_id: None, body: Some(body) }) => {
            assert_eq!((actual.as_str(), protocol_instance_id.as_str()), (id, "update"));
            assert_eq!(body.type_url, format!("type.googleapis.com/temporal.api.update.v1.{body_type}"));
            M::decode(body.value.as_slice()).expect("it is of that type")
        }
        other => panic!("not a message: {other:?}"),
    }
}

fn assert_command(response: &Response, id: &str) {
    match response {
        Response::Command(command) => match &command.attributes {
            command::Attributes::ProtocolMessageCommandAttributes(attributes) => assert_eq!(attributes.message_id, id),
            other => panic!("{other:?}"),
        },
        other => panic!("not a command: {other:?}"),
    }
}

fn prepare(machine: &mut UpdateMachine) {
    assert_eq!(machine.handle_command_prepared(CommandType::ProtocolMessage), Ok(vec![]));
}

#[test]
fn every_pair_of_state_and_input() {
    let refused = || {
        Refusal::StateNamed(|state| {
            RunError::nondeterminism(format!(
                "Invalid transition while handling update response (id update) in state {state}"
            ))
        })
    };
    let inputs = [
        (Input::Accept, Via::Call(accept, refused())),
        (Input::Reject, Via::Call(reject, refused())),
        (Input::Complete, Via::Call(complete, refused())),
        (Input::CommandPrepared, Via::Command(CommandType::ProtocolMessage)),
        (Input::UpdateAccepted, Via::event(accepted_event())),
        (Input::UpdateCompleted, Via::event(completed_event())),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Update machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::Accepted), EventType::TimerFired, text);
}

#[test]
fn tells_lang_and_validates_unless_replaying() {
    for replaying in [false, true] {
        let job = DoUpdate {
            id: "update".to_owned(),
            protocol_instance_id: "update".to_owned(),
            name: "rename".to_owned(),
            input: vec![Payload::default()],
            headers: [("trace".to_owned(), Payload::default())].into(),
            meta: Some(meta()),
            run_validator: !replaying,
        };
        assert_eq!(update(replaying).1, Response::Job(Variant::DoUpdate(job)));
    }
}

#[test]
fn an_acceptance_sends_the_request_back() {
    let responses = accept(&mut at(State::RequestInitiated)).expect("it may be accepted");
    let acceptance: Acceptance = message(&responses[0], "update/request/accept", "Acceptance");
    let expected = Acceptance {
        accepted_request_message_id: "update/request".to_owned(),
        accepted_request_sequencing_event_id: 6,
        accepted_request: Some(request()),
    };
    assert_eq!(acceptance, expected);
    assert_command(&responses[1], "update/request/accept");
}

#[test]
fn a_rejection_leaves_no_command() {
    let mut machine = at(State::RequestInitiated);
    let responses = reject(&mut machine).expect("it may be rejected");
    assert_eq!(responses.len(), 1);
    let rejection: Rejection = message(&responses[0], "update/request/reject", "Rejection");
    let expected = Rejection {
        rejected_request_message_id: "update/request".to_owned(),
        rejected_request_sequencing_event_id: 6,
        rejected_request: Some(request()),
        failure: Some("no".into()),
    };
    assert_eq!(rejection, expected);
    assert!(machine.is_final());
}

#[test]
fn an_end_says_how() {
    type End = fn(&mut UpdateMachine) -> Result<Vec<Response>>;
    let ends: [(End, outcome::Value); 2] = [
        (complete, outcome::Value::Success(Payloads { payloads: vec![Payload::default()] })),
        (reject, outcome::Value::Failure("no".into())),
    ];
    for state in [State::Accepted, State::AcceptCommandCreated, State::AcceptCommandRecorded] {
        for (end, value) in &ends {
            let responses = end(&mut at(state)).expect("it may end");
            let response: UpdateOutcome = message(&responses[0], "update/request/complete", "Response");
            let outcome = Some(Outcome { value: Some(value.clone()) });
            assert_eq!(response, UpdateOutcome { meta: Some(meta()), outcome });
            assert_command(&responses[1], "update/request/complete");
        }
    }
}

#[test]
fn it_may_end_in_the_activation_that_accepts_it() {
    let (mut machine, _) = update(false);
    accept(&mut machine).expect("it may be accepted");
    complete(&mut machine).expect("it may end");
    prepare(&mut machine);
    prepare(&mut machine);
    for event in [accepted_event(), completed_event()] {
        assert!(!machine.is_final());
        assert_eq!(machine.handle_event(event, REPLAY), Ok(vec![]));
    }
    assert!(machine.is_final());
}

#[test]
fn it_may_end_before_its_acceptance_is_recorded() {
    let (mut machine, _) = update(false);
    accept(&mut machine).expect("it may be accepted");
    prepare(&mut machine);
    complete(&mut machine).expect("it may end");
    prepare(&mut machine);
    assert_eq!(machine.handle_event(accepted_event(), REPLAY), Ok(vec![]));
    assert_eq!(machine.handle_event(completed_event(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

#[test]
fn it_may_end_in_a_later_task() {
    let (mut machine, _) = update(false);
    accept(&mut machine).expect("it may be accepted");
    prepare(&mut machine);
    assert_eq!(machine.handle_event(accepted_event(), REPLAY), Ok(vec![]));
    complete(&mut machine).expect("it may end");
    prepare(&mut machine);
    assert_eq!(machine.handle_event(completed_event(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

#[test]
fn an_empty_answer_is_langs_mistake() {
    let text = "Update response for update update had an empty result, this is a lang layer bug.";
    assert_eq!(respond(&mut at(State::RequestInitiated), None), Err(RunError::fatal(text)));
}
