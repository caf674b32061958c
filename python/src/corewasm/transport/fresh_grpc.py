"""A gRPC library without a past, for a process that was forked from one that used it (ADR 0014).

The library's threads do not exist in a forked child, and its locks may be held for ever. A second copy of its native
part, loaded from another file, has state of its own: it begins anew, and the first one is never touched again.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

from corewasm.transport import grpc_channel

_NATIVE = "grpc._cython.cygrpc"
_original = str(sys.modules[_NATIVE].__file__)  # grandchildren copy this one: their parent's copy is deleted
_past: list[ModuleType] = []  # whoever still has parts of it may go on looking at them


class _CopyFinder:
    """Finds the library's native part in another place."""

    def __init__(self, path: str) -> None:
        self._path = path

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return spec_from_file_location(name, self._path) if name == _NATIVE else None


def renew() -> None:
    """From now on `import grpc`, and corewasm's transports, mean the new library.

    Raises:
        OSError: the native part can be copied nowhere.
        ImportError: the copy cannot be loaded.
    """
    old = {name: module for name, module in sys.modules.items() if _is_grpc(name)}
    users = [module for module in sys.modules.values() if _uses(module, old["grpc"])]
    with tempfile.TemporaryDirectory(prefix="corewasm-grpc-") as folder:
        copy = str(shutil.copy(_original, folder))
        for name in old:
            del sys.modules[name]
        try:
            with _found_at(copy):
                importlib.import_module("grpc.aio")
        except BaseException:
            for name in filter(_is_grpc, list(sys.modules)):
                del sys.modules[name]
            sys.modules.update(old)
            raise
    _past.extend(old.values())
    for module in users:
        importlib.reload(module)


def _is_grpc(name: str) -> bool:
    return name == "grpc" or name.startswith("grpc.")


def _uses(module: ModuleType, grpc: ModuleType) -> bool:
    """Whether it is a module of ours that must be executed anew. Classes made before see the new library too."""
    return module.__name__.startswith(f"{grpc_channel.__package__}.") and vars(module).get("grpc") is grpc


@contextlib.contextmanager
def _found_at(path: str) -> Iterator[None]:
    finder: Any = _CopyFinder(path)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
