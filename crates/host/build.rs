//! Generates the turn envelope's types from proto/, without a protoc binary.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let descriptors = protox::compile([root.join("corewasm/abi/v1/turn.proto")], [&root])?;
    // Ordered maps and shared bytes: the same message has one encoding, and a body is never copied.
    prost_build::Config::new().btree_map(["."]).bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
