//! Markers: patches, local activities, and the events without a machine of their own that go with them.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_types::Timestamp;
use serde_json::{Value, json as value};
use temporalio_protos::temporal::api::common::v1::{Memo, Payload, Payloads, SearchAttributes};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{
    MarkerRecordedEventAttributes, UpsertWorkflowSearchAttributesEventAttributes,
    WorkflowPropertiesModifiedEventAttributes,
};

use super::value::payloads;
use super::{HistoryBuilder, json};

/// What a local activity's marker tells (spec 2.3.4).
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityMarker {
    /// Lang's sequence number.
    pub seq: u32,
    /// Attempt that ended.
    pub attempt: u32,
    /// Activity id.
    pub activity_id: String,
    /// Activity type.
    pub activity_type: String,
    /// Workflow time at which it ended.
    pub complete_time: Option<Timestamp>,
    /// Lang is to wait this long and try again.
    pub backoff: Option<Duration>,
    /// When the first attempt was scheduled.
    pub original_schedule_time: Option<Timestamp>,
    /// In which activation of the workflow task the result was delivered; markers of older versions do not tell.
    pub activation_index: Option<u64>,
    /// What it returned.
    pub result: Option<Payload>,
    /// How it failed.
    pub failure: Option<Failure>,
}

impl LocalActivityMarker {
    /// A local activity of type "activity" whose id is its number, and which returned null.
    pub fn completed(seq: u32) -> Self {
        Self {
            seq,
            attempt: 1,
            activity_id: seq.to_string(),
            activity_type: "activity".to_owned(),
            complete_time: None,
            backoff: None,
            original_schedule_time: None,
            activation_index: None,
            result: Some(json(&Value::Null)),
            failure: None,
        }
    }

    /// A local activity of type "activity" whose id is its number, and which failed.
    pub fn failed(seq: u32, message: &str) -> Self {
        Self { result: None, failure: Some(super::failure(message)), ..Self::completed(seq) }
    }

    fn data(&self) -> Value {
        let mut data = value!({
            "seq": self.seq,
            "attempt": self.attempt,
            "activity_id": self.activity_id,
            "activity_type": self.activity_type,
            "complete_time": self.complete_time.as_ref().map(time),
            "backoff": self.backoff.map(|b| value!({"seconds": b.as_secs(), "nanos": b.subsec_nanos()})),
            "original_schedule_time": self.original_schedule_time.as_ref().map(time),
        });
        if let Some(index) = self.activation_index {
            data["activation_index"] = index.into();
        }
        data
    }
}

impl HistoryBuilder {
    /// MarkerRecorded, of any name.
    pub fn marker(&mut self, name: &str, details: BTreeMap<String, Payloads>, failure: Option<Failure>) -> i64 {
        self.add(MarkerRecordedEventAttributes {
            marker_name: name.to_owned(),
            details: details.into_iter().collect(),
            workflow_task_completed_event_id: self.completed_id(),
            failure,
            ..Default::default()
        })
    }

    /// MarkerRecorded, of a patch (spec 2.8.2).
    pub fn patch_marker(&mut self, patch_id: &str, deprecated: bool) -> i64 {
        let data = json(&value!({"id": patch_id, "deprecated": deprecated}));
        self.marker("core_patch", [("patch-data".to_owned(), payloads(data))].into(), None)
    }

    /// MarkerRecorded, of a patch as the first versions wrote it (spec 2.8.2).
    pub fn old_patch_marker(&mut self, patch_id: &str, deprecated: bool) -> i64 {
        let raw = |data: &[u8]| payloads(Payload { data: data.to_vec(), ..Default::default() });
        let details = [
            ("patch_id".to_owned(), raw(patch_id.as_bytes())),
            ("deprecated".to_owned(), raw(&[u8::from(deprecated)])),
        ];
        self.marker("core_patch", details.into(), None)
    }

    /// MarkerRecorded, of a local activity (spec 2.3.4).
    pub fn local_activity_marker(&mut self, marker: &LocalActivityMarker) -> i64 {
        let result = marker.result.clone().map(|result| ("result".to_owned(), payloads(result)));
        let data = ("data".to_owned(), payloads(json(&marker.data())));
        let details = [data].into_iter().chain(result).collect();
        self.marker("core_local_activity", details, marker.failure.clone())
    }

    /// UpsertWorkflowSearchAttributes, of the patches that have markers (spec 2.8.3).
    pub fn patch_search_attribute(&mut self, patch_ids: &[&str]) -> i64 {
        let mut ids = json(&value!(patch_ids));
        ids.metadata.insert("type".to_owned(), b"KeywordList".to_vec());
        self.search_attributes_upserted([("TemporalChangeVersion".to_owned(), ids)].into())
    }

    /// UpsertWorkflowSearchAttributes.
    pub fn search_attributes_upserted(&mut self, fields: BTreeMap<String, Payload>) -> i64 {
        let indexed_fields = fields.into_iter().collect();
        self.add(UpsertWorkflowSearchAttributesEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            search_attributes: Some(SearchAttributes { indexed_fields }),
        })
    }

    /// WorkflowPropertiesModified.
    pub fn properties_modified(&mut self, fields: BTreeMap<String, Payload>) -> i64 {
        let fields = fields.into_iter().collect();
        self.add(WorkflowPropertiesModifiedEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            upserted_memo: Some(Memo { fields }),
        })
    }
}

fn time(time: &Timestamp) -> Value {
    value!({"seconds": time.seconds, "nanos": time.nanos})
}
