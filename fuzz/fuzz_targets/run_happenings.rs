//! A run takes whatever happens to it, in any order.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::run::fuzz::happenings(data));
