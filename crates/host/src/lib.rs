//! The side effects that a host lends to Core, as Rust types, and the executor that turns them into effects.
//!
//! [`Host`] is what the rest of Core is given: clocks, randomness, timers, tasks, gRPC clients, meters, logs and slot
//! suppliers. It reads nothing of the machine it runs on. [`TurnDriver`] is the other side: it takes one
//! [`envelope::TurnRequest`] and gives one [`envelope::TurnResponse`]. Effects are made in this crate alone.
//!
//! Everything here is single-threaded and deterministic: the same requests give the same responses, byte for byte.

mod calls;
mod client_config;
mod driver;
pub mod entries;
pub mod envelope;
mod executor;
mod grpc;
mod handle;
mod host;
mod instrument;
mod logs;
mod metrics;
mod outbox;
mod randomness;
mod slots;
#[cfg(feature = "testing")]
pub mod testing;
mod timers;

pub use calls::CallResult;
pub use client_config::GrpcClientConfig;
pub use driver::{InputError, MAX_INPUT_BYTES, TurnDriver};
pub use executor::Task;
pub use grpc::{GrpcClientRef, GrpcRequest, GrpcResponse, GrpcStatus, Metadata, code};
pub use handle::{HandleError, HandleTable, HostRef};
pub use host::{Host, Settings};
pub use instrument::{Buckets, Instrument};
pub use logs::{CoreLog, Level, LogFields};
pub use metrics::{
    CounterRef, GaugeF64Ref, GaugeRef, HistogramRef, MeterProviderRef, MetricKeyValue, MetricValue,
    MetricsAttributesOptions, MetricsAttributesRef,
};
pub use slots::{PermitRef, SlotsRef};
pub use timers::Sleep;
