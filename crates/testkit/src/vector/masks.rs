//! Every field that may differ between native Core and ours, each with its reason. Nothing else is left out of a
//! comparison.
//!
//! The list itself is python/src/corewasm/compare/masks.json: one file for both languages.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// Fields that may differ, and lists whose order says nothing, each with its reason. Paths have dots and no indexes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Masks {
    /// A field at this path may differ.
    pub may_differ: BTreeMap<String, String>,
    /// A list at this path is compared as a set.
    pub unordered: BTreeMap<String, String>,
}

/// In activations.
pub static ACTIVATIONS: LazyLock<Masks> = LazyLock::new(|| file().activations);

/// In activations of live runs with local activities.
pub static ACTIVATIONS_OF_LOCAL_ACTIVITIES: LazyLock<Masks> = LazyLock::new(|| {
    let File { mut activations, activations_of_local_activities: more, .. } = file();
    activations.may_differ.extend(more.may_differ);
    activations.unordered.extend(more.unordered);
    activations
});

/// In requests.
pub static REQUESTS: LazyLock<Masks> = LazyLock::new(|| file().requests);

/// In the JSON of local activities' markers.
pub static LOCAL_ACTIVITY_MARKERS: LazyLock<Masks> = LazyLock::new(|| file().local_activity_markers);

impl Masks {
    /// Whether the field at `path` may differ.
    pub fn covers(&self, path: &str) -> bool {
        self.may_differ.contains_key(path)
    }

    /// Whether the list at `path` is a set.
    pub fn is_set(&self, path: &str) -> bool {
        self.unordered.contains_key(path)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    activations: Masks,
    activations_of_local_activities: Masks,
    requests: Masks,
    local_activity_markers: Masks,
}

fn file() -> File {
    let text = include_str!("../../../../python/src/corewasm/compare/masks.json");
    serde_json::from_str(text).expect("a test reads the file, and no other one is ever read")
}

#[cfg(test)]
mod tests {
    use super::{ACTIVATIONS, ACTIVATIONS_OF_LOCAL_ACTIVITIES, LOCAL_ACTIVITY_MARKERS, Masks, REQUESTS};

    #[test]
    fn every_mask_has_its_reason() {
        let all = [&ACTIVATIONS, &ACTIVATIONS_OF_LOCAL_ACTIVITIES, &REQUESTS, &LOCAL_ACTIVITY_MARKERS];
        for Masks { may_differ, unordered } in all.map(|each| &**each) {
            assert!(may_differ.values().chain(unordered.values()).all(|reason| !reason.is_empty()));
        }
    }

    #[test]
    fn times_are_masked_where_local_activities_run_and_nowhere_else() {
        assert!(!ACTIVATIONS.covers("timestamp"));
        assert!(ACTIVATIONS_OF_LOCAL_ACTIVITIES.covers("timestamp"));
        assert!(ACTIVATIONS_OF_LOCAL_ACTIVITIES.is_set("available_internal_flags"));
    }

    #[test]
    fn an_identity_is_masked_and_a_command_is_not() {
        assert!(REQUESTS.covers("identity"));
        assert!(!REQUESTS.covers("commands"));
    }
}
