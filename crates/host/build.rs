//! Generates the turn envelope's types from proto/, without a protoc binary.

use std::env;
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by the environment; Core itself reads none")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Asked for when it runs: a cached build script may have been compiled in another checkout.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let descriptors = protox::compile([root.join("corewasm/abi/v1/turn.proto")], [&root])?;
    // Ordered maps and shared bytes: the same message has one encoding, and a body is never copied.
    prost_build::Config::new().btree_map(["."]).bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
