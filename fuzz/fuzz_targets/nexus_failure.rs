//! Any failure can be written as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_worker::nexus::fuzz::failure(data));
