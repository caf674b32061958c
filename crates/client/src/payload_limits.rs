//! Payload and memo sizes, measured as the server does before anything is sent (spec 10.3).

use std::fmt;

use corewasm_host::Host;
use serde_json::json;

use crate::{
    shape::{Limit, Measure, RequestShape, Rule},
    tables::RULES,
    wire::{self, Fields, Value},
};

const LOG_TARGET: &str = "temporalio_common::payload_limits";

/// Which of the server's limits it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitClass {
    /// For payloads.
    Blob,
    /// For memos.
    Memo,
}

/// From which size on a call fails, in bytes; 0: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadErrorLimits {
    /// For payloads.
    pub blob: u64,
    /// For memos.
    pub memo: u64,
}

/// From which size on a call is warned of, in bytes; 0: never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WarnSizes {
    pub(crate) payloads: u64,
    pub(crate) memo: u64,
}

/// A field that is larger than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLimitViolation {
    /// Under which limit the field is.
    pub class: LimitClass,
    /// Its size in bytes.
    pub size: u64,
    /// The limit in bytes.
    pub limit: u64,
    /// Whether it fails the call, or only warns.
    pub is_error: bool,
}

impl fmt::Display for PayloadLimitViolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.class == LimitClass::Blob { "payloads" } else { "memo" };
        let limit = if self.is_error { "error" } else { "warning" };
        write!(formatter, "[TMPRL1103] Attempted to upload {what} with size that exceeded the {limit} limit.")
    }
}

/// Logs what is too large. The first error of the request, if there is any: then warnings are not logged.
pub(crate) fn check(
    host: &Host,
    shape: &RequestShape,
    body: &[u8],
    warn: WarnSizes,
    errors: PayloadErrorLimits,
) -> Result<(), PayloadLimitViolation> {
    let violations = measure(shape, body, warn, errors);
    let first_error = violations.iter().find(|violation| violation.is_error).copied();
    for violation in violations.iter().filter(|violation| violation.is_error == first_error.is_some()) {
        log(host, violation);
    }
    first_error.map_or(Ok(()), Err)
}

/// All that is too large, in the order of the rules.
pub(crate) fn measure(
    shape: &RequestShape,
    body: &[u8],
    warn: WarnSizes,
    errors: PayloadErrorLimits,
) -> Vec<PayloadLimitViolation> {
    let mut meter = Meter { warn, errors, violations: Vec::new() };
    if let Some(rules) = shape.rules {
        meter.message(body, rules);
    }
    meter.violations
}

fn log(host: &Host, violation: &PayloadLimitViolation) {
    let fields = [("size", json!(violation.size)), ("limit", json!(violation.limit))];
    if violation.is_error {
        host.error(LOG_TARGET, violation.to_string(), &fields);
    } else {
        host.warn(LOG_TARGET, violation.to_string(), &fields);
    }
}

struct Meter {
    warn: WarnSizes,
    errors: PayloadErrorLimits,
    violations: Vec<PayloadLimitViolation>,
}

impl Meter {
    fn message(&mut self, message: &[u8], rules: usize) {
        for &(number, rule) in RULES[rules] {
            match rule {
                Rule::Enter(nested) => values(message, number).for_each(|value| self.message(value, nested)),
                Rule::Measure(limit, Measure::MapEntry) => {
                    let mut entries = values(message, number).peekable();
                    if entries.peek().is_some() {
                        self.judge(limit, entries.map(entry_size).sum());
                    }
                }
                Rule::Measure(limit, measure) => {
                    values(message, number).for_each(|value| self.judge(limit, size(measure, value)));
                }
            }
        }
    }

    fn judge(&mut self, limit: Limit, size: u64) {
        let (class, warn, error) = match limit {
            Limit::Blob => (LimitClass::Blob, self.warn.payloads, self.errors.blob),
            Limit::BlobWarning => (LimitClass::Blob, self.warn.payloads, 0),
            Limit::Memo => (LimitClass::Memo, self.warn.memo, self.errors.memo),
        };
        if error > 0 && size > error {
            self.violations.push(PayloadLimitViolation { class, size, limit: error, is_error: true });
        } else if warn > 0 && size > warn {
            self.violations.push(PayloadLimitViolation { class, size, limit: warn, is_error: false });
        }
    }
}

fn values(message: &[u8], field: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).flatten().filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == field => Some(bytes),
        _ => None,
    })
}

const MAP_KEY: u32 = 1;
const MAP_VALUE: u32 = 2;

fn size(measure: Measure, value: &[u8]) -> u64 {
    match measure {
        Measure::Encoded => value.len() as u64,
        Measure::MapEntry => entry_size(value),
        // SearchAttributes.indexed_fields and Memo.fields are both field 1.
        Measure::MapData => values(value, 1).map(entry_data_size).sum(),
    }
}

fn entry_size(entry: &[u8]) -> u64 {
    length(entry, MAP_KEY) + length(entry, MAP_VALUE)
}

fn entry_data_size(entry: &[u8]) -> u64 {
    const PAYLOAD_DATA: u32 = 2;
    length(entry, MAP_KEY) + wire::bytes(entry, MAP_VALUE).map_or(0, |payload| length(payload, PAYLOAD_DATA))
}

fn length(message: &[u8], field: u32) -> u64 {
    wire::bytes(message, field).map_or(0, |bytes| bytes.len() as u64)
}
