//! Every field that may differ between native Core and ours, each with its reason. Nothing else is left out of a
//! comparison.
//!
//! The same list as conformance/differential/masks.py: a change here is a change there.

/// Fields that may differ, and lists whose order says nothing, each with its reason. Paths have dots and no indexes.
#[derive(Clone, Copy, Debug)]
pub struct Masks {
    /// A field at this path may differ.
    pub reasons: &'static [(&'static str, &'static str)],
    /// A list at this path is compared as a set.
    pub unordered: &'static [(&'static str, &'static str)],
}

const SET: &str = "native keeps it as a hash set: two native runs differ";

/// Nothing may differ.
pub const NONE: Masks = Masks { reasons: &[], unordered: &[] };

/// In activations.
pub const ACTIVATIONS: Masks = Masks { reasons: &[], unordered: &[("available_internal_flags", SET)] };

/// In activations of live runs with local activities.
pub const LIVE_TIMES: Masks = Masks {
    reasons: &[("timestamp", "workflow time moves on by how long a local activity really ran")],
    unordered: ACTIVATIONS.unordered,
};

/// In requests.
pub const REQUESTS: Masks = Masks {
    reasons: &[
        ("identity", "holds the process id"),
        ("sticky_attributes.worker_task_queue.name", "random"),
        ("task_queue.name", "the sticky queue's name is random; the normal one is compared by normal_name"),
        ("sticky_task_queue", "random"),
        ("worker_instance_key", "random"),
        ("worker_control_task_queue", "holds a random grouping key"),
        ("worker_heartbeat", "process facts and times"),
    ],
    unordered: &[("sdk_metadata.core_used_flags", SET), ("sdk_metadata.lang_used_flags", SET)],
};

impl Masks {
    /// Whether the field at `path` may differ.
    pub fn covers(&self, path: &str) -> bool {
        self.reasons.iter().any(|(masked, _)| *masked == path)
    }

    /// Whether the list at `path` is a set.
    pub fn is_set(&self, path: &str) -> bool {
        self.unordered.iter().any(|(list, _)| *list == path)
    }
}
