"""Runs core.wasm: finds it, compiles it, and gives it turns."""

from corewasm.vm.errors import CoreTrap, MemoryRangeError, ModuleError
from corewasm.vm.instance import Instance
from corewasm.vm.source import ModuleSource, module_path, read_module

__all__ = ["CoreTrap", "Instance", "MemoryRangeError", "ModuleError", "ModuleSource", "module_path", "read_module"]
