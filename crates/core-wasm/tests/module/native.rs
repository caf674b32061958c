//! The module's code as a library.

use core_wasm::Core;
use corewasm_abi::Module;
use corewasm_testkit::simulator::Turns;

#[derive(Default)]
pub(crate) struct Native(Core);

impl Turns for Native {
    fn turn(&mut self, request: Vec<u8>) -> Vec<u8> {
        self.0.turn(request.into())
    }
}
