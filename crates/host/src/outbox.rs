//! The effects of the turn that is running.

use bytes::{BufMut, Bytes};

use crate::envelope::{Effect, MetricRecords, effect::Kind};

/// Bytes of one packed metric record: instrument, attributes, value.
const RECORD_BYTES: usize = 16;

#[derive(Default)]
pub(crate) struct Outbox {
    effects: Vec<Effect>,
    metric_records: Vec<u8>,
}

impl Outbox {
    pub(crate) fn push(&mut self, kind: Kind) {
        self.effects.push(Effect { kind: Some(kind) });
    }

    pub(crate) fn record_metric(&mut self, instrument: u32, attributes: u32, value: u64) {
        self.metric_records.reserve(RECORD_BYTES);
        self.metric_records.put_u32_le(instrument);
        self.metric_records.put_u32_le(attributes);
        self.metric_records.put_u64_le(value);
    }

    /// All effects in their order; the turn's metric records are the last one.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        if !self.metric_records.is_empty() {
            let packed = Bytes::from(std::mem::take(&mut self.metric_records));
            self.push(Kind::MetricRecords(MetricRecords { packed }));
        }
        std::mem::take(&mut self.effects)
    }
}
