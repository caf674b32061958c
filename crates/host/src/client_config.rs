//! What a client is made with.

use bytes::Bytes;
use litemap::LiteMap;

use crate::{entries, envelope};

/// What Core knows of a client besides its connection, which is the host's: target, TLS, proxy and keep-alive stay
/// there. How calls are retried is no part of it: retries are Core's own, and crates/client has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcClientConfig {
    /// The SDK's name, e.g. "temporal-python".
    pub client_name: String,
    /// The SDK's version.
    pub client_version: String,
    /// Who the user says it is.
    pub identity: String,
    /// Sent with every call.
    pub headers: LiteMap<String, String>,
    /// As `headers`; the keys end in "-bin".
    pub binary_headers: LiteMap<String, Bytes>,
    /// Sent as bearer token.
    pub api_key: Option<String>,
    /// Payloads of a call above this many bytes are warned of; 0: never.
    pub payloads_warn_size: u64,
    /// A memo above this many bytes is warned of; 0: never.
    pub memo_warn_size: u64,
    /// Whether bodies are sent compressed, as long as the server takes them.
    pub gzip: bool,
    /// Whether connecting leaves the server's capabilities unasked.
    pub skip_get_system_info: bool,
    /// Whether metrics of failed calls do not say with which code.
    pub disable_error_code_metric_tags: bool,
}

impl From<envelope::ClientConfig> for GrpcClientConfig {
    fn from(config: envelope::ClientConfig) -> Self {
        Self {
            client_name: config.client_name,
            client_version: config.client_version,
            identity: config.identity,
            headers: entries::texts(config.headers),
            binary_headers: entries::metadata(config.binary_headers),
            api_key: config.api_key,
            payloads_warn_size: config.payloads_warn_size,
            memo_warn_size: config.memo_warn_size,
            gzip: config.gzip,
            skip_get_system_info: config.skip_get_system_info,
            disable_error_code_metric_tags: config.disable_error_code_metric_tags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{ClientConfig, RetryConfig};

    #[test]
    fn everything_but_retries_and_the_target_is_taken_over() {
        let wire = ClientConfig {
            client_name: "temporal-python".to_owned(),
            client_version: "1.35.0".to_owned(),
            identity: "me".to_owned(),
            headers: vec![("a".to_owned(), "1".to_owned()).into()],
            binary_headers: vec![("b-bin".to_owned(), Bytes::from_static(b"2")).into()],
            api_key: Some("key".to_owned()),
            retry: Some(RetryConfig::default()),
            payloads_warn_size: 3,
            memo_warn_size: 4,
            gzip: true,
            skip_get_system_info: true,
            disable_error_code_metric_tags: true,
            target_url: "http://localhost:7233".to_owned(),
        };
        let expected = GrpcClientConfig {
            client_name: "temporal-python".to_owned(),
            client_version: "1.35.0".to_owned(),
            identity: "me".to_owned(),
            headers: [("a".to_owned(), "1".to_owned())].into_iter().collect(),
            binary_headers: [("b-bin".to_owned(), Bytes::from_static(b"2"))].into_iter().collect(),
            api_key: Some("key".to_owned()),
            payloads_warn_size: 3,
            memo_warn_size: 4,
            gzip: true,
            skip_get_system_info: true,
            disable_error_code_metric_tags: true,
        };
        assert_eq!(GrpcClientConfig::from(wire), expected);
    }
}
