//! The duration in a Nexus request's header "request-timeout" (spec 5.3).

use std::time::Duration;

use corewasm_worker::nexus::request_timeout::parse_request_timeout;
use proptest::prelude::*;

fn parsed(text: &str) -> Duration {
    parse_request_timeout(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_units_of_the_nexus_specification() {
    assert_eq!(parsed("10m"), Duration::from_secs(600));
    assert_eq!(parsed("30s"), Duration::from_secs(30));
    assert_eq!(parsed("500ms"), Duration::from_millis(500));
    assert_eq!(parsed("9.155416ms"), Duration::from_nanos(9_155_416));
}

#[test]
fn whatever_go_prints() {
    for micro in ["88.458us", "88.458\u{b5}s", "88.458\u{3bc}s"] {
        assert_eq!(parsed(micro), Duration::from_nanos(88_458));
    }
    assert_eq!(parsed("125ns"), Duration::from_nanos(125));
    assert_eq!(parsed("2h"), Duration::from_secs(7200));
    assert_eq!(parsed("1m30.5s"), Duration::from_millis(90_500));
    assert_eq!(parsed("1h0m0s"), Duration::from_secs(3600));
    assert_eq!(parsed("0s"), Duration::ZERO);
}

#[test]
fn a_fraction_of_any_length() {
    assert_eq!(parsed("1.5h"), Duration::from_secs(5400));
    assert_eq!(parsed("1.s"), Duration::from_secs(1));
    assert_eq!(parsed(".25s"), Duration::from_millis(250));
    assert_eq!(parsed("0.1234567899999999999999999999s"), Duration::from_nanos(123_456_789));
}

#[test]
fn a_deadline_that_has_passed_is_zero() {
    assert_eq!(parsed("-88.458\u{b5}s"), Duration::ZERO);
    assert_eq!(parsed("-1m30s"), Duration::ZERO);
}

#[test]
fn space_around_it_and_a_plus_sign_are_allowed() {
    assert_eq!(parsed("  +10s  "), Duration::from_secs(10));
}

#[test]
fn anything_else_is_refused_and_named() {
    for text in ["", "-", "10", "10x", "abc", "s", "1s2", "1 s", "..5s", ".s", "1.2.3s", "99999999999999999999h"] {
        let error = parse_request_timeout(text).expect_err(text);
        assert!(error.to_string().contains(text));
    }
}

proptest! {
    #[test]
    fn a_compound_duration_is_the_sum_of_its_parts(h in 0u64..1000, m in 0u64..60, s in 0u64..60, ms in 0u64..1000) {
        let expected = Duration::from_secs(h * 3600 + m * 60 + s) + Duration::from_millis(ms);
        let difference = parsed(&format!("{h}h{m}m{s}s{ms}ms")).abs_diff(expected);
        prop_assert!(difference <= Duration::from_nanos(1));
    }

    #[test]
    fn no_text_panics(text in ".{0,20}") {
        let _ = parse_request_timeout(&text);
    }
}
