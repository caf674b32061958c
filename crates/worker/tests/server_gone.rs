//! ADR 17: a worker ends within the graceful period plus ten seconds, whatever becomes of its server, and says until
//! then what there is to say.

use std::time::Duration;

use corewasm_host::code;
use corewasm_host::envelope::{Open, WorkerConfig};
use corewasm_host::testing::VirtualHost;
use corewasm_testkit::HistoryBuilder;
use corewasm_worker::patience::{BOUND, POLLS_AFTER_REFUSAL};
use corewasm_worker::{TaskKind, WorkerError};
use prost::Message;
use temporalio_protos::coresdk::activity_task::ActivityTask;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::nexus::nexus_task_completion::Status as NexusStatus;
use temporalio_protos::coresdk::nexus::{NexusTaskCompletion, nexus_task};
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::temporal::api::namespace::v1::NamespaceInfo;
use temporalio_protos::temporal::api::namespace::v1::namespace_info::Capabilities;
use temporalio_protos::temporal::api::nexus::v1::{
    Request, Response, StartOperationRequest, StartOperationResponse, request, response, start_operation_response,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceResponse, PollNexusTaskQueueResponse, RecordActivityTaskHeartbeatResponse, ShutdownWorkerResponse,
};

use crate::activity::support::{cancelled, payload, secs, success, task, task_with_heartbeat_timeout};
use crate::common::commands::complete_workflow;
use crate::common::{Harness, Outcome, config, fixed, pollers, success as activation_success};

const GIVE_UP_AFTER: Duration = secs(8);
const LATE_CALL: Duration = secs(5);
const FOLLOWING_CALL: Duration = secs(1);

const POLLS: [&str; 3] = ["PollWorkflowTaskQueue", "PollActivityTaskQueue", "PollNexusTaskQueue"];
const KINDS: [TaskKind; 3] = [TaskKind::Workflow, TaskKind::Activity, TaskKind::Nexus];

/// What becomes of the server when shutdown begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    /// It takes the farewell and ends the polls.
    Well,
    /// It is there, but refuses the farewell with this code.
    Refuses(u32),
    /// It takes the farewell, and then nothing is heard of it.
    LostAfterFarewell,
    /// The connection is refused: the farewell fails, and all else is tried again and again below the worker.
    Dead,
    /// It answers nothing.
    Deaf,
}

/// What the worker has in hand when shutdown begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum InHand {
    Nothing,
    WorkflowReport,
    HistoryPage,
    ActivityReport,
    /// And the activity's report, which waits behind it.
    Heartbeat,
    NexusAnswer,
    /// An activity that ends when it is cancelled.
    Activity,
    /// All of these but the page.
    Everything,
}

use InHand::*;

impl InHand {
    fn has(self, part: Self) -> bool {
        self == part || (self == Everything && part != HistoryPage)
    }
}

/// A worker of every kind, and a lang that does at once what it is asked to.
struct World {
    harness: Harness,
    server: Option<Server>,
    polls: Vec<(TaskKind, Outcome<Result<bytes::Bytes, WorkerError>>)>,
    completions: Vec<Outcome<Result<(), WorkerError>>>,
    started: Vec<Vec<u8>>,
    /// Lang completes activities as soon as they start.
    is_quick: bool,
    /// Lang's activities do not heed cancellations.
    is_stubborn: bool,
}

impl World {
    /// Activities are cancelled at once, and go on.
    fn stubborn() -> Self {
        Self { is_stubborn: true, ..Self::new(secs(0)) }
    }

    fn new(grace: Duration) -> Self {
        Self::on(VirtualHost::new(), grace)
    }

    fn on(host: VirtualHost, grace: Duration) -> Self {
        let config = WorkerConfig {
            enable_remote_activities: true,
            enable_nexus: true,
            activity_slots: Some(fixed(4)),
            activity_pollers: Some(pollers(2)),
            nexus_slots: Some(fixed(3)),
            nexus_pollers: Some(pollers(1)),
            default_heartbeat_throttle_interval_ns: 30_000_000_000,
            max_heartbeat_throttle_interval_ns: 60_000_000_000,
            graceful_shutdown_period_ns: Some(grace.as_nanos() as u64),
            ..config()
        };
        let mut harness = Harness::on(host, config, None);
        let worker = harness.worker.clone();
        let _validated = harness.spawn(async move { worker.validate().await });
        let capabilities = Capabilities { worker_poll_complete_on_shutdown: true, ..Default::default() };
        let namespace_info = Some(NamespaceInfo { capabilities: Some(capabilities), ..Default::default() });
        let description = DescribeNamespaceResponse { namespace_info, ..Default::default() };
        harness.service.take("DescribeNamespace").answer(&description);
        let (polls, completions, started) = Default::default();
        let mut world =
            Self { harness, server: None, polls, completions, started, is_quick: false, is_stubborn: false };
        KINDS.into_iter().for_each(|kind| world.poll(kind));
        world.live();
        world
    }

    fn poll(&mut self, kind: TaskKind) {
        let worker = self.harness.worker.clone();
        let polled = self.harness.spawn(async move { worker.poll(kind).await });
        self.polls.push((kind, polled));
    }

    fn give(&mut self, rpc: &str, response: &impl Message) {
        self.harness.service.take(rpc).answer(response);
        self.live();
    }

    /// Bring the worker into the state in which shutdown finds it.
    fn prepare(&mut self, in_hand: InHand) {
        if in_hand.has(WorkflowReport) {
            let mut history = HistoryBuilder::new();
            history.workflow_task_pending();
            self.give("PollWorkflowTaskQueue", &history.whole().poll_response());
        }
        if in_hand.has(HistoryPage) {
            let mut history = HistoryBuilder::new();
            history.workflow_task_pending();
            let mut response = history.whole().poll_response();
            response.next_page_token = b"more".to_vec();
            response.history.as_mut().expect("it has one").events.truncate(1);
            self.give("PollWorkflowTaskQueue", &response);
        }
        if in_hand.has(ActivityReport) {
            self.start("quick", secs(0));
            self.complete_activity(b"quick");
        }
        if in_hand.has(Heartbeat) {
            self.start("beating", secs(30));
            self.heartbeat(b"beating");
            self.complete_activity(b"beating");
        }
        if in_hand.has(NexusAnswer) {
            self.give("PollNexusTaskQueue", &nexus_task("nexus"));
        }
        if in_hand.has(Activity) {
            self.start("long", secs(0));
        }
    }

    fn start(&mut self, token: &str, heartbeat_timeout: Duration) {
        self.give("PollActivityTaskQueue", &task_with_heartbeat_timeout(token, heartbeat_timeout));
        assert_eq!(self.started.last().map(Vec::as_slice), Some(token.as_bytes()));
    }

    fn heartbeat(&mut self, token: &[u8]) {
        let details = vec![payload("beat")];
        let heartbeat = temporalio_protos::coresdk::ActivityHeartbeat { task_token: token.to_vec(), details };
        self.harness.worker.record_heartbeat(heartbeat.encode_to_vec().into()).expect("it decodes");
        self.live();
    }

    fn complete_activity(&mut self, token: &[u8]) {
        self.started.retain(|started| started != token);
        self.complete(TaskKind::Activity, activity_completion(token, success()));
        self.live();
    }

    fn complete(&mut self, kind: TaskKind, completion: Vec<u8>) {
        let worker = self.harness.worker.clone();
        let completed = self.harness.spawn(async move { worker.complete(kind, completion.into()).await });
        self.completions.push(completed);
    }

    fn advance(&mut self, by: Duration) {
        self.harness.advance(by);
        self.live();
    }

    fn shut_down(&mut self, server: Server) {
        self.server = Some(server);
        self.harness.initiate_shutdown();
        self.live();
    }

    /// Let the server and lang do what they do until nothing moves.
    fn live(&mut self) {
        loop {
            self.harness.turn();
            if !self.serve() && !self.work() {
                return;
            }
        }
    }

    /// The server's part. True if it answered something.
    fn serve(&mut self) -> bool {
        let Some(server) = self.server else { return false };
        let waiting = self.harness.service.all_waiting();
        let answered = waiting.into_iter().find(|rpc| match server {
            Server::Well => true,
            Server::Refuses(_) => !POLLS.contains(rpc),
            Server::LostAfterFarewell | Server::Dead => *rpc == "ShutdownWorker",
            Server::Deaf => false,
        });
        let Some(rpc) = answered else { return false };
        let call = self.harness.service.take(rpc);
        match (rpc, server) {
            ("ShutdownWorker", Server::Refuses(code)) => call.fail(code, "not here"),
            ("ShutdownWorker", Server::Dead) => call.fail(code::UNAVAILABLE, "connection refused"),
            ("GetWorkflowExecutionHistory", _) => call.fail(code::NOT_FOUND, "no such workflow"),
            // An empty message: the answer to whatever it is.
            _ => call.answer(&ShutdownWorkerResponse::default()),
        }
        true
    }

    /// Lang's part. True if it did something.
    fn work(&mut self) -> bool {
        let ready = self.polls.iter().position(|(_, polled)| polled.borrow().is_some());
        let Some((kind, polled)) = ready.map(|ready| self.polls.swap_remove(ready)) else { return false };
        let polled = polled.borrow_mut().take().expect("it is ready");
        match polled {
            Err(WorkerError::Shutdown) => return true,
            Err(error) => panic!("{error}"),
            Ok(task) => self.carry_out(kind, &task),
        }
        self.poll(kind);
        true
    }

    fn carry_out(&mut self, kind: TaskKind, task: &[u8]) {
        match kind {
            TaskKind::Workflow => {
                let activation = WorkflowActivation::decode(task).expect("it decodes");
                let evicts = crate::common::jobs(&activation) == ["evict"];
                let commands = if evicts { vec![] } else { vec![complete_workflow()] };
                self.complete(kind, activation_success(&activation.run_id, commands).encode_to_vec());
            }
            TaskKind::Activity => {
                let task = ActivityTask::decode(task).expect("it decodes");
                match task.variant {
                    Some(Variant::Start(_)) if self.is_quick => {
                        self.complete(kind, activity_completion(&task.task_token, success()));
                    }
                    Some(Variant::Start(_)) => self.started.push(task.task_token),
                    _ if self.is_stubborn => {}
                    _ => self.complete(kind, activity_completion(&task.task_token, cancelled())),
                }
            }
            TaskKind::Nexus => {
                let task = temporalio_protos::coresdk::nexus::NexusTask::decode(task).expect("it decodes");
                let Some(nexus_task::Variant::Task(task)) = task.variant else { return };
                self.complete(kind, nexus_completion(&task.task_token));
            }
        }
    }

    /// Finish as the SDK does, and say how long all of it took since this moment.
    fn end(&mut self) -> Duration {
        let begun = self.harness.host.elapsed();
        let mut finalized = None;
        loop {
            self.live();
            if self.polls.is_empty() && finalized.is_none() {
                finalized = Some(self.harness.finalize());
            }
            if finalized.as_ref().is_some_and(|finalized| finalized.borrow().is_some()) {
                return self.harness.host.elapsed() - begun;
            }
            let effects = self.harness.host.advance_to_wakeup().expect("something is waited for");
            self.harness.effects.extend(effects);
            assert!(self.harness.host.elapsed() - begun < secs(1000), "it does not end");
        }
    }

    /// Nothing is left behind: no call at the server, no permit, no timer, nobody who waits.
    fn expect_nothing_left(&mut self) {
        assert_eq!(self.harness.service.all_waiting(), Vec::<&str>::new());
        assert!(self.harness.logs("Waiting for all slot permits").is_empty());
        assert!(self.completions.iter().all(|completed| completed.borrow().is_some()));
        assert_eq!(self.harness.host.last_response().next_wakeup_ns, None);
    }
}

fn activity_completion(
    token: &[u8],
    status: temporalio_protos::coresdk::activity_result::activity_execution_result::Status,
) -> Vec<u8> {
    let result = Some(temporalio_protos::coresdk::activity_result::ActivityExecutionResult { status: Some(status) });
    let completion = temporalio_protos::coresdk::ActivityTaskCompletion { task_token: token.to_vec(), result };
    completion.encode_to_vec()
}

fn nexus_task(token: &str) -> PollNexusTaskQueueResponse {
    let request = Request {
        variant: Some(request::Variant::StartOperation(StartOperationRequest::default())),
        ..Default::default()
    };
    PollNexusTaskQueueResponse { task_token: token.into(), request: Some(request), ..Default::default() }
}

fn nexus_completion(token: &[u8]) -> Vec<u8> {
    let variant = Some(start_operation_response::Variant::SyncSuccess(Default::default()));
    let started = response::Variant::StartOperation(StartOperationResponse { variant });
    let status = Some(NexusStatus::Completed(Response { variant: Some(started) }));
    NexusTaskCompletion { task_token: token.to_vec(), status }.encode_to_vec()
}

const ALL_IN_HAND: [InHand; 8] =
    [Nothing, WorkflowReport, HistoryPage, ActivityReport, Heartbeat, NexusAnswer, Activity, Everything];

#[test]
fn shutdown_ends_in_time_whatever_becomes_of_the_server_and_whatever_is_in_hand() {
    let refusals = [code::UNIMPLEMENTED, code::UNAVAILABLE, code::PERMISSION_DENIED].map(Server::Refuses);
    let servers = [Server::Well, Server::LostAfterFarewell, Server::Dead, Server::Deaf];
    for server in servers.into_iter().chain(refusals) {
        for grace in [secs(0), secs(30)] {
            for in_hand in ALL_IN_HAND {
                let mut world = World::new(grace);
                world.prepare(in_hand);
                world.shut_down(server);
                let took = world.end();
                // An activity that nobody cancels is user code, which is never abandoned.
                let of_lang = if in_hand.has(Activity) { grace } else { secs(0) };
                let expected = match server {
                    Server::Well => of_lang,
                    Server::Refuses(_) => of_lang.max(POLLS_AFTER_REFUSAL),
                    Server::Dead if in_hand == Nothing => POLLS_AFTER_REFUSAL,
                    _ if in_hand == Nothing => GIVE_UP_AFTER,
                    _ => grace + GIVE_UP_AFTER,
                };
                let what = format!("{server:?} with {in_hand:?} and a grace of {grace:?} took {took:?}");
                assert!(took >= expected, "{what}");
                assert!(took <= expected + 2 * FOLLOWING_CALL && took <= grace + BOUND, "{what}");
                world.expect_nothing_left();
            }
        }
    }
}

#[test]
fn what_was_given_up_is_named() {
    let mut world = World::new(secs(0));
    world.prepare(Everything);
    world.shut_down(Server::Deaf);
    world.end();
    let farewell =
        world.harness.logs("shutdown_worker rpc errored during worker shutdown: Status { code: DeadlineExceeded");
    assert!(farewell[0].message.contains("ShutdownWorker was given up: the worker is shut down"), "{farewell:?}");
    for (text, rpc) in [
        ("Error while completing workflow activation", "RespondWorkflowTaskCompleted"),
        ("Network error while completing activity", "RespondActivityTask"),
        ("Error when recording heartbeat", "RecordActivityTaskHeartbeat"),
        ("Network error while completing Nexus task", "RespondNexusTaskCompleted"),
    ] {
        let logs = world.harness.logs(text);
        let error = &logs.first().unwrap_or_else(|| panic!("no {text}")).fields[0].value;
        assert!(error.contains(rpc) && error.contains("was given up"), "{error}");
    }
}

/// A refused farewell is logged as native Core does, and two of its codes not at all.
#[test]
fn a_refused_farewell_is_logged_in_native_cores_words() {
    let text = |server| {
        let mut world = World::new(secs(0));
        world.shut_down(server);
        world.end();
        let logs = world.harness.logs("shutdown_worker rpc errored");
        logs.first().map(|log| (log.target.clone(), log.message.clone()))
    };
    assert_eq!(text(Server::Refuses(code::UNIMPLEMENTED)), None);
    assert_eq!(text(Server::Refuses(code::UNAVAILABLE)), None);
    let (target, message) = text(Server::Refuses(code::PERMISSION_DENIED)).expect("it is logged");
    assert_eq!(target, "temporalio_sdk_core::worker");
    let status = "Status { code: PermissionDenied, message: \"not here\", \
                  metadata: MetadataMap { headers: {\"content-type\": \"application/grpc\"} }, source: None }";
    assert_eq!(message, format!("shutdown_worker rpc errored during worker shutdown: {status}"));
}

/// Where tasks wait in the queue, polls that are out when the farewell is refused are answered soon.
#[test]
fn a_task_that_comes_after_the_refusal_is_carried_out_and_reported() {
    let mut world = World::new(secs(600));
    world.is_quick = true;
    world.shut_down(Server::Refuses(code::UNIMPLEMENTED));
    world.advance(POLLS_AFTER_REFUSAL - Duration::from_millis(1));
    world.server = None;
    world.give("PollActivityTaskQueue", &task("late"));
    assert_eq!(world.harness.service.waiting_of("RespondActivityTaskCompleted"), 1);
    world.server = Some(Server::Refuses(code::UNIMPLEMENTED));
    world.end();
    world.expect_nothing_left();
}

#[test]
fn what_an_activity_gives_long_after_is_reported() {
    let mut world = World::stubborn();
    world.start("long", secs(0));
    world.shut_down(Server::Refuses(code::UNIMPLEMENTED));
    world.advance(secs(5_000));
    world.server = None;
    world.complete_activity(b"long");
    world.advance(LATE_CALL - Duration::from_millis(1));
    world.give("RespondActivityTaskCompleted", &ShutdownWorkerResponse::default());
    assert_eq!(world.end(), secs(0));
    world.expect_nothing_left();
    assert!(world.harness.logs("Network error").is_empty());
}

#[test]
fn after_lang_took_its_time_a_silent_server_is_waited_for_a_while_more() {
    let mut world = World::stubborn();
    world.start("long", secs(30));
    world.shut_down(Server::Deaf);
    world.advance(secs(5_000));
    world.heartbeat(b"long");
    world.complete_activity(b"long");
    assert_eq!(world.end(), LATE_CALL + FOLLOWING_CALL);
    world.expect_nothing_left();
}

#[test]
fn a_server_that_comes_back_is_told_what_comes_after() {
    let mut world = World::stubborn();
    world.start("one", secs(0));
    world.start("other", secs(30));
    world.shut_down(Server::Deaf);
    world.advance(secs(100));
    world.complete_activity(b"one");
    world.advance(LATE_CALL);
    assert_eq!(world.harness.logs("Network error while completing activity").len(), 1);
    world.server = None;
    world.heartbeat(b"other");
    world.advance(FOLLOWING_CALL - Duration::from_millis(1));
    world.give("RecordActivityTaskHeartbeat", &RecordActivityTaskHeartbeatResponse::default());
    world.complete_activity(b"other");
    world.advance(LATE_CALL - Duration::from_millis(1));
    world.give("RespondActivityTaskCompleted", &ShutdownWorkerResponse::default());
    assert_eq!(world.end(), secs(0));
    assert_eq!(world.harness.logs("Network error").len(), 1);
}

/// Below the bound, a slow server gets all that it is told.
#[test]
fn a_slow_server_misses_nothing() {
    let mut world = World::new(secs(0));
    world.prepare(Heartbeat);
    world.shut_down(Server::LostAfterFarewell);
    world.advance(secs(3));
    world.give("RecordActivityTaskHeartbeat", &RecordActivityTaskHeartbeatResponse::default());
    world.advance(secs(3));
    world.give("RespondActivityTaskCompleted", &ShutdownWorkerResponse::default());
    assert!(world.completions.iter().all(|completed| completed.borrow().is_some()));
    assert!(world.harness.logs("Network error").is_empty());
}

#[test]
fn who_runs_the_worker_can_set_another_bound() {
    for (value, expected) in [("100", secs(80)), ("0", secs(0)), ("soon", GIVE_UP_AFTER)] {
        let variable = ("TEMPORAL_SHUTDOWN_SERVER_WAIT_SECONDS".to_owned(), value.to_owned());
        let environment = vec![variable.into()];
        let mut world = World::on(VirtualHost::open(Open { environment, ..Open::default() }), secs(0));
        world.prepare(ActivityReport);
        world.shut_down(Server::Deaf);
        assert_eq!(world.end(), expected, "{value}");
    }
}

#[test]
fn without_shutdown_calls_are_waited_for_without_end() {
    let mut world = World::new(secs(0));
    world.prepare(Everything);
    world.advance(secs(100_000));
    assert_eq!(world.harness.service.waiting_of("RespondWorkflowTaskCompleted"), 1);
    assert_eq!(world.harness.service.waiting_of("RespondActivityTaskCompleted"), 1);
    assert!(world.harness.logs("Network error").is_empty());
}
