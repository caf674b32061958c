//! Spec 2.8.2, 2.3.4: what is written into markers and read from them.

use super::*;
use crate::machines::all_pairs::event;

fn data() -> LocalActivityMarkerData {
    LocalActivityMarkerData {
        seq: 1,
        attempt: 2,
        activity_id: "id".to_owned(),
        activity_type: "type".to_owned(),
        complete_time: Some(prost_types::Timestamp { seconds: 3, nanos: 4 }),
        backoff: None,
        original_schedule_time: Some(prost_types::Timestamp { seconds: 5, nanos: 6 }),
        activation_index: Some(7),
    }
}

/// The event that a server makes of the command.
fn recorded(attributes: command::Attributes) -> HistoryEvent {
    match attributes {
        command::Attributes::RecordMarkerCommandAttributes(record) => {
            marker_event(record.marker_name, record.details, record.failure)
        }
        other => panic!("not a marker: {other:?}"),
    }
}

fn marker_event(
    marker_name: String,
    details: impl IntoIterator<Item = (String, Payloads)>,
    failure: Option<Failure>,
) -> HistoryEvent {
    let details = details.into_iter().collect();
    let marker = MarkerRecordedEventAttributes { marker_name, details, failure, ..Default::default() };
    event(history_event::Attributes::MarkerRecordedEventAttributes(marker))
}

fn text_of(event: &HistoryEvent, key: &str) -> String {
    match &event.attributes {
        Some(history_event::Attributes::MarkerRecordedEventAttributes(marker)) => {
            String::from_utf8(marker.details[key].payloads[0].data.clone()).expect("JSON is text")
        }
        other => panic!("not a marker: {other:?}"),
    }
}

fn plain(bytes: &[u8]) -> Payloads {
    Payload { data: bytes.to_vec(), ..Default::default() }.into()
}

#[test]
fn a_patch_marker_reads_as_it_was_written() {
    for deprecated in [false, true] {
        let event = recorded(record_patch("my-change", deprecated).expect("it encodes"));
        assert_eq!(text_of(&event, "patch-data"), format!(r#"{{"id":"my-change","deprecated":{deprecated}}}"#));
        assert_eq!(patch_marker(&event), Some(PatchMarker { id: "my-change".to_owned(), deprecated }));
        assert!(!is_local_activity_marker(&event));
    }
}

#[test]
fn the_format_before_is_read() {
    for (flag, deprecated) in [(0, false), (1, true)] {
        let details = [("patch_id".to_owned(), plain(b"old")), ("deprecated".to_owned(), plain(&[flag]))];
        let event = marker_event("core_patch".to_owned(), details, None);
        assert_eq!(patch_marker(&event), Some(PatchMarker { id: "old".to_owned(), deprecated }));
    }
}

#[test]
fn other_markers_are_no_patches() {
    let event = marker_event("Version".to_owned(), [], None);
    assert_eq!(patch_marker(&event), None);
    assert_eq!(local_activity_marker_data(&event), None);
    assert_eq!(local_activity_marker(event), None);
}

#[test]
fn a_local_activity_marker_has_its_fields_in_order() {
    let event = recorded(record_local_activity(data(), Some(Payload::default()), None, None));
    assert_eq!(
        text_of(&event, "data"),
        concat!(
            r#"{"seq":1,"attempt":2,"activity_id":"id","activity_type":"type","#,
            r#""complete_time":{"seconds":3,"nanos":4},"backoff":null,"#,
            r#""original_schedule_time":{"seconds":5,"nanos":6},"activation_index":7}"#,
        )
    );
    assert_eq!(local_activity_marker_data(&event), Some(data()));
    assert_eq!(
        local_activity_marker(event),
        Some(LocalActivityMarker { data: data(), result: Ok(Payload::default()) })
    );
}

#[test]
fn a_marker_without_activation_index_is_read() {
    let json = concat!(
        r#"{"seq":1,"attempt":2,"activity_id":"id","activity_type":"type","#,
        r#""complete_time":{"seconds":3,"nanos":4},"backoff":null,"original_schedule_time":{"seconds":5,"nanos":6}}"#,
    );
    let details = [("data".to_owned(), plain(json.as_bytes()))];
    let event = marker_event("core_local_activity".to_owned(), details, None);
    let old = LocalActivityMarkerData { activation_index: None, ..data() };
    assert_eq!(local_activity_marker_data(&event), Some(old));
}

#[test]
fn a_failure_wins_over_a_result_and_nothing_is_a_success() {
    let both = record_local_activity(data(), Some(Payload::default()), Some("broken".into()), None);
    let read = local_activity_marker(recorded(both)).expect("it is readable");
    assert_eq!(read.result, Err("broken".into()));
    let neither = record_local_activity(data(), None, None, None);
    let read = local_activity_marker(recorded(neither)).expect("it is readable");
    assert_eq!(read.result, Ok(Payload::default()));
}

#[test]
fn arguments_are_recorded_where_asked_for() {
    let event = recorded(record_local_activity(
        data(),
        None,
        None,
        Some(vec![Payload { data: b"arg".to_vec(), ..Default::default() }]),
    ));
    assert_eq!(text_of(&event, "input"), "arg");
}

#[test]
fn an_unreadable_marker_is_still_a_marker() {
    let details = [("data".to_owned(), plain(b"no json"))];
    let event = marker_event("core_local_activity".to_owned(), details, None);
    assert!(is_local_activity_marker(&event));
    assert_eq!(local_activity_marker(event), None);
}

#[test]
fn the_patches_of_a_run_are_a_sorted_list_of_keywords() {
    let attributes = change_version_attributes(["b", "a", "b"]).expect("it encodes").expect("it is short");
    let value = &attributes.indexed_fields["TemporalChangeVersion"];
    assert_eq!(value.data, br#"["a","b"]"#);
    assert_eq!(value.metadata["type"], b"KeywordList");
    assert_eq!(value.metadata["encoding"], b"json/plain");
    let event = event(history_event::Attributes::UpsertWorkflowSearchAttributesEventAttributes(
        temporalio_protos::temporal::api::history::v1::UpsertWorkflowSearchAttributesEventAttributes {
            search_attributes: Some(attributes),
            ..Default::default()
        },
    ));
    assert!(is_change_version_upsert(&event));
}

#[test]
fn a_list_of_2048_bytes_is_too_long() {
    // Brackets and quotes are four of the bytes.
    let id = |length: usize| "x".repeat(length - 4);
    assert!(change_version_attributes([id(2047).as_str()]).expect("it encodes").is_some());
    assert!(change_version_attributes([id(2048).as_str()]).expect("it encodes").is_none());
}
