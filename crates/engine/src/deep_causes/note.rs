//! The note in the place of causes that were cut off: how many, and what the innermost said.

use std::iter::successors;

use prost::Message;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_protos::temporal::api::nexus::v1::Failure as NexusFailure;

use super::{CAUSE, cause_of};
use crate::history::wire::{Fields, Value};

/// The application failure type of a note.
const ERROR_TYPE: &str = "CausesLeftOut";
const LEFT_OUT: &str = "Causes left out here, nested deeper than protobuf messages can be read: ";
const INNERMOST: &str = ". The innermost of them says: ";
const MESSAGE: u32 = 1;
/// So many characters of the innermost failure's message.
const SHOWN: usize = 200;

/// An encoded note in the place of this failure and its causes; none if they are nothing but a note already.
pub(super) fn in_place_of(failure: &[u8], cause: u32) -> Option<Vec<u8>> {
    let (count, innermost) = chain(failure, cause);
    let message = message_of(innermost);
    let (left_out, shown) = match earlier(&message) {
        Some(_) if count == 1 => return None,
        Some((earlier, shown)) => ((count as u64 - 1).saturating_add(earlier), shown.to_owned()),
        None => (count as u64, message.chars().take(SHOWN).collect()),
    };
    let message = format!("{LEFT_OUT}{left_out}{INNERMOST}{shown}");
    Some(if cause == CAUSE {
        failure_of(message)
    } else {
        NexusFailure { message, ..Default::default() }.encode_to_vec()
    })
}

fn failure_of(message: String) -> Vec<u8> {
    let info = ApplicationFailureInfo { r#type: ERROR_TYPE.to_owned(), ..Default::default() };
    let failure_info = Some(FailureInfo::ApplicationFailureInfo(info));
    Failure { message, failure_info, ..Default::default() }.encode_to_vec()
}

/// How many failures there are, and the innermost.
fn chain(failure: &[u8], cause: u32) -> (usize, &[u8]) {
    successors(Some(failure), |failure| cause_of(failure, cause))
        .fold((0, failure), |(count, _), failure| (count + 1, failure))
}

fn message_of(failure: &[u8]) -> String {
    let mut message: &[u8] = &[];
    for field in Fields::of(failure).flatten().filter(|field| field.number == MESSAGE) {
        if let Value::Delimited(text) = field.value {
            message = text;
        }
    }
    String::from_utf8_lossy(message).into_owned()
}

/// What an earlier note says: how many causes it stands for, and what the innermost said.
fn earlier(message: &str) -> Option<(u64, &str)> {
    let rest = message.strip_prefix(LEFT_OUT)?;
    let (count, rest) = rest.split_at(rest.find(|sign: char| !sign.is_ascii_digit())?);
    Some((count.parse().ok()?, rest.strip_prefix(INNERMOST)?))
}
