//! Looking into a request gives what decoding it gives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_client::fuzz::request(data));
