//! Vectors: transcripts of native Core as data (conformance/vectors/README.md), and how ours are compared with them.

mod compare;
mod differences;
mod file;
mod masks;
mod paths;

pub use compare::{activation_differences, live_differences, replay_differences};
pub use differences::{differences, message};
pub use file::{Base64, LiveVector, LocalAttempt, ReplayVector, VectorError, WorkerOptions, lives, replays};
pub use masks::{ACTIVATIONS, ACTIVATIONS_OF_LOCAL_ACTIVITIES, LOCAL_ACTIVITY_MARKERS, Masks, REQUESTS};
pub use paths::paths_to;
