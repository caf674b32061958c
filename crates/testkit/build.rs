//! Says where the descriptors of Temporal's messages lie: temporalio-protos writes them, messages are compared with
//! them.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by the environment")]
    let path = std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")?;
    println!("cargo:rustc-env=TEMPORAL_DESCRIPTORS={path}");
    Ok(())
}
