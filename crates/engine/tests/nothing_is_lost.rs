//! Spec 7.3, 17(18): whatever happens in whatever order, no panic, and every task's permit comes back once.

use std::collections::BTreeMap;

use crate::support::commands::{
    answer_query, cancel_local_activity, cancel_timer, complete_workflow, schedule_local_activity, start_timer,
};
use crate::support::names::{job_names, query};
use crate::support::settled;
use crate::support::{Driver, completed_local_activity, legacy_query, setup, task};
use corewasm_engine::{EvictionRequest, LocalActivitiesTaken, PreparedTask, RunSetup};
use corewasm_testkit::HistoryBuilder;
use proptest::prelude::*;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::{TryCancel, WaitCancellationCompleted};
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;

const TASKS: usize = 6;

/// What may happen to a run.
#[derive(Clone, Debug)]
enum Happens {
    Completes(Vec<Wish>),
    Fails,
    Task {
        number: usize,
        with_query: bool,
        attempt: u32,
    },
    LegacyQuery,
    /// A task that no service gives: with queries of both kinds.
    QueriesOfBothKinds(usize),
    Eviction(EvictionReason),
    LocalActivityEnds(u32),
    Heartbeat,
    ReportIsTold,
    CancelIsDelivered,
    /// The next local activity requests leave a cancel undelivered.
    CancelIsSlow,
}

/// What lang may wish.
#[derive(Clone, Copy, Debug)]
enum Wish {
    StartTimer(u32),
    CancelTimer(u32),
    LocalActivity(u32),
    CancelLocalActivity(u32),
    Complete,
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        (1..5_u32).prop_map(Wish::StartTimer),
        (1..5_u32).prop_map(Wish::CancelTimer),
        (1..5_u32).prop_map(Wish::LocalActivity),
        (1..5_u32).prop_map(Wish::CancelLocalActivity),
        Just(Wish::Complete),
    ]
}

fn happening() -> impl Strategy<Value = Happens> {
    let reasons = prop_oneof![
        Just(EvictionReason::CacheFull),
        Just(EvictionReason::LangRequested),
        Just(EvictionReason::Fatal),
        Just(EvictionReason::PaginationOrHistoryFetch),
    ];
    prop_oneof![
        6 => prop::collection::vec(wish(), 0..3).prop_map(Happens::Completes),
        1 => Just(Happens::Fails),
        4 => (1..=TASKS, any::<bool>(), 1..3_u32)
            .prop_map(|(number, with_query, attempt)| Happens::Task { number, with_query, attempt }),
        1 => Just(Happens::LegacyQuery),
        1 => (1..=TASKS).prop_map(Happens::QueriesOfBothKinds),
        1 => reasons.prop_map(Happens::Eviction),
        3 => (1..5_u32).prop_map(Happens::LocalActivityEnds),
        2 => Just(Happens::Heartbeat),
        6 => Just(Happens::ReportIsTold),
        1 => Just(Happens::CancelIsDelivered),
        1 => Just(Happens::CancelIsSlow),
    ]
}

/// A signal before each task.
fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    for _ in 1..TASKS {
        history.workflow_task();
        history.signaled("poke");
    }
    history.workflow_task_pending();
    history
}

/// A worker in trouble.
struct World {
    driver: Driver,
    history: HistoryBuilder,
    given: Vec<String>,
}

impl World {
    fn new(setup: RunSetup) -> Self {
        let history = history();
        let first = PreparedTask { task_token: "0".into(), ..task(&history.up_to_task(1)) };
        let mut driver = Driver::with_setup(setup, first);
        driver.holds_reports = true;
        Self { driver, history, given: vec!["0".to_owned()] }
    }

    fn give(&mut self, task: PreparedTask) {
        let token = self.given.len().to_string();
        self.driver.task(PreparedTask { task_token: token.clone().into(), ..task });
        self.given.push(token);
    }

    fn happens(&mut self, happening: Happens) {
        let driver = &mut self.driver;
        match happening {
            Happens::Completes(wishes) if driver.activation.is_some() => {
                let answer = answer(&job_names(driver.activation()), &wishes);
                driver.complete(answer);
            }
            Happens::Fails if driver.activation.is_some() => driver.fail("boom"),
            Happens::Task { number, with_query, attempt } => {
                let queries = if with_query { vec![("1".to_owned(), query("state"))] } else { vec![] };
                let task = PreparedTask { queries, attempt, ..task(&self.history.only_task(number)) };
                self.give(task);
            }
            Happens::LegacyQuery => self.give(legacy_query(100, "")),
            Happens::QueriesOfBothKinds(number) => {
                let (legacy_query, queries) = (Some(query("state")), vec![("1".to_owned(), query("state"))]);
                let task = PreparedTask { legacy_query, queries, ..task(&self.history.only_task(number)) };
                self.give(task);
            }
            Happens::Eviction(reason) => driver.evict(EvictionRequest::because(reason, "because")),
            Happens::LocalActivityEnds(seq) if driver.local_activities.iter().any(|one| one.schedule.seq == seq) => {
                driver.resolve(completed_local_activity(seq));
            }
            Happens::Heartbeat if driver.heartbeat.is_some() => driver.heartbeat(),
            Happens::ReportIsTold if !driver.held.is_empty() => driver.tell(),
            Happens::CancelIsDelivered => driver.cancel_delivered(),
            Happens::CancelIsSlow => {
                driver.taken.push_back(LocalActivitiesTaken { undelivered_cancels: true, ..Default::default() })
            }
            _ => {}
        }
    }

    /// Everybody does what is left to do, and the run goes.
    fn finish(&mut self) {
        for _ in 0..200 {
            if self.driver.evicted.is_some() {
                return;
            }
            self.driver.taken.clear();
            if !self.driver.held.is_empty() {
                self.driver.tell();
            } else if self.driver.activation.is_some() {
                self.happens(Happens::Completes(vec![]));
            } else {
                self.driver.evict(EvictionRequest::cache_full());
                self.driver.cancel_delivered();
            }
        }
        panic!("the run never goes");
    }

    fn returned(&self) -> BTreeMap<String, usize> {
        let ended = self.driver.ended.iter().map(|ended| &ended.task_token);
        let buffered = self.driver.evicted.iter().flat_map(|evicted| &evicted.buffered).map(|task| &task.task_token);
        let tokens = ended.chain(&self.driver.discarded).chain(buffered);
        let mut counts = BTreeMap::new();
        for token in tokens {
            *counts.entry(String::from_utf8_lossy(token).into_owned()).or_default() += 1;
        }
        counts
    }
}

fn answer(jobs: &[String], wishes: &[Wish]) -> Vec<Variant> {
    if jobs == ["evict"] {
        return vec![];
    }
    let queries: Vec<_> = jobs.iter().filter_map(|job| job.strip_prefix("query-")).map(answer_query).collect();
    if !queries.is_empty() {
        return queries;
    }
    wishes.iter().map(|wish| command(*wish)).collect()
}

fn command(wish: Wish) -> Variant {
    match wish {
        Wish::StartTimer(seq) => start_timer(seq),
        Wish::CancelTimer(seq) => cancel_timer(seq),
        Wish::LocalActivity(seq) if seq % 2 == 0 => schedule_local_activity(seq, TryCancel),
        Wish::LocalActivity(seq) => schedule_local_activity(seq, WaitCancellationCompleted),
        Wish::CancelLocalActivity(seq) => cancel_local_activity(seq),
        Wish::Complete => complete_workflow(),
    }
}

proptest! {
    #![proptest_config(settled(2000))]

    #[test]
    fn every_permit_comes_back_once(
        caching in any::<bool>(),
        nondeterminism_fails_workflow in any::<bool>(),
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut world = World::new(RunSetup { caching, nondeterminism_fails_workflow, ..setup() });
        for happening in happenings {
            if world.driver.evicted.is_some() {
                break;
            }
            world.happens(happening);
        }
        world.finish();
        let expected: BTreeMap<_, _> = world.given.iter().map(|token| (token.clone(), 1)).collect();
        prop_assert_eq!(world.returned(), expected);
    }
}
