//! The test that every machine passes: its table is sound, it takes every pair of state and input that stands in the
//! table, and it refuses every other pair with the right class of error and the right text.

use std::fmt::Debug;

use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event};

use super::table::{Table, duplicates, find};
use super::{EventContext, Machine, Response};
use crate::error::{Result, RunError};

/// An applied event in the middle of history, nothing checked.
pub(super) const REPLAY: EventContext =
    EventContext { replaying: true, last_task_in_history: false, determinism_checks: false };

/// As [`REPLAY`], with the checks of the machine's flag.
pub(super) const CHECKED: EventContext = EventContext { determinism_checks: true, ..REPLAY };

/// Event 7, of the type that its attributes have.
pub(super) fn event(attributes: history_event::Attributes) -> HistoryEvent {
    HistoryEvent {
        event_id: 7,
        event_type: attributes.event_type() as i32,
        attributes: Some(attributes),
        ..Default::default()
    }
}

/// How an input reaches the machine.
pub(super) enum Via<M> {
    Command(CommandType),
    Event(Box<HistoryEvent>),
    /// A method of the machine's own, and what it answers where the table has no row.
    Call(fn(&mut M) -> Result<Vec<Response>>, Refusal),
}

impl<M> Via<M> {
    pub(super) fn event(event: HistoryEvent) -> Self {
        Self::Event(Box::new(event))
    }
}

/// What a call answers where the table has no row.
pub(super) enum Refusal {
    /// Nondeterminism with this text.
    Nondeterminism(&'static str),
    /// The error made of the state's name.
    StateNamed(fn(&str) -> RunError),
    /// Any Fatal.
    Fatal,
    /// Nothing happens: the machine knows the case and ignores it.
    Ignored,
}

/// What lang's cancel request gets where the table has no row.
pub(super) const INVALID_CANCEL: Refusal = Refusal::Nondeterminism("Invalid transition in state machine");

/// The table is sound, and each of its pairs is taken and each other pair refused.
pub(super) fn check<S, I, A, M>(table: Table<S, I, A>, states: &[S], at: impl Fn(S) -> M, inputs: &[(I, Via<M>)])
where
    S: Copy + PartialEq + Debug,
    I: Copy + PartialEq + Debug,
    A: Copy,
    M: Machine,
{
    let names: Vec<I> = inputs.iter().map(|(input, _)| *input).collect();
    check_table(table, states, &names);
    check_pairs(table, states, at, inputs);
}

/// No pair stands twice in the table, and `states` and `inputs` are all that stand there.
pub(super) fn check_table<S, I, A>(table: Table<S, I, A>, states: &[S], inputs: &[I])
where
    S: Copy + PartialEq + Debug,
    I: Copy + PartialEq + Debug,
{
    assert_eq!(duplicates(table), vec![], "each pair has one row");
    for row in table {
        assert!(states.contains(&row.from), "{:?} is not listed", row.from);
        assert!(states.contains(&row.to), "{:?} is not listed", row.to);
        assert!(inputs.contains(&row.input), "{:?} is not tried", row.input);
    }
}

/// Tries each of `inputs` in each of `states`; `at` gives a machine in a state.
pub(super) fn check_pairs<S, I, A, M>(table: Table<S, I, A>, states: &[S], at: impl Fn(S) -> M, inputs: &[(I, Via<M>)])
where
    S: Copy + PartialEq + Debug,
    I: Copy + PartialEq + Debug,
    A: Copy,
    M: Machine,
{
    for &state in states {
        for (input, via) in inputs {
            let mut machine = at(state);
            let outcome = send(&mut machine, via);
            match find(table, state, *input) {
                Some(_) => assert_taken(&outcome, state, *input),
                None => assert_refused(&outcome, machine.name(), state, *input, via),
            }
        }
    }
}

fn send<M: Machine>(machine: &mut M, via: &Via<M>) -> Result<Vec<Response>> {
    match via {
        Via::Command(command) => machine.handle_command_prepared(*command),
        Via::Event(event) => machine.handle_event((**event).clone(), REPLAY),
        Via::Call(call, _) => call(machine),
    }
}

fn assert_taken<S: Debug, I: Debug>(outcome: &Result<Vec<Response>>, state: S, input: I) {
    if let Err(error) = outcome {
        let text = error.to_string();
        assert!(
            !text.to_lowercase().contains("invalid transition"),
            "{input:?} in {state:?} stands in the table: {text}"
        );
        assert!(!text.contains("transition is invalid"), "{input:?} in {state:?} stands in the table: {text}");
    }
}

fn assert_refused<S: Debug, I: Debug, M>(
    outcome: &Result<Vec<Response>>,
    name: &str,
    state: S,
    input: I,
    via: &Via<M>,
) {
    let expected = match via {
        Via::Command(command) => Err(RunError::nondeterminism(format!(
            "Unexpected command producing an invalid transition {command:?} in state {state:?}"
        ))),
        Via::Event(event) => Err(RunError::fatal(format!(
            "{name} in state {state:?} says the transition is invalid during event \
             EventInfo {{ event_id: 7, event_type: {:?} }}",
            event.event_type()
        ))),
        Via::Call(_, Refusal::Nondeterminism(text)) => Err(RunError::nondeterminism(*text)),
        Via::Call(_, Refusal::StateNamed(error)) => Err(error(&format!("{state:?}"))),
        Via::Call(_, Refusal::Fatal) => {
            assert!(matches!(outcome, Err(RunError::Fatal(_))), "{input:?} in {state:?}: {outcome:?}");
            return;
        }
        Via::Call(_, Refusal::Ignored) => Ok(vec![]),
    };
    assert_eq!(*outcome, expected, "{input:?} in {state:?}");
}

/// A machine refuses types of events and commands that are not its own: Nondeterminism, with this text for a TimerFired
/// event 7.
pub(super) fn check_foreign(machine: &mut impl Machine, foreign_event: EventType, text: &str) {
    let event = HistoryEvent { event_id: 7, event_type: foreign_event as i32, ..Default::default() };
    assert_eq!(machine.handle_event(event, REPLAY), Err(RunError::nondeterminism(text)));
    let name = machine.name();
    assert_eq!(
        machine.handle_command_prepared(CommandType::Unspecified),
        Err(RunError::nondeterminism(format!("Unexpected command Unspecified generated by a {name:?} machine")))
    );
}
