//! A run takes or refuses any completion of lang's.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::run::fuzz::completion(data));
