//! What fuzzers run: any bytes as what a Nexus handler or caller sends. Also run by the tests below.

use prost::Message;
use temporalio_protos::temporal::api::failure::v1::Failure;

use super::failure_json::to_json;
use super::request_timeout::parse_request_timeout;

/// Any failure can be written as JSON, and what is written can be read.
pub fn failure(data: &[u8]) {
    let Ok(failure) = Failure::decode(data) else { return };
    let json = to_json(&failure);
    let read: serde_json::Value = serde_json::from_str(&json.to_string()).expect("what was written is JSON");
    assert_eq!(read, json);
}

/// Any text is a time-out or is refused; one that can be printed as Go does has the length that it says.
pub fn request_timeout(data: &[u8]) {
    let _ = parse_request_timeout(&String::from_utf8_lossy(data));
    if let Some(bytes) = data.first_chunk() {
        let milliseconds = u64::from(u32::from_le_bytes(*bytes));
        let text = format!(
            "{}h{}m{}.{:03}s",
            milliseconds / 3_600_000,
            milliseconds / 60_000 % 60,
            milliseconds / 1000 % 60,
            milliseconds % 1000
        );
        let read = parse_request_timeout(&text).expect("Go prints durations so");
        assert!(read.as_millis().abs_diff(milliseconds.into()) <= 1, "{text}: {read:?}");
    }
}

#[cfg(test)]
mod tests {
    use corewasm_testkit::corpus::inputs;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fuzzing_found_is_taken() {
        inputs("nexus_failure").iter().for_each(|data| failure(data));
        inputs("nexus_request_timeout").iter().for_each(|data| request_timeout(data));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_taken(data in prop::collection::vec(any::<u8>(), 0..64)) {
            failure(&data);
            request_timeout(&data);
        }

        #[test]
        fn any_text_is_taken(text in "[-+]?([0-9.]{0,20}(ns|us|µs|ms|s|m|h| ))*") {
            request_timeout(text.as_bytes());
        }
    }
}
