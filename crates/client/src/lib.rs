//! Retry, back-off and deadlines over the host's gRPC client.
//!
//! A [`Connection`] stands for one client of a user: its headers, its retry policy and what its server can do. A
//! [`Client`] is what a worker calls through; the connection behind it can be replaced while it is in use (spec 10.7).

mod call;
mod client;
mod connection;
mod eager;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod headers;
mod metrics;
mod payload_limits;
mod retry;
mod shape;
mod tables;
mod user_call;
pub mod wire;

pub use call::{CallOptions, Retry, Rpc, RpcError};
pub use client::Client;
pub use connection::{ConnectError, Connection};
pub use eager::{EagerReservation, EagerSlot, EagerStarter};
pub use headers::InvalidHeader;
pub use payload_limits::{LimitClass, PayloadErrorLimits, PayloadLimitViolation};
pub use retry::RetryOptions;
