//! Time as the host gives it: integer nanoseconds. `std::time` reads the machine's clock and is banned in pure crates.

use std::time::Duration;

/// Nanoseconds on a clock that never goes back. Only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for deadlines and measured durations.
    pub monotonic: Instant,
    /// The wall clock, for timestamps that others read.
    pub wall: WallTime,
}

impl Instant {
    /// An instant of that many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds on the monotonic clock.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The instant `duration` later; the end of time if that is out of range.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Time passed since `earlier`; zero if that lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl WallTime {
    /// A wall time of that many nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The wall time `duration` later; the end of time if that is out of range.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Time passed since `earlier`; zero if that lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<WallTime> for prost_types::Timestamp {
    fn from(time: WallTime) -> Self {
        Self { seconds: (time.0 / 1_000_000_000) as i64, nanos: (time.0 % 1_000_000_000) as i32 }
    }
}

impl From<&prost_types::Timestamp> for WallTime {
    /// Times before the epoch become the epoch.
    fn from(timestamp: &prost_types::Timestamp) -> Self {
        let seconds = u64::try_from(timestamp.seconds).unwrap_or(0);
        let nanos = u64::try_from(timestamp.nanos).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
