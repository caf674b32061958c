//! Plays the turn kit on Wasmer: player CORE_WASM SESSIONS_FOLDER
//! One line of JSON on standard output: README.md in the folder above.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use wasmer::{Instance, Memory, Module, Store, TypedFunction, imports};

const IDLE_INSTANCES: usize = 20;
const PAGE: usize = 4096;
/// As Cargo.toml pins it: the crate does not say it.
const VERSION: &str = "7.4.2";

struct Turn {
    request: Vec<u8>,
    response: Vec<u8>,
}

/// One instance, with a store of its own.
struct Core {
    store: Store,
    memory: Memory,
    alloc: TypedFunction<u32, u32>,
    free: TypedFunction<(u32, u32), ()>,
    turn: TypedFunction<(u32, u32), u64>,
}

impl Core {
    fn new(module: &Module, engine: &wasmer::Engine) -> Self {
        let mut store = Store::new(engine.clone());
        let instance = Instance::new(&mut store, module, &imports! {}).expect("the module imports nothing");
        let exports = &instance.exports;
        let memory = exports.get_memory("memory").expect("an export").clone();
        let alloc = exports.get_typed_function(&store, "alloc").expect("an export");
        let free = exports.get_typed_function(&store, "free").expect("an export");
        let turn = exports.get_typed_function(&store, "turn").expect("an export");
        Self { store, memory, alloc, free, turn }
    }

    fn turn(&mut self, request: &[u8]) -> Vec<u8> {
        let length = request.len() as u32;
        let start = self.alloc.call(&mut self.store, length).expect("no trap");
        self.memory.view(&self.store).write(start.into(), request).expect("inside the memory");
        let packed = self.turn.call(&mut self.store, start, length).expect("no trap");
        let (pointer, length) = ((packed >> 32) as u32, packed as u32);
        let mut response = vec![0; length as usize];
        self.memory.view(&self.store).read(pointer.into(), &mut response).expect("inside the memory");
        self.free.call(&mut self.store, pointer, length).expect("no trap");
        response
    }
}

/// The turns of each instance of a session.
fn read(path: &Path) -> Vec<Vec<Turn>> {
    let data = fs::read(path).expect("the session can be read");
    let mut rest = data.strip_prefix(b"CWTURNS1").expect("a session").iter().copied();
    let mut instances: Vec<Vec<Turn>> = Vec::new();
    while let Some(kind) = rest.next() {
        match kind {
            1 => instances.push(Vec::new()),
            2 => {
                let turn = Turn { request: field(&mut rest), response: field(&mut rest) };
                instances.last_mut().expect("the first record is an instance").push(turn);
            }
            _ => panic!("{}: kind {kind}", path.display()),
        }
    }
    instances
}

fn field(rest: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let length: Vec<u8> = rest.take(4).collect();
    let length = u32::from_le_bytes(length.try_into().expect("a whole length")) as usize;
    let bytes: Vec<u8> = rest.take(length).collect();
    assert_eq!(bytes.len(), length, "the session is cut off");
    bytes
}

#[derive(Default)]
struct Played {
    differences: Vec<String>,
    turns: usize,
    spent: Duration,
}

fn play(module: &Module, engine: &wasmer::Engine, paths: &[PathBuf]) -> Played {
    let mut played = Played::default();
    for path in paths {
        for (number, turns) in read(path).iter().enumerate() {
            let mut core = Core::new(module, engine);
            for (index, turn) in turns.iter().enumerate() {
                let begun = Instant::now();
                let response = core.turn(&turn.request);
                played.spent += begun.elapsed();
                played.turns += 1;
                if response != turn.response {
                    let name = path.file_name().expect("a file").to_string_lossy();
                    played.differences.push(format!("{name}: instance {number}, turn {index}"));
                    break;
                }
            }
        }
    }
    played
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * PAGE
}

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (module, folder) = (arguments.next().expect("CORE_WASM"), arguments.next().expect("SESSIONS_FOLDER"));
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let wasm = fs::read(module).expect("the module can be read");
    let store = Store::default();
    let engine = store.engine().clone();
    let begun = Instant::now();
    let module = Module::new(&engine, wasm).expect("the module compiles");
    let compiled = begun.elapsed();
    let begun = Instant::now();
    Core::new(&module, &engine);
    let instantiated = begun.elapsed();
    let opening = &read(&paths[0])[0][0].request;
    let before = resident();
    let mut idle: Vec<_> = (0..IDLE_INSTANCES).map(|_| Core::new(&module, &engine)).collect();
    for core in &mut idle {
        core.turn(opening);
    }
    let memory = resident().saturating_sub(before) / idle.len();
    let (first, second) = (play(&module, &engine, &paths), play(&module, &engine, &paths));
    let differences: Vec<_> =
        first.differences.iter().chain(&second.differences).map(|each| format!("{each:?}")).collect();
    println!(
        "{{\"version\": \"Wasmer {}\", \"compile_ms\": {}, \"cached_ms\": null, \"instantiate_ms\": {}, \
         \"idle_bytes\": {memory}, \"sessions\": {}, \"turns\": {}, \"turns_per_second\": {}, \"differences\": [{}]}}",
        VERSION,
        compiled.as_secs_f64() * 1e3,
        instantiated.as_secs_f64() * 1e3,
        paths.len(),
        first.turns,
        (second.turns as f64 / second.spent.as_secs_f64()).round(),
        differences.join(", "),
    );
}
