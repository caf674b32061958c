//! core.wasm in wasmtime.

use std::{path::PathBuf, sync::OnceLock};

use corewasm_testkit::simulator::Turns;
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

/// An instance of the module at COREWASM_MODULE.
pub(crate) struct Wasm {
    store: Store<()>,
    memory: Memory,
    pub(crate) alloc: TypedFunc<u32, u32>,
    pub(crate) free: TypedFunc<(u32, u32), ()>,
    pub(crate) turn: TypedFunc<(u32, u32), u64>,
    pub(crate) abi_version: TypedFunc<(), u32>,
    pub(crate) last_panic: TypedFunc<(), u64>,
}

impl Default for Wasm {
    fn default() -> Self {
        let (engine, module) = compiled();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, module, &[]).expect("the module imports nothing");
        let memory = instance.get_memory(&mut store, "memory").expect("the module exports its memory");
        macro_rules! export {
            ($name:literal) => {
                instance.get_typed_func(&mut store, $name).expect("docs/abi.md says so")
            };
        }
        let (alloc, free, turn) = (export!("alloc"), export!("free"), export!("turn"));
        let (abi_version, last_panic) = (export!("abi_version"), export!("last_panic"));
        Self { store, memory, alloc, free, turn, abi_version, last_panic }
    }
}

impl Wasm {
    /// Calls an export.
    pub(crate) fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        export: &TypedFunc<P, R>,
        arguments: P,
    ) -> R {
        let result = export.call(&mut self.store, arguments);
        result.unwrap_or_else(|trap| panic!("core.wasm trapped: {trap:?}\n{}", self.last_words()))
    }

    /// Size of the memory.
    pub(crate) fn pages(&self) -> u64 {
        self.memory.size(&self.store)
    }

    /// Copies a buffer of the host's and gives it back.
    pub(crate) fn take(&mut self, packed: u64) -> Vec<u8> {
        let bytes = self.read(packed);
        let free = self.free.clone();
        self.call(&free, ((packed >> 32) as u32, packed as u32));
        bytes
    }

    /// A turn whose request is in a buffer that is longer than it and stays the test's, as the response stays the
    /// module's.
    pub(crate) fn turn_in(&mut self, buffer: u32, request: &[u8]) -> Vec<u8> {
        self.memory.write(&mut self.store, buffer as usize, request).expect("the buffer lies in memory");
        let packed = self.call(&self.turn.clone(), (buffer, request.len() as u32));
        self.read(packed)
    }

    fn read(&self, packed: u64) -> Vec<u8> {
        let (start, length) = ((packed >> 32) as usize, packed as u32 as usize);
        self.memory.data(&self.store)[start..start + length].to_vec()
    }

    fn last_words(&mut self) -> String {
        let last_panic = self.last_panic.clone();
        let text = last_panic.call(&mut self.store, ()).map(|packed| self.read(packed)).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Turns for Wasm {
    fn turn(&mut self, request: Vec<u8>) -> Vec<u8> {
        let length = u32::try_from(request.len()).expect("a request of a test");
        let (alloc, turn) = (self.alloc.clone(), self.turn.clone());
        let start = self.call(&alloc, length);
        self.memory.write(&mut self.store, start as usize, &request).expect("the buffer lies in memory");
        let packed = self.call(&turn, (start, length));
        self.take(packed)
    }
}

/// Compiled once for all tests.
fn compiled() -> &'static (Engine, Module) {
    static COMPILED: OnceLock<(Engine, Module)> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let engine = Engine::default();
        let path = path();
        let module = Module::from_file(&engine, &path).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        (engine, module)
    })
}

fn path() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test's setting; Core itself reads none")]
    let path = std::env::var("COREWASM_MODULE");
    path.map(PathBuf::from).expect(
        "this test runs core.wasm and COREWASM_MODULE names none: `make test-rust` builds one and sets it, or run \
         `make wasm` and set COREWASM_MODULE to the full path of build/core.wasm",
    )
}
