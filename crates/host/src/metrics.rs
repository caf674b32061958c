//! Meters: instruments and attribute sets are sent once and then known by number; records are packed, one field a turn.
//!
//! With metrics off every reference is number 0 and records nothing.

use std::time::Duration;

use litemap::LiteMap;
use prost::Message;

use crate::{
    Host,
    envelope::{self, DefineAttributes, DefineInstrument, MetricsOptions, define_instrument, effect, metric_key_value},
    instrument::{Buckets, Instrument},
};

const DEFAULT_PREFIX: &str = "temporal_";
const SERVICE_NAME: (&str, &str) = ("service_name", "temporal-core-sdk");

/// The attribute set that holds nothing.
const NO_ATTRIBUTES: u32 = 0;

/// What was sent already. Keys are the encoded definitions, numbered 0.
#[derive(Default)]
pub(crate) struct MetricsRegistry {
    options: MetricsOptions,
    instruments: LiteMap<Vec<u8>, u32>,
    attributes: LiteMap<Vec<u8>, u32>,
    /// The set that every other one extends.
    root: u32,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricKeyValue {
    /// The label's name.
    pub key: String,
    /// Its value.
    pub value: MetricValue,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// A text.
    String(String),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
}

impl MetricKeyValue {
    /// An attribute with a text, as nearly all of Core's are.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: MetricValue::String(value.into()) }
    }
}

impl From<MetricKeyValue> for envelope::MetricKeyValue {
    fn from(pair: MetricKeyValue) -> Self {
        let value = match pair.value {
            MetricValue::String(text) => metric_key_value::Value::Text(text),
            MetricValue::Int(integer) => metric_key_value::Value::Integer(integer),
            MetricValue::Float(float) => metric_key_value::Value::Float(float),
            MetricValue::Bool(boolean) => metric_key_value::Value::Boolean(boolean),
        };
        Self { key: pair.key, value: Some(value) }
    }
}

/// What a new attribute set holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsAttributesOptions {
    /// A later pair wins over an earlier one of the same key.
    pub attributes: Vec<MetricKeyValue>,
}

/// A set of attributes that the host knows. Cheap to clone.
#[derive(Clone)]
pub struct MetricsAttributesRef {
    provider: MeterProviderRef,
    attributes: u32,
}

impl MetricsAttributesRef {
    /// A set of these attributes and those that all of Core's metrics have (service_name, unless switched off).
    pub fn new(provider: &MeterProviderRef, options: MetricsAttributesOptions) -> Self {
        let attributes = provider.host.metrics().root;
        Self { provider: provider.clone(), attributes }.with_kvs(options.attributes)
    }

    /// A set of this one's attributes and `kvs`. This one stays as it is.
    pub fn with_kvs(&self, kvs: Vec<MetricKeyValue>) -> Self {
        let host = &self.provider.host;
        if kvs.is_empty() || !host.metrics_enabled() {
            return self.clone();
        }
        Self { provider: self.provider.clone(), attributes: host.define_attributes(self.attributes, kvs) }
    }
}

/// Where instruments come from.
#[derive(Clone)]
pub struct MeterProviderRef {
    host: Host,
}

impl MeterProviderRef {
    /// Counts what happens.
    pub fn new_counter<'a>(&self, instrument: impl Into<Instrument<'a>>) -> CounterRef {
        CounterRef(self.define(define_instrument::Kind::Counter, instrument.into(), Buckets::default()))
    }

    /// The distribution of a value.
    pub fn new_histogram<'a>(&self, instrument: impl Into<Instrument<'a>>, buckets: Buckets) -> HistogramRef {
        HistogramRef(self.define(define_instrument::Kind::Histogram, instrument.into(), buckets))
    }

    /// The distribution of a duration, recorded in milliseconds, in the buckets of its name (spec 11.6).
    pub fn new_histogram_duration<'a>(&self, instrument: impl Into<Instrument<'a>>) -> HistogramRef {
        let instrument = Instrument { unit: "duration", ..instrument.into() };
        HistogramRef(self.define(define_instrument::Kind::HistogramDuration, instrument, Buckets::of(instrument.name)))
    }

    /// A value that goes up and down.
    pub fn new_gauge<'a>(&self, instrument: impl Into<Instrument<'a>>) -> GaugeRef {
        GaugeRef(self.define(define_instrument::Kind::Gauge, instrument.into(), Buckets::default()))
    }

    /// A value with a fraction that goes up and down.
    pub fn new_gauge_f64<'a>(&self, instrument: impl Into<Instrument<'a>>) -> GaugeF64Ref {
        GaugeF64Ref(self.define(define_instrument::Kind::GaugeF64, instrument.into(), Buckets::default()))
    }

    fn define(&self, kind: define_instrument::Kind, instrument: Instrument<'_>, buckets: Buckets) -> Recorder {
        let instrument = self.host.define_instrument(kind, instrument, buckets);
        Recorder { host: self.host.clone(), instrument }
    }
}

#[derive(Clone)]
struct Recorder {
    host: Host,
    instrument: u32,
}

impl Recorder {
    fn record(&self, value: u64, attributes: &MetricsAttributesRef) {
        if self.instrument != 0 {
            self.host.record_metric(self.instrument, attributes.attributes, value);
        }
    }
}

/// A counter of the host's.
#[derive(Clone)]
pub struct CounterRef(Recorder);

impl CounterRef {
    /// Adds `value`.
    pub fn add(&self, value: u64, attributes: &MetricsAttributesRef) {
        self.0.record(value, attributes);
    }
}

/// A histogram of the host's.
#[derive(Clone)]
pub struct HistogramRef(Recorder);

impl HistogramRef {
    /// Takes in a value; durations are in milliseconds.
    pub fn record(&self, value: u64, attributes: &MetricsAttributesRef) {
        self.0.record(value, attributes);
    }

    /// Takes in a duration, cut to milliseconds.
    pub fn record_duration(&self, duration: Duration, attributes: &MetricsAttributesRef) {
        self.record(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), attributes);
    }
}

/// A gauge of the host's.
#[derive(Clone)]
pub struct GaugeRef(Recorder);

impl GaugeRef {
    /// Sets the value.
    pub fn record(&self, value: u64, attributes: &MetricsAttributesRef) {
        self.0.record(value, attributes);
    }
}

/// A gauge of the host's whose values have fractions.
#[derive(Clone)]
pub struct GaugeF64Ref(Recorder);

impl GaugeF64Ref {
    /// Sets the value.
    pub fn record(&self, value: f64, attributes: &MetricsAttributesRef) {
        self.0.record(value.to_bits(), attributes);
    }
}

impl Host {
    /// Where Core's instruments come from.
    pub fn get_meter_provider(&self) -> MeterProviderRef {
        MeterProviderRef { host: self.clone() }
    }

    /// Whether anyone reads metrics.
    pub fn metrics_enabled(&self) -> bool {
        self.metrics().options.enabled
    }

    pub(crate) fn open_metrics(&self, options: MetricsOptions) {
        let attach_service_name = options.enabled && options.attach_service_name;
        self.metrics().options = options;
        if attach_service_name {
            let service = MetricKeyValue::new(SERVICE_NAME.0, SERVICE_NAME.1);
            let root = self.define_attributes(NO_ATTRIBUTES, vec![service]);
            self.metrics().root = root;
        }
    }

    fn define_attributes(&self, extends: u32, kvs: Vec<MetricKeyValue>) -> u32 {
        let key_values = kvs.into_iter().map(Into::into).collect();
        let mut define = DefineAttributes { attributes: 0, extends, key_values };
        let (number, new) = numbered(&mut self.metrics().attributes, define.encode_to_vec());
        if new {
            define.attributes = number;
            self.emit(effect::Kind::DefineAttributes(define));
        }
        number
    }

    fn define_instrument(&self, kind: define_instrument::Kind, instrument: Instrument<'_>, buckets: Buckets) -> u32 {
        if !self.metrics_enabled() {
            return 0;
        }
        let mut define = DefineInstrument {
            instrument: 0,
            kind: kind.into(),
            name: self.metrics().options.prefix.as_deref().unwrap_or(DEFAULT_PREFIX).to_owned() + instrument.name,
            description: instrument.description.to_owned(),
            unit: instrument.unit.to_owned(),
            buckets: buckets.buckets,
        };
        let (number, new) = numbered(&mut self.metrics().instruments, define.encode_to_vec());
        if new {
            define.instrument = number;
            self.emit(effect::Kind::DefineInstrument(define));
        }
        number
    }
}

/// The number of this definition, from 1, and whether it is a new one.
fn numbered(known: &mut LiteMap<Vec<u8>, u32>, definition: Vec<u8>) -> (u32, bool) {
    let next = u32::try_from(known.len() + 1).unwrap_or(u32::MAX);
    let number = *known.entry(definition).or_insert(next);
    (number, number == next)
}
