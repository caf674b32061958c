//! Keeps the linker from running static constructors at the top of every export.
//!
//! A dependency of the message types (typetag, through inventory) registers serde deserializers in constructors. Core
//! uses none of them. The linker would wrap each export in a call of all constructors; a module that exports them
//! itself is left alone. The build's next step drops that export, and with it all that only the constructors reach.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script of its target in this way alone")]
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "wasm32") {
        println!("cargo:rustc-cdylib-link-arg=--export=__wasm_call_ctors");
    }
}
