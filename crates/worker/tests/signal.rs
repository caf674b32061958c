//! Waiting: everyone is told, nobody leaves anything behind.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use corewasm_worker::shutdown::ShutdownToken;
use corewasm_worker::signal::Signal;

struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn who_gives_up_waiting_is_forgotten() {
    let (signal, counted) = (Signal::default(), Arc::new(Counted));
    let waker = Waker::from(counted.clone());
    for _ in 0..100 {
        let mut waiting = pin!(signal.until(|| None::<()>));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn work_that_shutdown_never_reached_is_forgotten() {
    let (token, counted) = (ShutdownToken::default(), Arc::new(Counted));
    let waker = Waker::from(counted.clone());
    for _ in 0..100 {
        let mut done = pin!(token.unless_begun(std::future::ready(1)));
        assert_eq!(done.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Some(1)));
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn everyone_who_waits_looks_again() {
    let (signal, open) = (Signal::default(), Cell::new(false));
    let mut context = Context::from_waker(Waker::noop());
    let look = || open.get().then_some(7);
    let (mut one, mut other) = (pin!(signal.until(look)), pin!(signal.until(look)));
    assert!(one.as_mut().poll(&mut context).is_pending() && other.as_mut().poll(&mut context).is_pending());
    open.set(true);
    signal.notify();
    assert_eq!(one.as_mut().poll(&mut context), Poll::Ready(7));
    assert_eq!(other.as_mut().poll(&mut context), Poll::Ready(7));
}
