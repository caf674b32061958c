//! The format of a session's file: conformance/turns/README.md.

use std::{fs, path::Path};

use corewasm_testkit::simulator::TurnLog;

const MAGIC: &[u8; 8] = b"CWTURNS1";
const NEW_INSTANCE: u8 = 1;
const TURN: u8 = 2;

/// A session as it is written.
pub(crate) struct SessionFile(Vec<u8>);

impl SessionFile {
    pub(crate) fn new() -> Self {
        Self(MAGIC.to_vec())
    }

    /// The turns of one instance.
    pub(crate) fn instance(&mut self, log: TurnLog) {
        self.0.push(NEW_INSTANCE);
        for (request, response) in log {
            self.0.push(TURN);
            self.bytes(&request);
            self.bytes(&response);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("a session's messages are under 4 GiB");
        self.0.extend(length.to_le_bytes());
        self.0.extend(bytes);
    }

    pub(crate) fn write(&self, folder: &Path, name: &str) {
        let path = folder.join(name.replace('/', ".") + ".turns");
        fs::write(&path, &self.0).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
