//! Causes that are nested too deep are cut off, and what is left can be read.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::deep_causes::fuzz::cuts(data));
