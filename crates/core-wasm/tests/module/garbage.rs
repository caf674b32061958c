//! Whatever comes, the answer is a response, and the instance answers the next turn.

use std::cell::RefCell;

use corewasm_host::envelope::{
    ClientClose, Input, Open, TurnRequest, TurnResponse, Undelivered, WorkerComplete, WorkerDrop, WorkerHeartbeat,
    WorkerPoll, input, input_error,
};
use corewasm_testkit::{
    corpus::inputs,
    simulator::{TurnLog, Turns, play_turn_bytes, run_live},
};
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use prost::Message;

use crate::{
    native::Native,
    vectors::{live_lang, lives},
    wasm::Wasm,
};

/// The size limit of an input.
const LIMIT: usize = 128 << 20;

fn runner(seed: u64, cases: u32) -> TestRunner {
    let config =
        ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
}

fn response(module: &mut impl Turns, request: Vec<u8>) -> TurnResponse {
    TurnResponse::decode(module.turn(request).as_slice()).expect("every answer is a TurnResponse")
}

fn request(kind: Option<input::Kind>) -> Vec<u8> {
    let inputs = vec![Input { kind, ..Input::default() }];
    TurnRequest { monotonic_ns: 1, entropy: vec![1; 32].into(), inputs, ..TurnRequest::default() }.encode_to_vec()
}

/// An empty turn is taken as ever.
fn expect_intact(module: &mut impl Turns) {
    assert_eq!(response(module, Vec::new()).request_error, "");
}

fn any_bytes_are_answered<T: Turns>(new: fn() -> T) {
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let damage = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    let module = RefCell::new(new());
    response(&mut *module.borrow_mut(), request(Some(input::Kind::Open(Open::default()))));
    let checked = runner(7, 300).run(&(bytes, damage), |(bytes, damage)| {
        let module = &mut *module.borrow_mut();
        response(module, bytes);
        let mut damaged = request(Some(input::Kind::WorkerPoll(WorkerPoll { worker: 7, kind: 1, call: 1 })));
        for (at, byte) in damage {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        response(module, damaged);
        expect_intact(module);
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn native_answers_any_bytes() {
    any_bytes_are_answered(Native::default);
}

#[test]
fn wasm_answers_any_bytes() {
    any_bytes_are_answered(Wasm::default);
}

#[test]
fn any_numbers_are_taken_by_every_export() {
    let wasm = RefCell::new(Wasm::default());
    let numbers = (any::<u32>(), any::<u32>(), 0_u32..(1 << 20));
    let checked = runner(11, 200).run(&numbers, |(pointer, length, size)| {
        let wasm = &mut *wasm.borrow_mut();
        let (alloc, free, turn) = (wasm.alloc.clone(), wasm.free.clone(), wasm.turn.clone());
        wasm.call(&free, (pointer, length));
        let packed = wasm.call(&turn, (pointer, length));
        let refused = TurnResponse::decode(wasm.take(packed).as_slice()).unwrap();
        prop_assert!(!refused.request_error.is_empty());
        let start = wasm.call(&alloc, size);
        prop_assert_ne!(start, 0);
        wasm.call(&free, (start, size.wrapping_add(1)));
        wasm.call(&free, (start, size));
        wasm.call(&free, (start, size));
        expect_intact(wasm);
        Ok(())
    });
    checked.unwrap();
}

/// The body of the fuzz target `turn_bytes`, on what it has found.
#[test]
fn what_fuzzing_found_is_answered() {
    inputs("turn_bytes").iter().for_each(|data| play_turn_bytes(Native::default(), data));
}

/// Recorded turns with bytes changed, in their order: Core gets answers to what it never asked and misses others.
fn damaged_sessions_are_answered<T: Turns>(new: fn() -> T) {
    let logs: Vec<TurnLog> = lives().iter().step_by(8).map(recorded).collect();
    let damage =
        (any::<prop::sample::Index>(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 40));
    let checked = runner(13, 60).run(&damage, |(which, damage)| {
        let mut module = new();
        for (number, (request, _)) in which.get(&logs).iter().enumerate() {
            let (at, byte) = damage[number % damage.len()];
            let mut request = request.clone();
            let at = at.index(request.len());
            request[at] = byte;
            response(&mut module, request);
        }
        expect_intact(&mut module);
        Ok(())
    });
    checked.unwrap();
}

fn recorded(vector: &corewasm_testkit::vector::LiveVector) -> TurnLog {
    run_live(Native::default(), vector.try_into().unwrap(), &mut live_lang(vector)).unwrap().1
}

#[test]
fn native_answers_damaged_sessions() {
    damaged_sessions_are_answered(Native::default);
}

#[test]
fn wasm_answers_damaged_sessions() {
    damaged_sessions_are_answered(Wasm::default);
}

fn wrong_inputs_are_refused_by_kind(module: &mut impl Turns) {
    use input::Kind;
    use input_error::Kind::{BadHandle, BadState, Oversized, UnknownMessage};
    response(module, request(Some(Kind::Open(Open::default()))));
    let stale = (3 << 20) | 5;
    let large = vec![0; LIMIT + 1].into();
    let cases = [
        (None, UnknownMessage),
        (Some(Kind::Open(Open::default())), BadState),
        (Some(Kind::ClientClose(ClientClose { client: stale })), BadHandle),
        (Some(Kind::WorkerPoll(WorkerPoll { worker: 0, kind: 1, call: 1 })), BadHandle),
        (Some(Kind::WorkerDrop(WorkerDrop { worker: stale })), BadHandle),
        (Some(Kind::WorkerComplete(WorkerComplete { worker: 7, kind: 1, call: 2, ..Default::default() })), BadHandle),
        (Some(Kind::Undelivered(Undelivered { worker: 7, kind: 1, ..Default::default() })), BadHandle),
        (Some(Kind::WorkerHeartbeat(WorkerHeartbeat { worker: 7, body: large })), Oversized),
    ];
    for (kind, expected) in cases {
        let response = response(module, request(kind));
        assert_eq!(response.effects, [], "a refused input has no effect");
        assert_eq!(response.input_errors[0].kind(), expected, "{:?}", response.input_errors);
        expect_intact(module);
    }
}

#[test]
fn native_refuses_wrong_inputs_by_kind() {
    wrong_inputs_are_refused_by_kind(&mut Native::default());
}

#[test]
fn wasm_refuses_wrong_inputs_by_kind() {
    wrong_inputs_are_refused_by_kind(&mut Wasm::default());
}
