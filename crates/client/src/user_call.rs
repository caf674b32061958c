//! A call that a user of the client makes, with what it brings checked first.

use std::time::Duration;

use bytes::Bytes;
use corewasm_host::{
    CallResult, Metadata, entries,
    envelope::{CallError, ClientCall},
};
use litemap::LiteMap;

use crate::{
    CallOptions, Connection, Retry, Rpc,
    headers::{is_ascii_key, is_ascii_value, is_binary_key},
    wire,
};

impl Connection {
    /// Makes a user's call. The value is the encoded response.
    pub async fn user_call(&self, call: ClientCall) -> CallResult {
        wire::check(&call.body).map_err(|error| CallError::value(format!("Invalid proto: {error}")))?;
        let metadata = metadata(entries::texts(call.headers), entries::metadata(call.binary_headers))?;
        let options = CallOptions {
            retry: if call.retry { Retry::Normal } else { Retry::Off },
            timeout: (call.timeout_ns != 0).then(|| Duration::from_nanos(call.timeout_ns)),
            metadata,
            ..CallOptions::default()
        };
        let rpc = Rpc { service: &call.service, method: &call.rpc };
        Ok(self.call_raw(rpc, call.body, options).await?.body)
    }
}

fn metadata(ascii: LiteMap<String, String>, binary: LiteMap<String, Bytes>) -> Result<Metadata, CallError> {
    let mut metadata = Metadata::default();
    for (key, value) in ascii {
        if is_binary_key(&key) {
            return Err(invalid(format!("value for binary key {key}: expected bytes")));
        }
        check_ascii_key(&key)?;
        if !is_ascii_value(&value) {
            return Err(invalid("value: failed to parse metadata value"));
        }
        metadata.insert(key.to_ascii_lowercase(), value);
    }
    for (key, value) in binary {
        if !is_binary_key(&key) {
            check_ascii_key(&key)?;
            return Err(invalid(format!("value for ASCII key {key}: expected str")));
        }
        metadata.insert(key.to_ascii_lowercase(), value);
    }
    Ok(metadata)
}

fn check_ascii_key(key: &str) -> Result<(), CallError> {
    if is_ascii_key(key) { Ok(()) } else { Err(invalid("key: invalid gRPC metadata key name")) }
}

fn invalid(what: impl AsRef<str>) -> CallError {
    CallError::value(format!("Invalid metadata {}", what.as_ref()))
}
