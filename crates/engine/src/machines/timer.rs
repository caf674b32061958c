//! A timer (spec 2.2).

use temporalio_protos::coresdk::workflow_activation::FireTimer;
use temporalio_protos::coresdk::workflow_commands::{CancelTimer, StartTimer};
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StartCommandCreated,
    StartCommandRecorded,
    CancelTimerCommandCreated,
    CancelTimerCommandSent,
    Fired,
    Canceled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    StartPrepared,
    TimerStarted,
    TimerFired,
    Cancel,
    CancelPrepared,
    TimerCanceled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Fire,
    WithdrawStart,
    RequestCancel,
}

/// Lang is never told of a cancelled timer: it cancelled the timer itself and nobody else can.
static TABLE: Table<State, Input, Action> = transitions! {
    StartCommandCreated {
        StartPrepared => Nothing, StartCommandCreated;
        TimerStarted => Nothing, StartCommandRecorded;
        Cancel => WithdrawStart, Canceled;
    }
    StartCommandRecorded {
        TimerFired => Fire, Fired;
        Cancel => RequestCancel, CancelTimerCommandCreated;
    }
    CancelTimerCommandCreated {
        Cancel => Nothing, CancelTimerCommandCreated;
        CancelPrepared => Nothing, CancelTimerCommandSent;
    }
    CancelTimerCommandSent {
        TimerCanceled => Nothing, Canceled;
    }
    Canceled {
        Cancel => Nothing, Canceled;
    }
    Fired {
        Cancel => Nothing, Fired;
    }
};

/// A timer that lang started.
#[derive(Clone, Debug)]
pub struct TimerMachine {
    position: Position<State, Input, Action>,
    seq: u32,
    annotations: Annotations,
    cancelled_before_sent: bool,
}

impl TimerMachine {
    /// A new timer and its StartTimer command.
    pub fn new(start: StartTimer, annotations: Annotations) -> (Self, NewCommand) {
        let machine = Self {
            position: Position::new("TimerMachine", TABLE, State::StartCommandCreated),
            seq: start.seq,
            annotations: annotations.clone(),
            cancelled_before_sent: false,
        };
        (machine, NewCommand { attributes: start.into(), annotations })
    }

    /// Lang cancels the timer (spec 2.2.1, 2.2.3).
    ///
    /// # Errors
    /// Nondeterminism if the timer's cancel command was sent already.
    pub fn cancel(&mut self, annotations: Annotations) -> Result<Vec<Response>> {
        self.annotations.override_with(annotations);
        let action = self.position.on_cancel(Input::Cancel)?;
        Ok(self.perform(action))
    }

    fn perform(&mut self, action: Action) -> Vec<Response> {
        match action {
            Action::Nothing => vec![],
            Action::Fire => vec![Response::job(FireTimer { seq: self.seq })],
            Action::WithdrawStart => {
                self.cancelled_before_sent = true;
                vec![]
            }
            Action::RequestCancel => vec![Response::Command(NewCommand {
                attributes: CancelTimer { seq: self.seq }.into(),
                annotations: self.annotations.clone(),
            })],
        }
    }

    fn check_fired(&self, event: HistoryEvent, info: EventInfo) -> Result<()> {
        let fired = attributes_of!(event, TimerFiredEventAttributes)
            .ok_or_else(|| RunError::fatal(format!("Timer fired attribs were unset: {info}")))?;
        if fired.timer_id == self.seq.to_string() {
            return Ok(());
        }
        Err(RunError::nondeterminism(format!(
            "Timer fired event did not have expected timer id {}, it was {}!",
            self.seq, fired.timer_id
        )))
    }
}

impl Machine for TimerMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = match command {
            CommandType::StartTimer => Some(Input::StartPrepared),
            CommandType::CancelTimer => Some(Input::CancelPrepared),
            _ => None,
        };
        let action = self.position.on_command(input, command)?;
        Ok(self.perform(action))
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = match info.event_type {
            EventType::TimerStarted => Input::TimerStarted,
            EventType::TimerFired => Input::TimerFired,
            EventType::TimerCanceled => Input::TimerCanceled,
            _ => return Err(RunError::nondeterminism(format!("Timer machine does not handle this event: {info}"))),
        };
        let action = self.position.on_event(input, info)?;
        if action == Action::Fire {
            self.check_fired(event, info)?;
        }
        Ok(self.perform(action))
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }

    fn was_cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}
