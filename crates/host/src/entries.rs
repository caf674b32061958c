//! Pairs of the turn envelope: what its map fields hold, and gRPC metadata. build.rs has the envelope use them.

use bytes::Bytes;
use litemap::LiteMap;

/// A key and its text.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TextEntry {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A key and its bytes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MetadataEntry {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

impl From<(String, String)> for TextEntry {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

impl From<(String, Bytes)> for MetadataEntry {
    fn from((key, value): (String, Bytes)) -> Self {
        Self { key, value }
    }
}

/// In the order of the keys. Of two entries with one key, the last one counts.
pub fn texts(entries: Vec<TextEntry>) -> LiteMap<String, String> {
    let mut map = LiteMap::new();
    for TextEntry { key, value } in entries {
        map.insert(key, value);
    }
    map
}

/// As [`texts`].
pub fn metadata(entries: Vec<MetadataEntry>) -> LiteMap<String, Bytes> {
    let mut map = LiteMap::new();
    for MetadataEntry { key, value } in entries {
        map.insert(key, value);
    }
    map
}
