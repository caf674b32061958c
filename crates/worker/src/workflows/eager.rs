//! Activities that come back with the answer to the completion that scheduled them (spec 3.3).

use std::rc::Rc;

use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

use super::{TARGET, Workflows};
use crate::slots::SlotPermit;

impl Workflows {
    /// Take a slot for each activity that asks to run here; where none is to be had, the wish is taken back. Never the
    /// other way round.
    pub(super) async fn reserve_eager_slots(self: &Rc<Self>, commands: &mut [Command]) -> Vec<SlotPermit> {
        let mut reserved = Vec::new();
        for command in commands {
            let Some(Attributes::ScheduleActivityTaskCommandAttributes(schedule)) = &mut command.attributes else {
                continue;
            };
            if !schedule.request_eager_execution {
                continue;
            }
            let here = schedule.task_queue.as_ref().is_some_and(|queue| queue.name == self.context.config.task_queue);
            let permit = if here { self.reserve_one(reserved.len()).await } else { None };
            schedule.request_eager_execution = permit.is_some();
            reserved.extend(permit);
        }
        reserved
    }

    /// Pair the tasks that came with the slots; what is left over of either goes.
    pub(super) fn deliver_eager(&self, reserved: Vec<SlotPermit>, tasks: Vec<PollActivityTaskQueueResponse>) {
        if tasks.len() > reserved.len() {
            let text = "Server sent more activities for eager execution than we requested! They will be dropped and \
                        eventually time out. Please report this, as it is a server bug.";
            self.context.host.error(TARGET, text, &[]);
        }
        let paired: Vec<_> = tasks.into_iter().zip(reserved).collect();
        if let (Some(eager), false) = (&self.neighbours.eager_activities, paired.is_empty()) {
            eager.deliver(paired);
        }
    }

    async fn reserve_one(&self, already: usize) -> Option<SlotPermit> {
        if already >= self.context.config.max_eager_activities {
            return None;
        }
        self.neighbours.eager_activities.as_ref()?.try_reserve().await
    }
}
