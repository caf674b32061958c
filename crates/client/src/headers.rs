//! Metadata that a connection adds to every call (spec 10.1.2, 10.1.3).

use bytes::Bytes;
use corewasm_host::Metadata;
use litemap::LiteMap;

const BINARY_SUFFIX: &str = "-bin";

/// A header that can not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// Keys of text are made of token characters and do not end in "-bin".
    #[error("Invalid ASCII header key '{0}': invalid gRPC metadata key name")]
    AsciiKey(String),
    /// Values of text have no control characters.
    #[error("Invalid ASCII header value for key '{0}': failed to parse metadata value")]
    AsciiValue(String),
    /// Keys of bytes are made of token characters and end in "-bin".
    #[error("Invalid binary header key '{0}': invalid gRPC metadata key name")]
    BinaryKey(String),
}

/// The headers of a user, checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserHeaders(LiteMap<String, Bytes>);

impl UserHeaders {
    pub(crate) fn parse(ascii: LiteMap<String, String>, binary: LiteMap<String, Bytes>) -> Result<Self, InvalidHeader> {
        let mut headers = LiteMap::new();
        for (key, value) in ascii {
            if !is_ascii_key(&key) {
                return Err(InvalidHeader::AsciiKey(key));
            }
            if !is_ascii_value(&value) {
                return Err(InvalidHeader::AsciiValue(key));
            }
            headers.insert(key.to_ascii_lowercase(), value.into());
        }
        for (key, value) in binary {
            if !is_binary_key(&key) {
                return Err(InvalidHeader::BinaryKey(key));
            }
            headers.insert(key.to_ascii_lowercase(), value);
        }
        Ok(Self(headers))
    }

    /// Adds what the call does not bring itself.
    pub(crate) fn add_to(&self, metadata: &mut Metadata) {
        for (key, value) in &self.0 {
            metadata.insert_absent(key, value.clone());
        }
    }
}

pub(crate) fn is_ascii_key(key: &str) -> bool {
    is_key(key) && !key.ends_with(BINARY_SUFFIX)
}

pub(crate) fn is_binary_key(key: &str) -> bool {
    is_key(key) && key.ends_with(BINARY_SUFFIX)
}

/// What HTTP takes as a header's value.
pub(crate) fn is_ascii_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= 32 && byte != 127))
}

/// HTTP's token characters.
fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
