//! The body of the fuzz target `turns`, on sequences from a fixed seed and on those that once broke it.

use corewasm_testkit::{corpus::inputs, simulator::play_typed_inputs};
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};

use crate::native::Native;

#[test]
fn well_formed_inputs_in_any_order_are_taken() {
    let config =
        ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..Default::default() };
    let data = proptest::collection::vec(any::<u8>(), 40..1200);
    let checked = TestRunner::new(config).run(&data, |data| {
        play_typed_inputs(Native::default(), &data);
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn what_fuzzing_found_is_taken() {
    inputs("turns").iter().for_each(|data| play_typed_inputs(Native::default(), data));
}
