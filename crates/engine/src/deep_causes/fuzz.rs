//! What fuzzers run: each function takes any bytes and panics if something is wrong. Also run by the tests.

use prost::Message;
use temporalio_protos::coresdk::ActivityTaskCompletion;
use temporalio_protos::coresdk::nexus::NexusTaskCompletion;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::places::{self, Place, Places};
use super::{CAUSE, Carrier, KEPT_OF_SERVICE, NEXUS_CAUSE, cut, push_field, with_cause};

/// Every kind of message that failures come in.
pub const CARRIERS: [Carrier; 4] =
    [Carrier::WorkflowCompletion, Carrier::ActivityCompletion, Carrier::NexusCompletion, Carrier::HistoryEvent];

/// Any bytes as each of the messages, and as a failure around which others are put: what decoded decodes after the cut,
/// what was deep decodes now, and a second cut finds nothing.
pub fn cuts(data: &[u8]) {
    CARRIERS.into_iter().for_each(|carrier| check(data, carrier));
    let Some(([which, depth], innermost)) = data.split_first_chunk() else { return };
    let paths: Vec<_> =
        CARRIERS.into_iter().flat_map(|carrier| paths(carrier).map(move |path| (carrier, path))).collect();
    let (carrier, path) = &paths[usize::from(*which) % paths.len()];
    let causes = usize::from(*depth) * 2;
    let message = path.message(innermost, causes);
    check(&message, *carrier);
    if decodes(&path.message(innermost, 0), *carrier) {
        let readable = cut(&message, *carrier).unwrap_or_else(|| message.clone());
        assert!(decodes(&readable, *carrier), "{carrier:?} with {causes} causes");
        assert!(causes <= KEPT_OF_SERVICE || readable != message, "{carrier:?} with {causes} causes is as it was");
    }
}

fn check(message: &[u8], carrier: Carrier) {
    let Some(once) = cut(message, carrier) else { return };
    assert_eq!(cut(&once, carrier), None, "{carrier:?}: cut twice");
    assert!(decodes(&once, carrier) || !decodes(message, carrier), "{carrier:?}: broken by the cut");
}

fn decodes(message: &[u8], carrier: Carrier) -> bool {
    match carrier {
        Carrier::WorkflowCompletion => WorkflowActivationCompletion::decode(message).is_ok(),
        Carrier::ActivityCompletion => ActivityTaskCompletion::decode(message).is_ok(),
        Carrier::NexusCompletion => NexusTaskCompletion::decode(message).is_ok(),
        Carrier::HistoryEvent => HistoryEvent::decode(message).is_ok(),
    }
}

/// The way to a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Fields from the outermost message on.
    pub(super) fields: Vec<u32>,
    /// The field in which the failure has its cause.
    pub(super) cause: u32,
}

impl Path {
    /// A message with one failure there, so many others around it.
    pub(super) fn message(&self, innermost: &[u8], causes: usize) -> Vec<u8> {
        let failure = (0..causes).fold(innermost.to_vec(), |inner, _| with_cause(&[], self.cause, &inner));
        self.fields.iter().rev().fold(failure, |value, field| {
            let mut message = Vec::with_capacity(value.len() + 8);
            push_field(&mut message, *field, &value);
            message
        })
    }
}

/// The ways to all failures of a message.
pub(super) fn paths(carrier: Carrier) -> impl Iterator<Item = Path> {
    let mut found = Vec::new();
    collect(places_of(carrier), &[], &mut found);
    found.into_iter()
}

const fn places_of(carrier: Carrier) -> Places {
    match carrier {
        Carrier::WorkflowCompletion => places::WORKFLOW_COMPLETION,
        Carrier::ActivityCompletion => places::ACTIVITY_COMPLETION,
        Carrier::NexusCompletion => places::NEXUS_COMPLETION,
        Carrier::HistoryEvent => places::HISTORY_EVENT,
    }
}

fn collect(places: Places, way: &[u32], found: &mut Vec<Path>) {
    for (number, place) in places {
        let fields = [way, &[*number]].concat();
        match place {
            Place::Failure => found.push(Path { fields, cause: CAUSE }),
            Place::NexusFailure => found.push(Path { fields, cause: NEXUS_CAUSE }),
            Place::Within(places) => collect(places, &fields, found),
        }
    }
}
