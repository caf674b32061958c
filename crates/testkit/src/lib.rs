//! History builder, and a simulator: a host, a frontend and a lang in virtual time, with the vectors that they play.

pub mod corpus;
pub mod history;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "simulator")]
pub mod vector;

pub use history::{HistoryBuilder, LocalActivityMarker, TaskView};
