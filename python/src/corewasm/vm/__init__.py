"""Runs core.wasm: finds it, compiles it, and gives it turns."""

from corewasm.vm.errors import AnswerLost, CoreTrap, InstanceClosed, MemoryRangeError, ModuleError, NoRoomForModule
from corewasm.vm.instance import Instance
from corewasm.vm.readiness import Readiness, readiness
from corewasm.vm.source import ModuleSource, module_path, read_module

__all__ = [
    "AnswerLost",
    "CoreTrap",
    "Instance",
    "InstanceClosed",
    "MemoryRangeError",
    "ModuleError",
    "ModuleSource",
    "NoRoomForModule",
    "Readiness",
    "module_path",
    "read_module",
    "readiness",
]
