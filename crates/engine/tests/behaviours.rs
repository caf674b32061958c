//! The engine's behaviours, one file for each, in one program: linking one for each file took gigabytes.

mod activities;
mod buffering;
mod events;
mod evictions;
mod history_paging;
mod history_properties;
mod history_service;
mod local_activities;
mod local_activity_replay;
mod native_live_vectors;
mod native_vectors;
mod nothing_is_lost;
mod paging;
mod patches;
mod queries;
mod replay_flag;
mod replay_history;
mod sdk_metadata;
mod support;
mod task_boundaries;
mod task_failures;
mod terminal_commands;
mod timers;
mod updates;
