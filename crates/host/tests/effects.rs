//! The proposal's references: what each sends to the host.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{cell::RefCell, rc::Rc, time::Duration};

use corewasm_host::{
    GrpcRequest, HandleError, HandleTable, HostRef, Level, MetricKeyValue, MetricsAttributesRef, PermitRef, code,
    envelope::{LogDirective, LogFilter, LogLevel, MetricsOptions, Open, SlotReserved, effect, input},
    testing::{VirtualHost, rpc_failure, rpc_starts},
};
use serde_json::json;

fn request(uri: &str) -> GrpcRequest {
    GrpcRequest {
        uri: uri.to_owned(),
        body: Default::default(),
        metadata: Default::default(),
        timeout: Duration::from_secs(3),
        gzip: true,
        worker: HostRef::new(9),
    }
}

#[test]
fn an_rpc_is_started_and_its_status_comes_back() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let seen = Rc::new(RefCell::new(None));
    let (client, seen_by_task) = (host.grpc_client(HostRef::new(4).unwrap()), seen.clone());
    host.spawn(async move { *seen_by_task.borrow_mut() = Some(client.grpc_unary(request("/a.B/C")).await) }).detach();
    let effects = virtual_host.turn([]);
    let start = rpc_starts(&effects)[0];
    assert_eq!((start.client, start.worker, start.timeout_ns, start.gzip), (4, 9, 3_000_000_000, true));
    virtual_host.turn([rpc_failure(start.rpc, code::NOT_FOUND, "gone")]);
    let status = seen.borrow_mut().take().unwrap().unwrap_err();
    assert_eq!((status.code, status.message.as_str()), (code::NOT_FOUND, "gone"));
}

#[test]
fn an_rpc_waits_for_a_hundred_years_at_most() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let client = host.grpc_client(HostRef::new(4).unwrap());
    let timeout = Duration::from_secs(300 * 365 * 24 * 3_600);
    host.spawn(async move { drop(client.grpc_unary(GrpcRequest { timeout, ..request("/a.B/C") }).await) }).detach();
    let effects = virtual_host.turn([]);
    assert_eq!(rpc_starts(&effects)[0].timeout_ns, 100 * 365 * 24 * 3_600 * 1_000_000_000);
}

#[test]
fn dropping_an_rpc_cancels_it_and_a_late_answer_is_ignored() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let client = host.grpc_client(HostRef::new(4).unwrap());
    let task = host.spawn(async move { drop(client.grpc_unary(request("/a.B/C")).await) });
    let rpc = rpc_starts(&virtual_host.turn([]))[0].rpc;
    task.abort();
    let effects = virtual_host.turn([]);
    assert!(matches!(&effects[..], [effect::Kind::RpcCancel(cancel)] if cancel.rpc == rpc));
    assert_eq!(virtual_host.turn([rpc_failure(rpc, code::CANCELLED, "")]), []);
    assert_eq!(virtual_host.last_response().input_errors, []);
}

#[test]
fn a_permit_that_nobody_waits_for_any_more_is_released() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let slots = host.slots(HostRef::new(2).unwrap());
    let task = host.spawn(async move {
        let _ = slots.try_reserve(Default::default()).await;
    });
    let effects = virtual_host.turn([]);
    let effect::Kind::SlotTryReserve(asked) = &effects[0] else { panic!("{effects:?}") };
    task.abort();
    assert_eq!(virtual_host.turn([]), []);
    let answer = input::Kind::SlotReserved(SlotReserved { request: asked.request, permit: 77 });
    let effects = virtual_host.turn([answer]);
    assert!(
        matches!(&effects[..], [effect::Kind::SlotRelease(release)] if release.permit == 77 && release.info.is_none())
    );
}

#[test]
fn a_reservation_waits_through_an_empty_answer_and_its_drop_cancels_it() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let slots = host.slots(HostRef::new(2).unwrap());
    let task = host.spawn(async move {
        slots.reserve(Default::default()).await;
    });
    let first = virtual_host.turn([]);
    let effect::Kind::SlotReserve(asked) = &first[0] else { panic!("{first:?}") };
    let again = virtual_host.turn([input::Kind::SlotReserved(SlotReserved { request: asked.request, permit: 0 })]);
    let effect::Kind::SlotReserve(asked_again) = &again[0] else { panic!("{again:?}") };
    task.abort();
    let effects = virtual_host.turn([]);
    assert!(
        matches!(&effects[..], [effect::Kind::SlotReserveCancel(cancel)] if cancel.request == asked_again.request),
        "{effects:?}"
    );
}

#[test]
fn a_permit_granted_in_the_turn_that_drops_its_waiter_is_released() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let slots = host.slots(HostRef::new(2).unwrap());
    let task = host.spawn(async move {
        slots.reserve(Default::default()).await;
    });
    let effects = virtual_host.turn([]);
    let effect::Kind::SlotReserve(asked) = &effects[0] else { panic!("{effects:?}") };
    task.abort();
    let effects = virtual_host.turn([input::Kind::SlotReserved(SlotReserved { request: asked.request, permit: 5 })]);
    assert!(matches!(&effects[..], [effect::Kind::SlotRelease(release)] if release.permit == 5), "{effects:?}");
    assert!(PermitRef::new(0).is_none());
}

#[test]
fn definitions_are_sent_once_and_records_are_packed() {
    let metrics = MetricsOptions { enabled: true, prefix: None, attach_service_name: true };
    let mut virtual_host = VirtualHost::open(Open { metrics: Some(metrics), ..Open::default() });
    let provider = virtual_host.host().get_meter_provider();
    let counter = provider.new_counter("request");
    let same = provider.new_counter("request");
    let root = MetricsAttributesRef::new(&provider, Default::default());
    let child = root.with_kvs(vec![MetricKeyValue::new("namespace", "default")]);
    let same_child = root.with_kvs(vec![MetricKeyValue::new("namespace", "default")]);
    counter.add(3, &child);
    same.add(4, &same_child);
    let effects = virtual_host.turn([]);
    let [
        effect::Kind::DefineInstrument(instrument),
        effect::Kind::DefineAttributes(attributes),
        effect::Kind::MetricRecords(records),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(instrument.name, "temporal_request");
    assert_eq!((attributes.attributes, attributes.extends), (2, 1));
    let expected: Vec<u8> =
        [[1, 2, 3, 0_u32], [1, 2, 4, 0]].concat().iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(records.packed, expected);
}

#[test]
fn with_metrics_off_nothing_is_sent() {
    let mut virtual_host = VirtualHost::new();
    let provider = virtual_host.host().get_meter_provider();
    let attributes = MetricsAttributesRef::new(&provider, Default::default());
    provider.new_gauge("num_pollers").record(1, &attributes.with_kvs(vec![MetricKeyValue::new("a", "b")]));
    provider.new_histogram_duration("request_latency").record(5, &attributes);
    assert_eq!(virtual_host.turn([]), []);
}

#[test]
fn the_most_specific_directive_decides_what_is_logged() {
    let directive = |target: &str, level: LogLevel| LogDirective { target: target.to_owned(), level: level.into() };
    let directives = vec![directive("core", LogLevel::Warn), directive("core::worker", LogLevel::Debug)];
    let filter = LogFilter { default_level: LogLevel::Error.into(), directives };
    let mut virtual_host = VirtualHost::open(Open { log_filter: Some(filter), ..Open::default() });
    let host = virtual_host.host();
    assert!(host.log_enabled(Level::Debug, "core::worker::poll"));
    assert!(!host.log_enabled(Level::Info, "core::client"));
    assert!(host.log_enabled(Level::Warn, "core::client"));
    assert!(!host.log_enabled(Level::Warn, "other"));
    host.warn("core::client", "slow", &[("attempt", json!(3))]);
    let effects = virtual_host.turn([]);
    let [effect::Kind::Log(record)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((record.message.as_str(), record.level()), ("slow", LogLevel::Warn));
    assert_eq!(record.field("attempt"), Some("3"));
}

#[test]
fn a_stale_handle_is_recognised() {
    let handle = |generation| HostRef::from_parts(3, generation).unwrap().raw();
    let mut table = HandleTable::default();
    table.insert(handle(1), "first").unwrap();
    assert_eq!(table.insert(handle(2), "second"), Err(HandleError::InUse(handle(2))));
    assert_eq!(table.remove(handle(1)), Ok("first"));
    assert_eq!(table.insert(handle(1), "again"), Err(HandleError::Stale(handle(1))));
    table.insert(handle(2), "second").unwrap();
    assert_eq!(table.get(handle(1)), Err(HandleError::Stale(handle(1))));
    assert_eq!(table.get(handle(2)), Ok(&"second"));
    assert_eq!(table.get(0), Err(HandleError::Zero));
    assert_eq!(table.get(8), Err(HandleError::Unknown(8)));
}
