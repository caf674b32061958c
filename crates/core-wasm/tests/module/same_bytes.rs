//! A recorded turn log gives the same responses again (docs/abi.md, "A turn"): to the byte in the module, and natively
//! but for the order of entries in the maps of Temporal's messages, which prost takes from a hash table with a key of
//! the process.

use corewasm_testkit::simulator::{TurnLog, Turns, run_live};

use crate::{
    native::Native,
    vectors::{live_lang, lives},
    wasm::Wasm,
};

fn recorded_in_wasm() -> impl Iterator<Item = (&'static str, TurnLog)> {
    lives().iter().map(|vector| {
        let (_, log) = run_live(Wasm::default(), vector.try_into().unwrap(), &mut live_lang(vector)).unwrap();
        (vector.name.as_str(), log)
    })
}

/// Entries of maps stay the same bytes, wherever they stand.
fn in_any_order(response: &[u8]) -> Vec<u8> {
    let mut bytes = response.to_vec();
    bytes.sort_unstable();
    bytes
}

#[test]
fn another_instance_gives_the_same_bytes() {
    for (name, log) in recorded_in_wasm() {
        let mut again = Wasm::default();
        for (turn, (request, response)) in log.into_iter().enumerate() {
            assert!(again.turn(request) == response, "{name}: turn {turn} differs");
        }
    }
}

#[test]
fn a_host_that_keeps_one_buffer_gets_the_same_bytes() {
    for (name, log) in recorded_in_wasm() {
        let longest = log.iter().map(|(request, _)| request.len()).max().unwrap_or_default();
        let mut again = Wasm::default();
        let buffer = again.call(&again.alloc.clone(), longest as u32 + 1);
        for (turn, (request, response)) in log.iter().enumerate() {
            assert!(again.turn_in(buffer, request) == *response, "{name}: turn {turn} differs");
        }
    }
}

#[test]
fn the_library_gives_the_bytes_of_the_module() {
    let (mut exact, mut turns) = (0, 0);
    for (name, log) in recorded_in_wasm() {
        let mut native = Native::default();
        for (turn, (request, response)) in log.into_iter().enumerate() {
            let ours = native.turn(request);
            assert!(in_any_order(&ours) == in_any_order(&response), "{name}: turn {turn} differs");
            exact += usize::from(ours == response);
            turns += 1;
        }
    }
    assert!(exact * 10 >= turns * 9, "only {exact} of {turns} turns are the same to the byte");
}
