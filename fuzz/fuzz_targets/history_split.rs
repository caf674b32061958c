//! Splitting received bytes into events gives what decoding them gives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::history::fuzz::split(data));
