//! Generates the turn envelope's types from proto/, without a protoc binary.

use std::env;
use std::path::Path;

use protox::prost_reflect::prost_types::DescriptorProto;
use protox::prost_reflect::prost_types::field_descriptor_proto::Type;

const PACKAGE: &str = "corewasm.abi.v1";

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by the environment; Core itself reads none")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Asked for when it runs: a cached build script may have been compiled in another checkout.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut descriptors = protox::compile([root.join("corewasm/abi/v1/turn.proto")], [&root])?;
    descriptors.file.iter_mut().flat_map(|file| &mut file.message_type).for_each(maps_as_entries);
    let mut config = prost_build::Config::new();
    for kind in ["TextEntry", "MetadataEntry"] {
        config.extern_path(format!(".{PACKAGE}.{kind}"), format!("crate::entries::{kind}"));
    }
    // Shared bytes: a body is never copied.
    config.bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}

/// Has a map field become a list of entries, which is the same on the wire: the same message has one encoding, and the
/// code of a map is in core.wasm only where one is needed.
fn maps_as_entries(message: &mut DescriptorProto) {
    let is_map = |nested: &DescriptorProto| nested.options.as_ref().is_some_and(|options| options.map_entry());
    for entry in message.nested_type.iter().filter(|nested| is_map(nested)) {
        let name = format!(".{PACKAGE}.{}.{}", message.name(), entry.name());
        let kind = if entry.field[1].r#type() == Type::String { "TextEntry" } else { "MetadataEntry" };
        for field in message.field.iter_mut().filter(|field| field.type_name() == name) {
            field.type_name = Some(format!(".{PACKAGE}.{kind}"));
        }
    }
    message.nested_type.retain(|nested| !is_map(nested));
}
