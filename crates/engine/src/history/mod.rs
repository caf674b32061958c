//! A run's history: slices of received bytes, pages, and the ends of logical workflow tasks (spec 1.3, 1.4).
//!
//! The way of an event: [`split_poll_response`] cuts a received message into [`Event`]s without decoding them;
//! [`Paginator`] queues them, asks for further pages and finds where each logical workflow task ends; a
//! [`HistoryUpdate`] hands them out one such sequence at a time; whoever applies the sequence decodes each event once
//! and drops it. An event holds on to the page it was received in, so a page's memory is free when its last event was
//! applied.

mod chunk;
mod error;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod paginator;
mod replay;
mod split;
mod update;
pub(crate) mod wire;

pub use error::HistoryError;
pub use event::{Event, is_command_event, is_final_execution_event};
pub use paginator::{Extraction, HistoryPage, PageRequest, Paginator, TaskHistory};
pub use replay::{ReplayError, ReplayHistory};
pub use split::{
    SplitCompletion, SplitPoll, split_completion_response, split_history, split_history_response, split_poll_response,
};
pub use update::{HistoryUpdate, NextSequence, Sequence};
