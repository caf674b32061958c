//! The turn envelope, generated from `proto/corewasm/abi/v1`. docs/abi.md says what every field means.

#![allow(missing_docs, unreachable_pub, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/corewasm.abi.v1.rs"));
