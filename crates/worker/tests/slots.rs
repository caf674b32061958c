//! Spec 7.3, 17(18): every permit is released exactly once, whatever goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common::commands::{complete_workflow, start_timer};
use crate::common::{Harness, Outcome, config, jobs, pollers};
use corewasm_host::code;
use corewasm_host::envelope::{CustomSlots, SlotReserved, SlotSupplier, WorkerConfig, effect, input, slot_supplier};
use corewasm_testkit::HistoryBuilder;
use corewasm_worker::WorkerError;
use proptest::prelude::*;
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedResponse, ShutdownWorkerResponse,
};

/// One thing that the service, lang or time does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Grant,
    Task { run: u8, second: bool, attempt: i32 },
    EmptyPoll,
    UnreadableTask,
    Succeed,
    EndWorkflow,
    Fail,
    Answer,
    AnswerWithTask,
    Refuse { code: u32 },
    Evict { run: u8 },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Grant),
        6 => (0..6_u8, any::<bool>(), 1..3_i32).prop_map(|(run, second, attempt)| Step::Task { run, second, attempt }),
        1 => Just(Step::EmptyPoll),
        1 => Just(Step::UnreadableTask),
        6 => Just(Step::Succeed),
        2 => Just(Step::EndWorkflow),
        2 => Just(Step::Fail),
        5 => Just(Step::Answer),
        2 => Just(Step::AnswerWithTask),
        2 => prop_oneof![Just(code::NOT_FOUND), Just(code::INVALID_ARGUMENT), Just(code::UNAVAILABLE)]
            .prop_map(|code| Step::Refuse { code }),
        1 => (0..6_u8).prop_map(|run| Step::Evict { run }),
        1 => Just(Step::Wait),
    ]
}

/// Plays the steps and keeps the books of the host's supplier.
struct Play {
    harness: Harness,
    polled: Outcome<Result<bytes::Bytes, WorkerError>>,
    in_hand: Vec<WorkflowActivation>,
    asked: BTreeSet<u64>,
    out: BTreeMap<u32, bool>,
    next_permit: u32,
    seen: usize,
}

impl Play {
    fn new() -> Self {
        let custom = SlotSupplier { kind: Some(slot_supplier::Kind::Custom(CustomSlots {})) };
        let mut harness = Harness::with(WorkerConfig {
            max_cached_workflows: 3,
            workflow_slots: Some(custom),
            workflow_pollers: Some(pollers(4)),
            ..config()
        });
        let polled = harness.poll();
        Self {
            harness,
            polled,
            in_hand: Vec::new(),
            asked: BTreeSet::new(),
            out: BTreeMap::new(),
            next_permit: 1,
            seen: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Grant => self.grant(),
            Step::Task { run, second, attempt } => self.give(task(run, second, attempt)),
            Step::EmptyPoll => self.give(PollWorkflowTaskQueueResponse::default()),
            Step::UnreadableTask => self.give(PollWorkflowTaskQueueResponse { history: None, ..task(0, false, 1) }),
            Step::Succeed => self.answer_lang(&mut |harness, run_id| drop(harness.succeed(run_id, [start_timer(1)]))),
            Step::EndWorkflow => {
                self.answer_lang(&mut |harness, run_id| drop(harness.succeed(run_id, [complete_workflow()])));
            }
            Step::Fail => self.answer_lang(&mut |harness, run_id| drop(harness.fail(run_id, "it went wrong"))),
            Step::Answer => self.answer_service(None, None),
            Step::AnswerWithTask => self.answer_service(None, Some(())),
            Step::Refuse { code } => self.answer_service(Some(code), None),
            Step::Evict { run } => self.harness.worker.request_eviction(&run_id(run)),
            Step::Wait => self.harness.advance(Duration::from_secs(1)),
        }
        self.settle();
    }

    /// Take what lang is given and write down what the supplier is told.
    fn settle(&mut self) {
        self.harness.turn();
        loop {
            let Some(polled) = self.polled.borrow_mut().take() else { break };
            let Ok(activation) = polled else { break };
            self.in_hand.push(WorkflowActivation::decode(activation).expect("it decodes"));
            self.polled = self.harness.poll();
        }
        self.keep_books();
    }

    fn keep_books(&mut self) {
        for effect in &self.harness.effects[self.seen..] {
            match effect {
                effect::Kind::SlotReserve(reserve) => assert!(self.asked.insert(reserve.request)),
                effect::Kind::SlotReserveCancel(cancel) => assert!(self.asked.remove(&cancel.request)),
                effect::Kind::SlotMarkUsed(used) => {
                    let earlier = self.out.insert(used.permit, true);
                    assert_eq!(earlier, Some(false), "used once, while it is out");
                }
                effect::Kind::SlotRelease(release) => {
                    let was_used = self.out.remove(&release.permit).expect("released once");
                    assert_eq!(release.info.is_some(), was_used);
                }
                _ => {}
            }
        }
        self.seen = self.harness.effects.len();
        assert!(self.out.len() <= 3, "never more than the cache takes");
    }

    fn grant(&mut self) {
        if let Some(request) = self.asked.pop_first() {
            let permit = self.next_permit;
            self.next_permit += 1;
            self.out.insert(permit, false);
            self.harness.input(input::Kind::SlotReserved(SlotReserved { request, permit }));
        }
    }

    fn give(&mut self, response: PollWorkflowTaskQueueResponse) {
        if self.harness.service.polls(false) > 0 {
            self.harness.give_task(response);
        } else if self.harness.service.polls(true) > 0 {
            self.harness.give_sticky_task(response);
        }
    }

    fn answer_lang(&mut self, answer: &mut dyn FnMut(&mut Harness, &str)) {
        if self.in_hand.is_empty() {
            return;
        }
        let activation = self.in_hand.remove(0);
        if jobs(&activation) == ["evict"] {
            drop(self.harness.succeed(&activation.run_id, []));
        } else {
            answer(&mut self.harness, &activation.run_id);
        }
    }

    fn answer_service(&mut self, refusal: Option<u32>, with_task: Option<()>) {
        let Some(rpc) = self.harness.service.waiting().first().copied() else { return };
        let call = self.harness.service.take(rpc);
        match (refusal, rpc) {
            (Some(code), _) => call.fail(code, "refused"),
            (None, "RespondWorkflowTaskCompleted") => {
                let request: RespondWorkflowTaskCompletedRequest = call.request();
                let run = request.task_token.first().copied().unwrap_or(0);
                let workflow_task = with_task.map(|()| task(run, true, 1));
                call.answer(&RespondWorkflowTaskCompletedResponse { workflow_task, ..Default::default() });
            }
            (None, "GetWorkflowExecutionHistory") => call.answer(&history().whole().history_response(&[])),
            (None, "ShutdownWorker") => call.answer(&ShutdownWorkerResponse::default()),
            (None, _) => call.answer(&RespondWorkflowTaskFailedResponse::default()),
        }
        self.harness.turn();
    }

    /// Shut down, see everything through, and count.
    fn end(mut self) {
        self.harness.initiate_shutdown();
        self.settle();
        for _ in 0..200 {
            self.step(Step::EndWorkflow);
            self.step(Step::Answer);
        }
        assert!(matches!(self.harness.poll().borrow_mut().take(), Some(Err(WorkerError::Shutdown))));
        let finalized = self.harness.finalize();
        self.keep_books();
        assert!(finalized.borrow().is_some(), "finalized without waiting for lost permits");
        assert_eq!(self.out, BTreeMap::new());
        assert_eq!(self.asked, BTreeSet::new());
    }
}

fn run_id(run: u8) -> String {
    format!("run-{run}")
}

fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn task(run: u8, second: bool, attempt: i32) -> PollWorkflowTaskQueueResponse {
    let view = if second { history().only_task(2) } else { history().up_to_task(1) };
    PollWorkflowTaskQueueResponse {
        workflow_execution: Some(WorkflowExecution { workflow_id: run_id(run), run_id: run_id(run) }),
        task_token: vec![run, u8::from(second), attempt as u8],
        attempt,
        ..view.poll_response()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn permits_come_back_exactly_once(steps in prop::collection::vec(step(), 1..80)) {
        let mut play = Play::new();
        for step in steps {
            play.step(step);
        }
        play.end();
    }
}
