//! What Core writes into markers and reads from them: patches (spec 2.8.2) and local activities (spec 2.3.4).

use litemap::LiteMap;
use temporalio_protos::VERSION_SEARCH_ATTR_KEY;
use temporalio_protos::constants::{LOCAL_ACTIVITY_MARKER_NAME, PATCH_MARKER_NAME};
use temporalio_protos::coresdk::external_data::LocalActivityMarkerData;
use temporalio_protos::temporal::api::command::v1::{RecordMarkerCommandAttributes, command};
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads, SearchAttributes};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, MarkerRecordedEventAttributes, history_event};

use self::details::Details;
use crate::error::{Result, RunError};

mod details;
#[cfg(test)]
mod tests;

/// A server takes search attribute values shorter than this many bytes, unless it is configured otherwise.
const MAX_SEARCH_ATTRIBUTE_BYTES: usize = 2048;

/// A patch marker's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchMarker {
    /// Patch id.
    pub id: String,
    /// By `deprecate_patch`.
    pub deprecated: bool,
}

/// A local activity marker's contents.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityMarker {
    /// Which activity, when it ended, and where the result was delivered.
    pub data: LocalActivityMarkerData,
    /// The result, or the failure as it was recorded.
    pub result: std::result::Result<Payload, Failure>,
}

/// The contents of `event` if it is a patch marker, in today's format or the one before it.
pub fn patch_marker(event: &HistoryEvent) -> Option<PatchMarker> {
    details::read_patch(marker_named(event, PATCH_MARKER_NAME)?)
}

/// `event` is a local activity marker, readable or not.
pub fn is_local_activity_marker(event: &HistoryEvent) -> bool {
    marker_named(event, LOCAL_ACTIVITY_MARKER_NAME).is_some()
}

/// Which local activity the marker `event` is of; none if it is no such marker or not readable. Leaves payloads alone.
pub fn local_activity_marker_data(event: &HistoryEvent) -> Option<LocalActivityMarkerData> {
    details::read_local_activity(marker_named(event, LOCAL_ACTIVITY_MARKER_NAME)?)
}

/// All that the local activity marker `event` holds; none if it is no such marker or not readable. A marker without
/// result and failure is a success with an empty payload.
pub fn local_activity_marker(event: HistoryEvent) -> Option<LocalActivityMarker> {
    let data = local_activity_marker_data(&event)?;
    local_activity_marker_of(event, data)
}

/// As [`local_activity_marker`], with the `data` that was read from the same event before: reading it is most of the
/// work.
pub fn local_activity_marker_of(event: HistoryEvent, data: LocalActivityMarkerData) -> Option<LocalActivityMarker> {
    let Some(history_event::Attributes::MarkerRecordedEventAttributes(mut marker)) = event.attributes else {
        return None;
    };
    let result = match marker.failure {
        Some(failure) => Err(failure),
        None => Ok(marker.details.remove("result").and_then(|mut result| result.payloads.pop()).unwrap_or_default()),
    };
    Some(LocalActivityMarker { data, result })
}

/// The command that records a patch.
pub(super) fn record_patch(id: &str, deprecated: bool) -> Result<command::Attributes> {
    let details =
        details::write_patch(id, deprecated).ok_or_else(|| RunError::fatal("While encoding patch marker details"))?;
    Ok(record_marker(PATCH_MARKER_NAME, details, None))
}

/// The command that records how a local activity ended; `input` only where lang asked for it.
pub(super) fn record_local_activity(
    data: LocalActivityMarkerData,
    result: Option<Payload>,
    failure: Option<Failure>,
    input: Option<Vec<Payload>>,
) -> command::Attributes {
    let mut details = details::write_local_activity(&data);
    details.extend(result.map(|result| ("result".to_owned(), result.into())));
    details.extend(input.map(|payloads| ("input".to_owned(), Payloads { payloads })));
    record_marker(LOCAL_ACTIVITY_MARKER_NAME, details, failure)
}

/// The search attributes that tell of all of a run's patches, or none if they are too long for a server (spec 2.8.3).
pub fn change_version_attributes<'a>(patch_ids: impl IntoIterator<Item = &'a str>) -> Result<Option<SearchAttributes>> {
    let mut sorted = LiteMap::new_vec();
    for id in patch_ids {
        sorted.insert(id, ());
    }
    let ids: Vec<&str> = sorted.keys().copied().collect();
    let mut value = details::json_payload(&ids)
        .ok_or_else(|| RunError::fatal("Could not serialize search attribute value for patch machine"))?;
    if value.data.len() >= MAX_SEARCH_ATTRIBUTE_BYTES {
        return Ok(None);
    }
    value.metadata.insert("type".to_owned(), b"KeywordList".to_vec());
    let indexed_fields = [(VERSION_SEARCH_ATTR_KEY.to_owned(), value)].into();
    Ok(Some(SearchAttributes { indexed_fields }))
}

/// The warning that goes with a `None` of [`change_version_attributes`].
pub fn change_version_warning(patch_id: &str) -> String {
    format!(
        "Serialized size of {VERSION_SEARCH_ATTR_KEY} search attribute update would exceed the maximum value size. \
         Skipping this upsert. Be aware that your visibility records will not include the following patch: {patch_id}"
    )
}

/// The warning for a lang command that upserts Core's attribute of patches (spec 2.9.1).
pub fn direct_change_version_warning() -> String {
    format!(
        "Upserting the {VERSION_SEARCH_ATTR_KEY} search attribute directly from workflow code is not permitted and has \
         no effect!"
    )
}

/// `event` is the upsert that goes with a patch marker: it is skipped together with a deprecated marker (spec 2.8.4).
pub fn is_change_version_upsert(event: &HistoryEvent) -> bool {
    let Some(history_event::Attributes::UpsertWorkflowSearchAttributesEventAttributes(upsert)) = &event.attributes
    else {
        return false;
    };
    let attributes = upsert.search_attributes.as_ref();
    attributes.is_some_and(|attributes| attributes.indexed_fields.contains_key(VERSION_SEARCH_ATTR_KEY))
}

fn marker_named<'a>(event: &'a HistoryEvent, name: &str) -> Option<&'a MarkerRecordedEventAttributes> {
    match &event.attributes {
        Some(history_event::Attributes::MarkerRecordedEventAttributes(marker))
            if event.event_type() == EventType::MarkerRecorded && marker.marker_name == name =>
        {
            Some(marker)
        }
        _ => None,
    }
}

fn record_marker(name: &str, details: Details, failure: Option<Failure>) -> command::Attributes {
    command::Attributes::RecordMarkerCommandAttributes(RecordMarkerCommandAttributes {
        marker_name: name.to_owned(),
        details: details.into_iter().collect(),
        header: None,
        failure,
    })
}
