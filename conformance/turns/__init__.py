"""The turn kit: recorded sessions of one core.wasm, byte for byte, that any engine can play."""
