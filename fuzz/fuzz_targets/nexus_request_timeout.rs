//! Any header is a time-out or is refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_worker::nexus::fuzz::request_timeout(data));
