//! Core's own flags and lang's, per run (spec 1.14).
//!
//! A flag marks behaviour that would break the replay of older histories. It is written into a completion the first
//! time it is used and honoured in replay only if history has it.

use litemap::LiteMap;
use temporalio_protos::temporal::api::sdk::v1::WorkflowTaskCompletedMetadata;

/// Core's flags (spec 1.14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum CoreFlag {
    /// Ids and types of activities, local activities and children are checked against history.
    IdAndTypeDeterminismChecks = 1,
    /// A patch upserts a search attribute.
    UpsertSearchAttributeOnPatch = 2,
    /// Commands after a terminal one are kept, the terminal one moves to the end.
    MoveTerminalCommands = 3,
    /// Service and operation of Nexus operations are checked against history.
    NexusOperationDeterminismChecks = 4,
}

const ALL_CORE_FLAGS: [CoreFlag; 4] = [
    CoreFlag::IdAndTypeDeterminismChecks,
    CoreFlag::UpsertSearchAttributeOnPatch,
    CoreFlag::MoveTerminalCommands,
    CoreFlag::NexusOperationDeterminismChecks,
];

/// Flags, ascending.
type FlagSet = LiteMap<u32, ()>;

/// The flags of one run, and who last completed a task of it.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    writable: bool,
    core: FlagSet,
    lang: FlagSet,
    core_unrecorded: FlagSet,
    lang_unrecorded: FlagSet,
    recorded_sdk_name: String,
    recorded_sdk_version: String,
}

impl Flags {
    /// Of a new run. `writable`: the service takes SDK metadata (spec 1.14.2).
    pub fn new(writable: bool) -> Self {
        Self { writable, ..Self::default() }
    }

    /// Takes over what a completed task in history says.
    pub fn learn(&mut self, metadata: &WorkflowTaskCompletedMetadata) {
        add(&mut self.core, metadata.core_used_flags.iter().copied());
        add(&mut self.lang, metadata.lang_used_flags.iter().copied());
        if !metadata.sdk_name.is_empty() {
            self.recorded_sdk_name.clone_from(&metadata.sdk_name);
        }
        if !metadata.sdk_version.is_empty() {
            self.recorded_sdk_version.clone_from(&metadata.sdk_version);
        }
    }

    /// Lang used these in the activation just completed.
    pub fn add_lang_used(&mut self, flags: impl IntoIterator<Item = u32>) {
        if self.writable {
            add(&mut self.lang_unrecorded, flags);
        }
    }

    /// Whether the flag may be used now; records it if `should_record` (spec 1.14.3).
    pub fn try_use(&mut self, flag: u32, should_record: bool) -> bool {
        if !should_record {
            return self.core.contains_key(&flag);
        }
        if self.writable {
            self.core_unrecorded.insert(flag, ());
        }
        self.writable
    }

    /// A completion is about to go out: all flags that this Core knows are in force from then on (spec 1.14.4).
    pub fn record_all_known(&mut self) {
        if self.writable {
            add(&mut self.core_unrecorded, ALL_CORE_FLAGS.map(|flag| flag as u32));
        }
    }

    /// What the completion must tell the service: flags not yet recorded, and name and version of the SDK if they
    /// changed.
    pub fn take_unrecorded(&mut self, sdk_name: &str, sdk_version: &str) -> WorkflowTaskCompletedMetadata {
        if !self.writable {
            return WorkflowTaskCompletedMetadata::default();
        }
        WorkflowTaskCompletedMetadata {
            core_used_flags: record(&mut self.core, &self.core_unrecorded),
            lang_used_flags: record(&mut self.lang, &self.lang_unrecorded),
            sdk_name: if_changed(sdk_name, &self.recorded_sdk_name),
            sdk_version: if_changed(sdk_version, &self.recorded_sdk_version),
        }
    }

    /// Lang's flags that history has, ascending.
    pub fn lang_flags(&self) -> Vec<u32> {
        self.lang.keys().copied().collect()
    }

    /// Version of the SDK that last completed a task, empty if unknown.
    pub fn recorded_sdk_version(&self) -> &str {
        &self.recorded_sdk_version
    }
}

fn record(known: &mut FlagSet, used: &FlagSet) -> Vec<u32> {
    let new: Vec<u32> = used.keys().copied().filter(|flag| !known.contains_key(flag)).collect();
    add(known, new.iter().copied());
    new
}

fn add(known: &mut FlagSet, flags: impl IntoIterator<Item = u32>) {
    for flag in flags {
        known.insert(flag, ());
    }
}

fn if_changed(current: &str, recorded: &str) -> String {
    if current == recorded { String::new() } else { current.to_owned() }
}
