//! A run reads or refuses the contents of any marker.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::run::fuzz::marker(data));
