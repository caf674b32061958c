//! Activities that come with the answer to a workflow task (spec 3.3).

use std::rc::Rc;

use corewasm_host::envelope::WorkerConfig;
use corewasm_host::testing::VirtualHost;
use corewasm_testkit::history::{NAMESPACE, TASK_QUEUE};
use corewasm_worker::activities::Activities;
use corewasm_worker::config::Config;
use corewasm_worker::context::{WorkerContext, WorkerSlots};
use corewasm_worker::metrics::WorkerMetrics;
use corewasm_worker::parts::{EagerActivities, TaskSource};
use corewasm_worker::patience::Patience;
use corewasm_worker::service::{Connection, WorkerClient};
use corewasm_worker::shutdown::ShutdownToken;
use futures::FutureExt;
use prost::Message;
use temporalio_protos::coresdk::activity_task::ActivityTask;

use crate::activity::support::*;
use crate::common::service::ScriptedService;
use crate::common::{fixed, handle};

struct Part {
    host: VirtualHost,
    context: Rc<WorkerContext>,
    activities: Activities,
}

fn part(config: WorkerConfig) -> Part {
    let host = VirtualHost::new();
    let config = Config::new(config).expect("it is valid");
    let connection = Connection::new(Rc::new(ScriptedService::default()));
    let patience = Patience::new(host.host(), config.graceful_shutdown_period);
    let client = WorkerClient::new(connection.clone(), &config, handle(1), "key".to_owned(), patience.clone());
    let context = Rc::new(WorkerContext {
        host: host.host(),
        handle: handle(1),
        client,
        namespace: connection.namespace(NAMESPACE),
        shutdown: ShutdownToken::default(),
        patience,
        metrics: Rc::new(WorkerMetrics::new(&host.host(), &config)),
        slots: WorkerSlots::new(&host.host(), handle(1), &config, "tester"),
        config,
    });
    assert_eq!(context.config.task_queue, TASK_QUEUE);
    Part { host, activities: Activities::new(&context), context }
}

impl Part {
    fn eager(&self) -> Rc<dyn EagerActivities> {
        self.activities.eager().expect("it is on")
    }

    fn poll(&mut self) -> Option<Vec<u8>> {
        let polled = self.activities.poll().now_or_never()?;
        let task = ActivityTask::decode(polled.expect("polling goes well")).expect("it decodes");
        Some(task.task_token)
    }
}

#[test]
fn there_are_none_without_pollers_or_with_a_rate_of_the_task_queue() {
    let no_pollers = WorkerConfig { enable_remote_activities: false, enable_nexus: true, ..config() };
    let limited = WorkerConfig { max_task_queue_activities_per_second: Some(1.0), ..config() };
    for config in [no_pollers, limited] {
        assert!(part(config).activities.eager().is_none());
    }
    assert!(part(config()).activities.eager().is_some());
}

#[test]
fn a_slot_is_reserved_only_if_one_is_free() {
    let part = part(WorkerConfig { activity_slots: Some(fixed(1)), ..config() });
    let permit = part.eager().try_reserve().now_or_never().flatten();
    assert!(permit.is_some());
    assert!(part.eager().try_reserve().now_or_never().flatten().is_none());
    drop(permit);
    assert!(part.eager().try_reserve().now_or_never().flatten().is_some());
}

#[test]
fn none_is_reserved_during_shutdown() {
    let part = part(config());
    part.context.shutdown.begin();
    assert!(part.eager().try_reserve().now_or_never().flatten().is_none());
}

#[test]
fn they_are_delivered_before_what_polls_bring() {
    let mut part = part(config());
    let permit = part.eager().try_reserve().now_or_never().flatten().expect("a slot is free");
    part.eager().deliver(vec![(task("eager"), permit)]);
    assert_eq!(part.poll(), Some(b"eager".to_vec()));
    assert_eq!(part.context.slots.activity.used(), 1);
    assert_eq!(part.poll(), None);
}

#[test]
fn what_was_reserved_before_shutdown_is_still_taken() {
    let mut part = part(config());
    let permit = part.eager().try_reserve().now_or_never().flatten().expect("a slot is free");
    assert_eq!(part.poll(), None);
    part.context.shutdown.begin();
    part.activities.begin_shutdown();
    part.host.turn([]);
    assert_eq!(part.poll(), None, "polls end when the slot is back");
    part.eager().deliver(vec![(task("eager"), permit)]);
    assert_eq!(part.poll(), Some(b"eager".to_vec()));
}
