//! Whatever happens in whatever order: every permit of the host's supplier goes back exactly once (spec 7.3).

use std::collections::BTreeSet;

use corewasm_host::code;
use corewasm_host::envelope::{CustomSlots, SlotReserved, SlotSupplier, WorkerConfig, effect, input, slot_supplier};
use corewasm_worker::WorkerError;
use proptest::prelude::*;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatResponse, RespondActivityTaskCompletedResponse,
    ShutdownWorkerResponse,
};

use crate::activity::support::*;
use crate::common::pollers;

#[derive(Clone, Debug)]
enum Step {
    AnswerPoll { empty: bool },
    Poll,
    Complete { which: usize, how: usize },
    Heartbeat { which: usize },
    AnswerCall { fails: bool, cancels: bool },
    Advance(u64),
    Shutdown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(|empty| Step::AnswerPoll { empty }),
        5 => Just(Step::Poll),
        3 => (any::<usize>(), 0..3usize).prop_map(|(which, how)| Step::Complete { which, how }),
        2 => any::<usize>().prop_map(|which| Step::Heartbeat { which }),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(fails, cancels)| Step::AnswerCall { fails, cancels }),
        2 => (0..20u64).prop_map(Step::Advance),
        1 => Just(Step::Shutdown),
    ]
}

struct World {
    fixture: Fixture,
    held: Vec<Vec<u8>>,
    tasks: usize,
    permits: u32,
    out: BTreeSet<u32>,
    ended: bool,
}

impl World {
    fn new() -> Self {
        let custom = SlotSupplier { kind: Some(slot_supplier::Kind::Custom(CustomSlots {})) };
        let config = WorkerConfig {
            activity_slots: Some(custom),
            activity_pollers: Some(pollers(3)),
            graceful_shutdown_period_ns: Some(5_000_000_000),
            ..config()
        };
        Self {
            fixture: Fixture::with(config),
            held: Vec::new(),
            tasks: 0,
            permits: 0,
            out: BTreeSet::new(),
            ended: false,
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::AnswerPoll { empty } if self.fixture.polls() > 0 => self.answer_poll(empty),
            Step::Poll => self.poll(),
            Step::Complete { which, how } if !self.held.is_empty() => {
                let token = self.held.swap_remove(which % self.held.len());
                self.fixture.complete(&token, [success(), failure(), cancelled()][how].clone());
            }
            Step::Heartbeat { which } if !self.held.is_empty() => {
                let token = self.held[which % self.held.len()].clone();
                self.fixture.heartbeat(&token, &["x"]);
            }
            Step::AnswerCall { fails, cancels } => self.answer_call(fails, cancels),
            Step::Advance(seconds) => self.fixture.advance(secs(seconds)),
            Step::Shutdown => self.shut_down(),
            Step::AnswerPoll { .. } | Step::Complete { .. } | Step::Heartbeat { .. } => {}
        }
        self.serve_slots();
    }

    fn answer_poll(&mut self, empty: bool) {
        self.tasks += 1;
        let response = task_with_heartbeat_timeout(&format!("task {}", self.tasks), secs(3));
        self.fixture.answer_poll(&if empty { PollActivityTaskQueueResponse::default() } else { response });
    }

    fn poll(&mut self) {
        match self.fixture.poll() {
            Some(Ok(task)) if matches!(task.variant, Some(Variant::Start(_))) => self.held.push(task.task_token),
            Some(Err(WorkerError::Shutdown)) => self.ended = true,
            Some(Err(error)) => panic!("{error}"),
            _ => {}
        }
    }

    fn answer_call(&mut self, fails: bool, cancels: bool) {
        let Some(rpc) = self.fixture.calls().first().copied() else { return };
        let call = self.fixture.take(rpc);
        if fails {
            call.fail(if cancels { code::NOT_FOUND } else { code::UNAVAILABLE }, "no");
        } else if rpc == "RecordActivityTaskHeartbeat" {
            call.answer(&RecordActivityTaskHeartbeatResponse { cancel_requested: cancels, ..Default::default() });
        } else {
            call.answer(&RespondActivityTaskCompletedResponse::default());
        }
        self.fixture.harness.turn();
    }

    fn shut_down(&mut self) {
        self.fixture.harness.initiate_shutdown();
        if self.fixture.harness.service.waiting().contains(&"ShutdownWorker") {
            self.fixture.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
        }
        self.fixture.harness.turn();
    }

    /// Grants what is asked for and checks what comes back.
    fn serve_slots(&mut self) {
        loop {
            let effects = std::mem::take(&mut self.fixture.harness.effects);
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    effect::Kind::SlotReserve(reserve) => {
                        self.permits += 1;
                        self.out.insert(self.permits);
                        let granted = SlotReserved { request: reserve.request, permit: self.permits };
                        self.fixture.harness.input(input::Kind::SlotReserved(granted));
                    }
                    effect::Kind::SlotRelease(release) => {
                        assert!(self.out.remove(&release.permit), "permit {} went back twice", release.permit);
                    }
                    _ => {}
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_permit_goes_back_once(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        world.serve_slots();
        for step in steps {
            world.apply(step);
        }
        world.apply(Step::Shutdown);
        for _ in 0..500 {
            if world.ended {
                break;
            }
            world.apply(Step::Poll);
            world.apply(Step::Complete { which: 0, how: 0 });
            world.apply(Step::AnswerCall { fails: false, cancels: false });
            world.apply(Step::Advance(1));
        }
        prop_assert!(world.ended, "polls do not end");
        prop_assert!(world.out.is_empty(), "permits {:?} never went back", world.out);
    }
}
