//! Tasks, timers and turns: order, budget, cancellation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{cell::RefCell, rc::Rc, time::Duration};

use corewasm_host::{
    TurnDriver,
    envelope::{Input, Open, TurnRequest, effect, input, input_error},
    testing::VirtualHost,
};

type Trace = Rc<RefCell<Vec<String>>>;

fn note(trace: &Trace, text: impl Into<String>) {
    trace.borrow_mut().push(text.into());
}

#[test]
fn sleepers_wake_by_deadline_and_then_by_age() {
    let mut virtual_host = VirtualHost::new();
    let trace = Trace::default();
    for (name, millis) in [("late", 20), ("first at 10", 10), ("second at 10", 10)] {
        let (host, trace) = (virtual_host.host(), trace.clone());
        let sleeper = host.clone();
        host.spawn(async move {
            sleeper.sleep(Duration::from_millis(millis)).await;
            note(&trace, name);
        })
        .detach();
    }
    virtual_host.turn([]);
    assert_eq!(virtual_host.last_response().next_wakeup_ns, Some(10_000_000));
    virtual_host.advance_to_wakeup();
    assert_eq!(*trace.borrow(), ["first at 10", "second at 10"]);
    virtual_host.advance_to_wakeup();
    assert_eq!(*trace.borrow(), ["first at 10", "second at 10", "late"]);
    assert_eq!(virtual_host.last_response().next_wakeup_ns, None);
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let sleeper = host.clone();
    let task = host.spawn(async move { sleeper.sleep(Duration::from_secs(1)).await });
    virtual_host.turn([]);
    task.abort();
    virtual_host.turn([]);
    assert_eq!(virtual_host.last_response().next_wakeup_ns, None);
}

#[test]
fn a_turn_does_a_bounded_share_and_asks_for_the_next_at_once() {
    let mut virtual_host = VirtualHost::new();
    let done = Rc::new(RefCell::new(0));
    for _ in 0..1000 {
        let done = done.clone();
        virtual_host.host().spawn(async move { *done.borrow_mut() += 1 }).detach();
    }
    virtual_host.advance(Duration::from_nanos(7));
    assert!(*done.borrow() < 1000);
    assert_eq!(virtual_host.last_response().next_wakeup_ns, Some(7));
    virtual_host.advance_to_wakeup();
    assert_eq!(*done.borrow(), 1000);
    assert_eq!(virtual_host.last_response().next_wakeup_ns, None);
}

#[test]
fn a_cancelled_call_is_resolved_once_and_its_work_dropped() {
    let mut virtual_host = VirtualHost::new();
    let host = virtual_host.host();
    let sleeper = host.clone();
    host.spawn_call(5, async move {
        sleeper.sleep(Duration::from_secs(9)).await;
        Ok(Default::default())
    });
    virtual_host.turn([]);
    let cancel = || input::Kind::CallCancelled(corewasm_host::envelope::CallCancelled { call: 5 });
    let effects = virtual_host.turn([cancel(), cancel()]);
    assert!(matches!(&effects[..], [effect::Kind::CallResolved(resolved)] if resolved.call == 5));
    assert_eq!(virtual_host.last_response().next_wakeup_ns, None);
}

#[test]
fn the_first_input_must_be_open_and_only_the_first() {
    let mut driver = TurnDriver::new();
    let open = || Input { kind: Some(input::Kind::Open(Open::default())), ..Input::default() };
    let close = Input { kind: Some(input::Kind::HistoryClose(Default::default())), ..Input::default() };
    let unknown = Input::default();
    let request = TurnRequest { inputs: vec![close, open(), open(), unknown], ..TurnRequest::default() };
    let response = driver.turn(request, &mut |_| Ok(()));
    let errors: Vec<_> = response.input_errors.iter().map(|error| (error.input_index, error.kind())).collect();
    use input_error::Kind;
    assert_eq!(errors, [(0, Kind::BadState), (2, Kind::BadState), (3, Kind::UnknownMessage)]);
}

#[test]
fn the_same_entropy_gives_the_same_numbers_and_other_entropy_others() {
    let draw = |entropy: &'static [u8]| {
        let mut driver = TurnDriver::new();
        let open = Input { kind: Some(input::Kind::Open(Open::default())), ..Input::default() };
        let request = TurnRequest { entropy: entropy.into(), inputs: vec![open], ..TurnRequest::default() };
        driver.turn(request, &mut |_| Ok(()));
        let host = driver.host();
        (host.random_u64(), host.uuid_v4())
    };
    assert_eq!(draw(b"0123456789"), draw(b"0123456789"));
    assert_ne!(draw(b"0123456789"), draw(b"0123456780"));
    let (_, uuid) = draw(b"x");
    assert_eq!(uuid.len(), 36);
    assert_eq!(&uuid[14..15], "4");
    assert!("89ab".contains(&uuid[19..20]));
}
