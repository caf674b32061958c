//! Task tokens of local activities (spec 4.1.1).

const PREFIX: &[u8] = b"local_act_";

/// The token of the attempt with that number, unique within a worker.
pub fn encode(number: u32) -> Vec<u8> {
    [PREFIX, &number.to_le_bytes()].concat()
}

/// The number of an attempt, or `None` for a token that the service gave.
pub fn decode(token: &[u8]) -> Option<u32> {
    let number = token.strip_prefix(PREFIX)?;
    Some(u32::from_le_bytes(number.try_into().ok()?))
}

/// Whether a completion belongs to a local activity: the prefix alone decides.
pub fn is_local(token: &[u8]) -> bool {
    token.starts_with(PREFIX)
}
