//! What the client does over the host's gRPC, in virtual time. One file per behaviour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connecting;
mod eager_start;
mod headers;
mod metrics;
mod payload_limits;
mod retrying;
mod support;
mod user_calls;
