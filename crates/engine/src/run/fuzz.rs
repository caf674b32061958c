//! What fuzzers run: each function takes any bytes and panics if something is wrong. Also run by the tests below.

mod service;
mod worker;

use prost::Message;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, MarkerRecordedEventAttributes};

use self::service::Service;
use self::worker::Worker;
use super::validate_completion;
use crate::machines::markers::{local_activity_marker, patch_marker};

/// Pairs of bytes as things that happen to a run, in any order that the driver's contract allows. Nothing panics, every
/// completion is decided once, every task's permit comes back once, and the run goes in the end.
pub fn happenings(data: &[u8]) {
    let (settings, rest) = data.split_first().unwrap_or((&0, &[]));
    let mut worker = Worker::new(*settings);
    for pair in rest.chunks_exact(2) {
        worker.happens(pair[0], pair[1]);
    }
    worker.finish();
}

/// Any bytes that decode as a completion of lang's are refused or taken by a run that has given an activation out.
pub fn completion(data: &[u8]) {
    let Ok(mut completion) = WorkflowActivationCompletion::decode(data) else { return };
    service::RUN_ID.clone_into(&mut completion.run_id);
    let Ok(valid) = validate_completion(completion) else { return };
    let mut worker = Worker::new(0);
    worker.complete(valid.clone());
    worker.happens(0, 0);
    worker.complete(valid);
    worker.finish();
}

/// Any bytes as the contents of a marker: read or not, and replayed like any other.
pub fn marker(data: &[u8]) {
    let (kind, data) = data.split_first().unwrap_or((&0, &[]));
    let payload = Payload { data: data.to_vec(), ..Payload::default() };
    let json = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    let payload = if kind & 1 == 0 { Payload { metadata: json, ..payload } } else { payload };
    let payloads = Payloads { payloads: vec![payload] };
    let (name, details) = match kind >> 1 & 3 {
        0 => ("core_local_activity", vec!["data"]),
        1 => ("core_patch", vec!["patch-data"]),
        2 => ("core_patch", vec!["patch_id", "deprecated"]),
        _ => ("core_local_activity", vec!["data", "result"]),
    };
    let details = details.into_iter().map(|key| (key.to_owned(), payloads.clone())).collect();
    let marker = MarkerRecordedEventAttributes { marker_name: name.to_owned(), details, ..Default::default() };
    let event: HistoryEvent = Service::event(marker);
    let _ = patch_marker(&event);
    let _ = local_activity_marker(event.clone());
    let mut worker = Worker::of(*kind, Service::with_marker(event));
    for _ in 0..4 {
        worker.happens(0, *kind);
    }
    worker.finish();
}

#[cfg(test)]
mod tests {
    use corewasm_testkit::corpus::inputs;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fuzzing_found_is_taken() {
        inputs("run_happenings").iter().for_each(|data| happenings(data));
        inputs("run_completion").iter().for_each(|data| completion(data));
        inputs("run_marker").iter().for_each(|data| marker(data));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_happenings_are_taken(data in prop::collection::vec(any::<u8>(), 0..200)) {
            happenings(&data);
        }

        #[test]
        fn any_marker_is_taken(data in prop::collection::vec(any::<u8>(), 0..40)) {
            marker(&data);
        }
    }
}
