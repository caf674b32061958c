//! One workflow run: history in, activations out; completions in, commands out.
//!
//! # The driver's contract
//!
//! The engine is a pure state machine: no clock, no I/O, no randomness, no threads. Whoever drives it
//!
//! 1. makes a [`history::Paginator`] of a polled workflow task and feeds it pages until it yields a [`PreparedTask`];
//! 2. makes a [`Run`] for a run id it does not hold, or looks the held one up, and calls one `handle_*` method with
//!    what happened;
//! 3. drains [`Run::take_outputs`] after **every** `handle_*` call and after [`Run::new`], and carries them out in
//!    order;
//! 4. answers [`RunOutput::LocalActivities`] by [`Run::handle_local_activities_taken`] at once, before any other input;
//! 5. hands each [`RunOutput::Activation`] to lang and what comes back, checked by [`run::validate_completion`], to
//!    [`Run::handle_completion`]; answers [`RunOutput::Autocomplete`] and [`RunOutput::AutoFail`] so itself;
//! 6. carries out each [`RunOutput::CompletionDecided`] and tells the result by [`Run::handle_report_result`];
//! 7. drops the run at [`RunOutput::Evicted`].
//!
//! At most one activation is outstanding per run (spec 1.1.5). Time enters as an argument, in the integer types of
//! [`time`].

pub mod deep_causes;
pub mod error;
pub mod flags;
pub mod history;
pub mod input;
pub mod machines;
pub mod output;
pub mod run;
pub mod time;

pub use error::{MalformedCompletion, RunError};
pub use input::{
    EvictionRequest, FetchOutcome, LocalActivitiesTaken, LocalActivityResolution, LocalActivityResult, PreparedTask,
    ReportOutcome, ReportResult, RunSetup,
};
pub use output::{LocalActivityNotice, LocalActivityRequest, RunOutput, TaskFailure, TaskReport};
pub use run::{Run, ValidCompletion, validate_completion};
