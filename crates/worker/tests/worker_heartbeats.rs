//! Worker heartbeats are not sent yet. Whoever asks for them finds that in the log, once for each worker.

use std::rc::Rc;
use std::time::Duration;

use crate::common::service::ScriptedService;
use crate::common::{config, handle};
use corewasm_host::envelope::{LogFilter, LogLevel, LogRecord, Open, effect};
use corewasm_host::testing::VirtualHost;
use corewasm_worker::{Connection, Worker};

const TEXT: &str = "Worker heartbeats are not sent: this Core does not have them yet";

/// What a worker logs of heartbeats, and which calls it makes besides its polls, in ten intervals.
fn opened_with(interval: Duration) -> (Vec<LogRecord>, Vec<&'static str>) {
    let mut host = VirtualHost::open(Open {
        log_filter: Some(LogFilter { default_level: LogLevel::Trace.into(), directives: Vec::new() }),
        worker_heartbeat_interval_ns: interval.as_nanos() as u64,
        ..Open::default()
    });
    let service = Rc::new(ScriptedService::default());
    let connection = Connection::new(service.clone());
    let _worker = Worker::open(host.host(), handle(1), connection, config(), None).expect("it opens");
    let mut effects = host.turn([]);
    effects.extend((0..10).flat_map(|_| host.advance(Duration::from_secs(1))));
    let logs = effects.into_iter().filter_map(|effect| match effect {
        effect::Kind::Log(log) if log.message == TEXT => Some(log),
        _ => None,
    });
    (logs.collect(), service.waiting())
}

#[test]
fn a_worker_says_once_that_it_sends_none() {
    let (logs, calls) = opened_with(Duration::from_secs(1));
    assert_eq!(logs.iter().map(LogRecord::level).collect::<Vec<_>>(), [LogLevel::Debug]);
    assert_eq!(logs[0].field("interval_ms"), Some("1000"));
    assert!(calls.is_empty(), "{calls:?}");
}

#[test]
fn a_worker_that_is_to_send_none_says_nothing() {
    assert_eq!(opened_with(Duration::ZERO).0, []);
}
