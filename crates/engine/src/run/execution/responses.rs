//! Carrying out what machines ask for.

use temporalio_protos::coresdk::workflow_activation::UpdateRandomSeed;

use super::Execution;
use super::machine_store::MachineKey;
use super::random_seed::random_seed;
use crate::error::Result;
use crate::machines::cancel_external::CancelExternalMachine;
use crate::machines::{CoreCommand, Machine, Response, TaskStarted};

impl Execution {
    /// Carries out the responses of one machine, in order.
    pub(super) fn handle_responses(&mut self, key: MachineKey, responses: Vec<Response>) -> Result<()> {
        responses.into_iter().try_for_each(|response| self.handle_response(key, response))
    }

    fn handle_response(&mut self, key: MachineKey, response: Response) -> Result<()> {
        match response {
            Response::Job(job) | Response::LocalActivityJob(job) => {
                if !self.machines.is_core_created(key) {
                    self.jobs.push(job);
                }
            }
            Response::Command(command) => self.commands.push(command, key),
            Response::CoreCommand(command) => self.handle_core_command(command),
            Response::Message(message) => self.messages.send(message, self.progress.replaying),
            Response::TaskStarted(started) => return self.note_task_started(started),
            Response::UpdateRandomSeed { run_id } => {
                self.jobs.push(UpdateRandomSeed { randomness_seed: random_seed(&run_id) })
            }
            Response::ScheduleLocalActivity { seq } => self.local_activities.request(seq, key),
            Response::CancelLocalActivity { seq } => return self.cancel_local_activity(seq, key),
            Response::AbandonLocalActivity { seq } => self.local_activities.finish(seq),
            Response::AdvanceClock(time) => self.clock.advance(time),
        }
        Ok(())
    }

    /// A command of Core's own, with a machine that lang does not know of (spec 2.0.1).
    fn handle_core_command(&mut self, command: CoreCommand) {
        let (machine, command) = CancelExternalMachine::new_for_core(command);
        let key = self.machines.insert_core_created(machine);
        self.commands.push(command, key);
    }

    /// A concluding WorkflowTaskStarted event. If it is live, local activities that waited for a marker will get none
    /// and must be executed (spec 2.3.2).
    fn note_task_started(&mut self, started: TaskStarted) -> Result<()> {
        self.progress.started_event_id = started.event_id;
        self.clock.advance(started.time);
        if self.progress.replaying {
            return Ok(());
        }
        self.execute_unresolved_local_activities()
    }

    /// Lets every machine know that its command goes out, in the order of the commands (spec 1.6.1). Commands that this
    /// brings up follow behind.
    pub(super) fn prepare_commands(&mut self) -> Result<()> {
        self.commands.drop_withdrawn(&self.machines);
        while let Some(queued) = self.commands.pop_unprepared() {
            let machine = self.machines.get_mut(queued.machine);
            if machine.was_cancelled_before_sent() {
                continue;
            }
            let responses = machine.handle_command_prepared(queued.command.command_type())?;
            self.handle_responses(queued.machine, responses)?;
            self.commands.push_outgoing(queued);
        }
        Ok(())
    }
}
