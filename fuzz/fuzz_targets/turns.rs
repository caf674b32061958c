//! Well-formed inputs in any order are taken by the module.
#![no_main]

use corewasm_abi::Module;
use corewasm_testkit::simulator::{Turns, play_typed_inputs};

#[derive(Default)]
struct Native(core_wasm::Core);

impl Turns for Native {
    fn turn(&mut self, request: Vec<u8>) -> Vec<u8> {
        self.0.turn(request.into())
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| play_typed_inputs(Native::default(), data));
