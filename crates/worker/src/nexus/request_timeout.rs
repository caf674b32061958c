//! The header "request-timeout" of a Nexus request: a duration as Go prints it (spec 5.3).

use std::time::Duration;

/// The text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: {0:?}")]
pub struct InvalidRequestTimeout(pub String);

/// Parses `text`, e.g. `1m30.5s`, `88µs`, `-2h`. A negative duration is zero: its deadline has passed.
pub fn parse_request_timeout(text: &str) -> Result<Duration, InvalidRequestTimeout> {
    parse(text.trim()).ok_or_else(|| InvalidRequestTimeout(text.to_owned()))
}

fn parse(text: &str) -> Option<Duration> {
    let (negative, mut rest) = split_sign(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (part, after) = parse_leading_part(rest)?;
        total = total.checked_add(part)?;
        rest = after;
    }
    Some(if negative { Duration::ZERO } else { total })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// One number with its unit, and what follows it.
fn parse_leading_part(text: &str) -> Option<(Duration, &str)> {
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let (unit, rest) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
    let seconds = in_seconds(number.parse().ok()?, unit)?;
    Some((Duration::try_from_secs_f64(seconds).ok()?, rest))
}

fn in_seconds(number: f64, unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => number / 1e9,
        // The micro sign, which Go prints, the Greek letter and plain ASCII.
        "us" | "\u{b5}s" | "\u{3bc}s" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    })
}
