//! Transition tables: a machine is a list of rows `(from, input, action, to)`, looked up at run time, so the table on
//! top of a machine's file is the machine. Tables are written with `transitions!`, grouped by state.
//!
//! An input names also what the transition depends on (a cancellation type, say), so each `(from, input)` has at most
//! one row.

use std::fmt::Debug;

/// One row: in state `from`, on `input`, do `action` and go to `to`.
#[derive(Clone, Copy, Debug)]
pub struct Transition<S, I, A> {
    /// State before.
    pub from: S,
    /// What happened.
    pub input: I,
    /// What the machine does about it.
    pub action: A,
    /// State after.
    pub to: S,
}

/// A machine's whole behaviour.
pub type Table<S, I, A> = &'static [Transition<S, I, A>];

/// Writes a table of the enums `State`, `Input` and `Action` in scope, each row as `input => action, to;` inside of its
/// state. A machine that does nothing but go on leaves the actions out.
macro_rules! transitions {
    ($($from:ident { $($input:ident => $action:ident, $to:ident;)+ })+) => {
        &[$($($crate::machines::table::Transition {
            from: State::$from,
            input: Input::$input,
            action: Action::$action,
            to: State::$to,
        },)+)+]
    };
    ($($from:ident { $($input:ident => $to:ident;)+ })+) => {
        &[$($($crate::machines::table::Transition {
            from: State::$from,
            input: Input::$input,
            action: (),
            to: State::$to,
        },)+)+]
    };
}
pub(crate) use transitions;

/// The row for `input` in state `from`, if the machine takes it there.
pub fn find<S, I, A>(table: Table<S, I, A>, from: S, input: I) -> Option<&'static Transition<S, I, A>>
where
    S: PartialEq + Copy,
    I: PartialEq + Copy,
{
    table.iter().find(|row| row.from == from && row.input == input)
}

/// A state is final if no row leads out of it; a row back to itself counts as leading out (spec 1.6.5).
pub fn is_final<S: PartialEq + Copy, I, A>(table: Table<S, I, A>, state: S) -> bool {
    table.iter().all(|row| row.from != state)
}

/// Every `(from, input)` that stands twice in the table; a sound table has none.
pub fn duplicates<S, I, A>(table: Table<S, I, A>) -> Vec<(S, I)>
where
    S: PartialEq + Copy + Debug,
    I: PartialEq + Copy + Debug,
{
    let seen_before = |index: usize| {
        table[..index].iter().any(|row| row.from == table[index].from && row.input == table[index].input)
    };
    (0..table.len()).filter(|&index| seen_before(index)).map(|index| (table[index].from, table[index].input)).collect()
}
