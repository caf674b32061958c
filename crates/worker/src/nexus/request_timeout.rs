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
    Some((duration(number, nanoseconds_of(unit)?)?, rest))
}

/// So many of a unit. In whole numbers: the standard library's table for reading floating-point ones is 10 KB that
/// nothing else in core.wasm needs.
fn duration(number: &str, unit: u64) -> Option<Duration> {
    const PLACES: usize = 15;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = digits(whole)?.checked_mul(unit)?;
    let told = &fraction[..fraction.len().min(PLACES)];
    let part = u128::from(digits(told)?) * u128::from(unit) / 10_u128.pow(told.len() as u32);
    Some(Duration::from_nanos(whole.checked_add(part as u64)?))
}

/// The number that these digits make, 0 if there are none.
fn digits(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn nanoseconds_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign, which Go prints, the Greek letter and plain ASCII.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}
