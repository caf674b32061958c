//! Durations of the protocol as durations of Rust, and back.

use std::time::Duration;

/// The duration, unless it is negative or out of range.
pub fn from_proto(duration: &prost_types::Duration) -> Option<Duration> {
    let nanos = i128::from(duration.seconds) * 1_000_000_000 + i128::from(duration.nanos);
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let nanos = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// As [`from_proto`], with zero taken for unset: the service writes zero for what was not set.
pub fn from_proto_nonzero(duration: Option<&prost_types::Duration>) -> Option<Duration> {
    duration.and_then(from_proto).filter(|duration| !duration.is_zero())
}

/// The duration, unless its seconds exceed those of the protocol's type.
pub fn to_proto(duration: Duration) -> Option<prost_types::Duration> {
    let seconds = i64::try_from(duration.as_secs()).ok()?;
    // Below 1e9, so it fits.
    Some(prost_types::Duration { seconds, nanos: duration.subsec_nanos() as i32 })
}
