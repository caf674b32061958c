//! Spec 10.8: each attempt is counted, with its labels.

use std::{collections::BTreeMap, time::Duration};

use corewasm_client::{CallOptions, Connection};
use corewasm_host::{
    code,
    envelope::{ClientConfig, MetricsOptions, Open, effect, metric_key_value::Value},
    testing::{VirtualHost, rpc_failure, rpc_response},
};
use temporalio_protos::temporal::api::{
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse, SignalWorkflowExecutionRequest,
    },
};

use crate::support::{call, config, connection, next_attempt, started};

/// Applies metric effects as a host does.
#[derive(Default)]
struct Meter {
    instruments: BTreeMap<u32, String>,
    attributes: BTreeMap<u32, String>,
    records: Vec<(String, String, u64)>,
}

impl Meter {
    fn apply(&mut self, effects: &[effect::Kind]) {
        for effect in effects {
            match effect {
                effect::Kind::DefineInstrument(define) => {
                    self.instruments.insert(define.instrument, define.name.clone());
                }
                effect::Kind::DefineAttributes(define) => {
                    let mut text = self.attributes.get(&define.extends).cloned().unwrap_or_default();
                    for pair in &define.key_values {
                        let Some(Value::Text(value)) = &pair.value else { panic!("{pair:?}") };
                        text += &format!("{}={value};", pair.key);
                    }
                    self.attributes.insert(define.attributes, text);
                }
                effect::Kind::MetricRecords(records) => self.apply_records(&records.packed),
                _ => {}
            }
        }
    }

    fn apply_records(&mut self, packed: &[u8]) {
        for record in packed.chunks_exact(16) {
            let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
            let value = u64::from_le_bytes(record[8..].try_into().unwrap());
            let attributes = self.attributes.get(&word(4)).cloned().unwrap_or_default();
            self.records.push((self.instruments[&word(0)].clone(), attributes, value));
        }
    }
}

fn metered(config: ClientConfig) -> (VirtualHost, Connection) {
    let metrics = MetricsOptions { enabled: true, prefix: Some("p_".to_owned()), attach_service_name: false };
    let host = VirtualHost::open(Open { metrics: Some(metrics), ..Open::default() });
    let connection = connection(&host, config);
    (host, connection)
}

fn record(name: &str, labels: &str, value: u64) -> (String, String, u64) {
    (name.to_owned(), labels.to_owned(), value)
}

const SIGNAL: &str = "namespace=orders;operation=SignalWorkflowExecution;";

fn signal() -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest { namespace: "orders".to_owned(), ..Default::default() }
}

#[test]
fn failed_and_successful_attempts_are_counted() {
    let (mut host, connection) = metered(config());
    let mut meter = Meter::default();
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    let effects = host.turn([]);
    meter.apply(&effects);
    host.advance(Duration::from_millis(40));
    meter.apply(&host.turn([rpc_failure(started(&effects).rpc, code::UNAVAILABLE, "")]));
    let second = next_attempt(&mut host);
    meter.apply(&host.turn([rpc_response(second.rpc, &PollWorkflowTaskQueueResponse::default())]));
    let failed = format!("{SIGNAL}status_code=UNAVAILABLE;");
    assert!(meter.records.contains(&record("p_request", SIGNAL, 1)));
    assert!(meter.records.contains(&record("p_request_latency", SIGNAL, 40)));
    assert!(meter.records.contains(&record("p_request_failure", &failed, 1)));
    assert_eq!(meter.records.iter().filter(|(name, ..)| name == "p_request_failure").count(), 1);
}

#[test]
fn a_poll_is_long_and_names_its_normal_queue() {
    let (mut host, connection) = metered(config());
    let sticky =
        TaskQueue { name: "sticky-1".to_owned(), normal_name: "orders-queue".to_owned(), ..Default::default() };
    let request =
        PollWorkflowTaskQueueRequest { namespace: "orders".to_owned(), task_queue: Some(sticky), ..Default::default() };
    let options = CallOptions { retry: corewasm_client::Retry::TaskPoll, ..CallOptions::default() };
    let _outcome = call(&host, &connection, "PollWorkflowTaskQueue", &request, options);
    let mut meter = Meter::default();
    meter.apply(&host.turn([]));
    let labels = "namespace=orders;task_queue=orders-queue;operation=PollWorkflowTaskQueue;";
    assert_eq!(meter.records, [record("p_long_request", labels, 1)]);
}

#[test]
fn the_codes_label_can_be_left_out() {
    let (mut host, connection) = metered(ClientConfig { disable_error_code_metric_tags: true, ..config() });
    let mut meter = Meter::default();
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    let effects = host.turn([]);
    meter.apply(&effects);
    meter.apply(&host.turn([rpc_failure(started(&effects).rpc, code::NOT_FOUND, "")]));
    assert!(meter.records.contains(&record("p_request_failure", SIGNAL, 1)));
}

#[test]
fn a_time_out_counts_as_an_error_of_the_transport() {
    let (mut host, connection) = metered(config());
    let mut meter = Meter::default();
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    let effects = host.turn([]);
    meter.apply(&effects);
    meter.apply(&host.turn([rpc_failure(started(&effects).rpc, code::CANCELLED, "Timeout expired")]));
    let failed = format!("{SIGNAL}status_code=TRANSPORT_ERROR;");
    assert!(meter.records.contains(&record("p_request_failure", &failed, 1)));
}
