"""core.wasm on many WebAssembly engines: the turn kit played on each, and what each costs."""
