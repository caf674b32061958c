use corewasm_testkit::corpus::inputs;
use corewasm_testkit::vector::paths_to;
use proptest::prelude::*;
use temporalio_protos::coresdk::ActivityTaskCompletion;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{ActivityResolution, Failure as Failed, activity_resolution};
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_activation::{ResolveActivity, WorkflowActivation, WorkflowActivationJob};
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};

use super::fuzz::{CARRIERS, Path, cuts, paths};
use super::*;

const NOTE: &str = "Causes left out here, nested deeper than protobuf messages can be read: ";

/// The innermost is number 0. Each has the deepest details that a failure can have.
fn failure(number: usize) -> Failure {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    let details = Payloads { payloads: vec![Payload { metadata, data: b"1".to_vec(), ..Default::default() }] };
    let info = ApplicationFailureInfo { details: Some(details), ..Default::default() };
    Failure {
        message: format!("level {number}"),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Default::default()
    }
}

/// So many failures, encoded without recursion.
fn chain(count: usize) -> Vec<u8> {
    let first = failure(0).encode_to_vec();
    (1..count).fold(first, |inner, number| with_cause(&failure(number).encode_to_vec(), CAUSE, &inner))
}

fn activity_completion(count: usize) -> Vec<u8> {
    Path { fields: vec![2, 2, 1], cause: CAUSE }.message(&chain(count), 0)
}

fn failure_of(completion: ActivityTaskCompletion) -> Failure {
    match completion.result.and_then(|result| result.status) {
        Some(Status::Failed(Failed { failure: Some(failure), .. })) => failure,
        other => panic!("no failure: {other:?}"),
    }
}

/// From the outermost to the innermost.
fn messages(failure: &Failure) -> Vec<String> {
    let causes = std::iter::successors(Some(failure), |failure| failure.cause.as_deref());
    causes.map(|failure| failure.message.clone()).collect()
}

fn decoded(count: usize) -> Failure {
    failure_of(decode(&activity_completion(count), Carrier::ActivityCompletion).expect("it decodes"))
}

#[test]
fn the_tables_have_every_place_of_a_failure() {
    const NAMES: [&str; 4] = [
        "coresdk.workflow_completion.WorkflowActivationCompletion",
        "coresdk.ActivityTaskCompletion",
        "coresdk.nexus.NexusTaskCompletion",
        "temporal.api.history.v1.HistoryEvent",
    ];
    for (carrier, name) in CARRIERS.into_iter().zip(NAMES) {
        let fields_of = |cause| paths(carrier).filter(move |path| path.cause == cause).map(|path| path.fields);
        assert_eq!(fields_of(CAUSE).collect::<Vec<_>>(), paths_to(name, "temporal.api.failure.v1.Failure"), "{name}");
        assert_eq!(fields_of(NEXUS_CAUSE).collect::<Vec<_>>(), paths_to(name, "temporal.api.nexus.v1.Failure"));
    }
}

/// What a worker gets without asking for it must have no failures in it, or be in the tables.
#[test]
fn polled_activities_and_nexus_requests_have_no_failures() {
    for name in ["PollActivityTaskQueueResponse", "PollNexusTaskQueueResponse"] {
        let name = format!("temporal.api.workflowservice.v1.{name}");
        assert_eq!(paths_to(&name, "temporal.api.failure.v1.Failure"), Vec::<Vec<u32>>::new());
    }
}

#[test]
fn the_outer_failures_stay_and_a_note_says_what_is_missing() {
    for count in [KEPT_OF_LANG + 1, 95, 150, 300, 5_000] {
        let mut expected: Vec<_> =
            (count - KEPT_OF_LANG..count).rev().map(|number| format!("level {number}")).collect();
        expected.push(format!("{NOTE}{}. The innermost of them says: level 0", count - KEPT_OF_LANG));
        assert_eq!(messages(&decoded(count)), expected);
    }
}

#[test]
fn what_can_be_read_everywhere_is_not_touched() {
    for count in [1, 2, 50, KEPT_OF_LANG] {
        assert_eq!(cut(&activity_completion(count), Carrier::ActivityCompletion), None);
    }
}

/// A worker cuts what lang sends; Core makes it the cause of another failure; the next one that reads it leaves it.
#[test]
fn what_was_cut_once_can_get_around_and_grows_a_note_when_it_must_be_cut_again() {
    let mut failure = Failure { cause: Some(Box::new(decoded(500))), ..failure(501) };
    let event = |failure: &Failure| Path { fields: vec![18, 1], cause: CAUSE }.message(&failure.encode_to_vec(), 0);
    assert_eq!(cut(&event(&failure), Carrier::HistoryEvent), None);
    failure = Failure { cause: Some(Box::new(failure)), ..Default::default() };
    let event = cut(&event(&failure), Carrier::HistoryEvent).expect("one too many");
    let text = format!("{NOTE}411. The innermost of them says: level 0");
    assert!(event.windows(text.len()).any(|part| part == text.as_bytes()), "410 and one more");
}

/// The deepest place of all: the library under Python's protobuf counts as prost does.
#[test]
fn an_activation_with_the_deepest_failure_can_be_read() {
    let event = Path { fields: vec![18, 1], cause: CAUSE }.message(&chain(KEPT_OF_SERVICE + 5), 0);
    let event: temporalio_protos::temporal::api::history::v1::HistoryEvent =
        decode(&event, Carrier::HistoryEvent).expect("it decodes");
    use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
    let Some(Attributes::ActivityTaskFailedEventAttributes(attributes)) = event.attributes else { panic!("{event:?}") };
    let failure = Some(Failure { cause: attributes.failure.map(Box::new), ..Default::default() });
    let status = Some(activity_resolution::Status::Failed(Failed { failure, ..Default::default() }));
    let result = Some(ActivityResolution { status });
    let resolved = Variant::ResolveActivity(ResolveActivity { result, ..Default::default() });
    let jobs = vec![WorkflowActivationJob { variant: Some(resolved) }];
    let activation = WorkflowActivation { jobs, ..Default::default() };
    WorkflowActivation::decode(&activation.encode_to_vec()[..]).expect("it can be read");
}

#[test]
fn long_messages_are_shown_in_part() {
    let innermost = Failure { message: "ä".repeat(1_000), ..Default::default() }.encode_to_vec();
    let completion = Path { fields: vec![2, 2, 1], cause: CAUSE }.message(&innermost, 100);
    let failure = failure_of(decode(&completion, Carrier::ActivityCompletion).expect("it decodes"));
    assert!(messages(&failure).last().expect("a note").ends_with(&format!("says: {}", "ä".repeat(200))));
}

#[test]
fn what_fuzzing_found_is_cut() {
    inputs("deep_causes").iter().for_each(|data| cuts(data));
}

proptest! {
    #[test]
    fn any_bytes_are_cut_or_left(data in prop::collection::vec(any::<u8>(), 0..64)) {
        cuts(&data);
    }

    /// At every place of every message, whatever else is in it.
    #[test]
    fn every_place_is_cut(which in any::<u8>(), depth in any::<u8>(), message in ".{0,20}") {
        let mut data = vec![which, depth];
        data.extend(Failure { message, ..Default::default() }.encode_to_vec());
        cuts(&data);
    }

    #[test]
    fn what_is_around_a_failure_stays(task_token in prop::collection::vec(any::<u8>(), 0..9), count in 1..400_usize) {
        let mut message = Vec::new();
        push_field(&mut message, 1, &task_token);
        message.extend(activity_completion(count));
        let completion: ActivityTaskCompletion = decode(&message, Carrier::ActivityCompletion).expect("it decodes");
        prop_assert_eq!(&completion.task_token, &task_token);
        prop_assert_eq!(messages(&failure_of(completion)).len(), count.min(KEPT_OF_LANG + 1));
    }
}
