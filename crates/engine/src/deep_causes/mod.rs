//! Causes nested deeper than protobuf messages can be read are cut off, with a note in their place.
//!
//! prost and the library under Python's protobuf read 100 levels of messages and refuse the whole message beyond. A
//! failure whose causes reach that deep would be known to nobody: who waits for it would wait for a time-out. So it is
//! cut in its encoded form, before it is decoded: what is left can be read in the deepest place that it gets to, an
//! activation's `jobs.resolve_activity.result.failed.failure`, five levels down, as the cause of an activity failure,
//! with four levels of details below each failure.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod note;
mod places;
#[cfg(test)]
mod tests;

use prost::encoding::{WireType, encode_key, encode_varint};
use prost::{DecodeError, Message};

use crate::history::wire::{Fields, Value};
use places::{Place, Places, place_of};

/// So many failures, each the cause of the one before, are kept of what lang sends.
pub const KEPT_OF_LANG: usize = 90;
/// The same of what the service sends. One more, so that what a worker sent, and Core or the service made the cause of
/// another failure, is not cut again.
pub const KEPT_OF_SERVICE: usize = KEPT_OF_LANG + 1;

/// A failure around another takes a key and a length at least.
const LEAST_BYTES: usize = 2;
const CAUSE: u32 = 4;
const NEXUS_CAUSE: u32 = 5;

/// Messages that have failures in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `coresdk.workflow_completion.WorkflowActivationCompletion`
    WorkflowCompletion,
    /// `coresdk.ActivityTaskCompletion`
    ActivityCompletion,
    /// `coresdk.nexus.NexusTaskCompletion`
    NexusCompletion,
    /// `temporal.api.history.v1.HistoryEvent`
    HistoryEvent,
}

/// Decodes the carrier's message, with causes that are nested too deep cut off.
///
/// # Errors
/// The bytes are no such message.
pub fn decode<M: Message + Default>(encoded: &[u8], carrier: Carrier) -> Result<M, DecodeError> {
    M::decode(cut(encoded, carrier).as_deref().unwrap_or(encoded))
}

/// The carrier's message with what is nested too deep cut off; none if nothing is, or the bytes are no message.
///
/// Of an ordinary message only the fields are looked at on the way to its failures, and nothing is copied. One that is
/// too short for so many failures is not looked at.
pub fn cut(encoded: &[u8], carrier: Carrier) -> Option<Vec<u8>> {
    let (places, kept) = match carrier {
        Carrier::WorkflowCompletion => (places::WORKFLOW_COMPLETION, KEPT_OF_LANG),
        Carrier::ActivityCompletion => (places::ACTIVITY_COMPLETION, KEPT_OF_LANG),
        Carrier::NexusCompletion => (places::NEXUS_COMPLETION, KEPT_OF_LANG),
        Carrier::HistoryEvent => (places::HISTORY_EVENT, KEPT_OF_SERVICE),
    };
    cut_within(encoded, places, kept)
}

/// As deep as the tables are; the causes are walked without recursion.
fn cut_within(message: &[u8], places: Places, kept: usize) -> Option<Vec<u8>> {
    if message.len() < kept * LEAST_BYTES {
        return None;
    }
    let mut output: Option<Vec<u8>> = None;
    let mut read = 0;
    for field in Fields::of(message) {
        let field = field.ok()?;
        let replaced = match (place_of(places, field.number), field.value) {
            (Some(place), Value::Delimited(value)) => cut_place(value, place, kept),
            _ => None,
        };
        match (replaced, &mut output) {
            (None, None) => {}
            (None, Some(output)) => output.extend_from_slice(field.encoded),
            (Some(value), output) => {
                let output = output.get_or_insert_with(|| message[..read].to_vec());
                push_field(output, field.number, &value);
            }
        }
        read += field.encoded.len();
    }
    output
}

fn cut_place(value: &[u8], place: Place, kept: usize) -> Option<Vec<u8>> {
    match place {
        Place::Failure => cut_failure(value, CAUSE, kept),
        Place::NexusFailure => cut_failure(value, NEXUS_CAUSE, kept),
        Place::Within(places) => cut_within(value, places, kept),
    }
}

/// Keeps so many failures and puts a note in the place of the next.
fn cut_failure(failure: &[u8], cause: u32, kept: usize) -> Option<Vec<u8>> {
    let mut outer = Vec::new();
    let mut failure = failure;
    while outer.len() < kept {
        outer.push(failure);
        failure = cause_of(failure, cause)?;
    }
    let mut cut = note::in_place_of(failure, cause)?;
    for failure in outer.into_iter().rev() {
        cut = with_cause(failure, cause, &cut);
    }
    Some(cut)
}

/// The cause of an encoded failure. None also if the failure is no message: decoding says so.
fn cause_of(failure: &[u8], cause: u32) -> Option<&[u8]> {
    let mut found = None;
    for field in Fields::of(failure) {
        match field.ok()? {
            // A field that comes twice counts by its last value.
            field if field.number == cause => found = Some(field.value.delimited().ok()?),
            _ => {}
        }
    }
    found
}

fn with_cause(failure: &[u8], cause: u32, value: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(failure.len());
    for field in Fields::of(failure).flatten().filter(|field| field.number != cause) {
        output.extend_from_slice(field.encoded);
    }
    push_field(&mut output, cause, value);
    output
}

fn push_field(output: &mut Vec<u8>, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, output);
    encode_varint(value.len() as u64, output);
    output.extend_from_slice(value);
}
