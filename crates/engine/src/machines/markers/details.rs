//! The JSON in markers' details, written and read.
//!
//! temporalio-protos has functions for this. Their errors are `anyhow`'s, which brings printing of backtraces, and with
//! it the demangling of symbols, into core.wasm.

use serde::Serialize;
use serde::de::DeserializeOwned;
use temporalio_protos::coresdk::external_data::{LocalActivityMarkerData, PatchedMarkerData};
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::history::v1::MarkerRecordedEventAttributes as Marker;
use temporalio_protos::{ENCODING_PAYLOAD_KEY, JSON_ENCODING_VAL, PATCHED_MARKER_DETAILS_KEY};

use super::PatchMarker;

const LOCAL_ACTIVITY_DATA_KEY: &str = "data";

/// Details of a marker under their keys.
pub(super) type Details = Vec<(String, Payloads)>;

/// The value as JSON; none if it has no such form.
pub(super) fn json_payload(value: &impl Serialize) -> Option<Payload> {
    let metadata = [(ENCODING_PAYLOAD_KEY.to_owned(), JSON_ENCODING_VAL.as_bytes().to_vec())].into();
    Some(Payload { metadata, data: serde_json::to_vec(value).ok()?, ..Default::default() })
}

pub(super) fn write_patch(id: &str, deprecated: bool) -> Option<Details> {
    let payload = json_payload(&PatchedMarkerData { id: id.to_owned(), deprecated })?;
    Some(vec![(PATCHED_MARKER_DETAILS_KEY.to_owned(), payload.into())])
}

pub(super) fn write_local_activity(data: &LocalActivityMarkerData) -> Details {
    let payload = json_payload(data).map(|payload| (LOCAL_ACTIVITY_DATA_KEY.to_owned(), payload.into()));
    payload.into_iter().collect()
}

pub(super) fn read_local_activity(marker: &Marker) -> Option<LocalActivityMarkerData> {
    from_json(first(marker, LOCAL_ACTIVITY_DATA_KEY)?)
}

/// In today's format or, where its key is missing, the one before it: plain bytes.
pub(super) fn read_patch(marker: &Marker) -> Option<PatchMarker> {
    if marker.details.contains_key(PATCHED_MARKER_DETAILS_KEY) {
        let payload = first(marker, PATCHED_MARKER_DETAILS_KEY).filter(|payload| payload.is_json_payload())?;
        let PatchedMarkerData { id, deprecated } = from_json(payload)?;
        return Some(PatchMarker { id, deprecated });
    }
    let id = str::from_utf8(&first(marker, "patch_id")?.data).ok()?.to_owned();
    let deprecated = *first(marker, "deprecated")?.data.first()? != 0;
    Some(PatchMarker { id, deprecated })
}

fn first<'a>(marker: &'a Marker, key: &str) -> Option<&'a Payload> {
    marker.details.get(key)?.payloads.first()
}

fn from_json<T: DeserializeOwned>(payload: &Payload) -> Option<T> {
    serde_json::from_str(str::from_utf8(&payload.data).ok()?).ok()
}
