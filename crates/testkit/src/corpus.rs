//! What fuzzing has found: inputs that are replayed as tests.

use std::fs;
use std::path::Path;

/// The inputs kept for this fuzz target, of its corpus and those that once broke something, in order of their names.
///
/// # Panics
/// If there are none: then the target's name is wrong.
pub fn inputs(target: &str) -> Vec<Vec<u8>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let inputs: Vec<_> = ["corpus", "crashers"].iter().flat_map(|kind| files(&fuzz.join(kind).join(target))).collect();
    assert!(!inputs.is_empty(), "no inputs are kept for {target}");
    inputs
}

#[allow(clippy::disallowed_methods, reason = "a test reads files of the repository")]
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the folder")).collect()
}
