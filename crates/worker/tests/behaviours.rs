//! The worker's behaviours, one file or folder for each, in one program: linking one for each took gigabytes.

mod activity;
mod adoption;
mod cache;
mod common;
mod configuration;
mod deep_causes;
mod eager_start;
mod large_completions;
mod legacy_queries;
mod local_activity;
mod nexus;
mod polling;
mod replay;
mod resource_based_slots;
mod server_gone;
mod shutdown;
mod signal;
mod slots;
mod slow_tasks;
mod worker_heartbeats;
mod workflow_local_activities;
mod workflow_tasks;
