//! Events of any kind in any pages neither break paging nor keep it going for ever.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corewasm_engine::history::fuzz::paginate(data));
