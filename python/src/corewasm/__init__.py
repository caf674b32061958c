"""Temporal's Core as one WebAssembly module, for programs written for the official ``temporalio`` package.

`install` (or ``python -m corewasm run app.py``, or the environment variable ``COREWASM=1``) makes the SDK use it.
This page imports next to nothing: the SDK's sandbox executes it anew for every workflow.
"""

import os
import sys

__version__ = "0.1.0"
__path__ = [os.path.abspath(each) for each in __path__]  # a program may change its working directory later

_NATIVE = "temporalio.bridge.temporal_sdk_bridge"
_BRIDGE = "corewasm.bridge"


class AlreadyLoaded(RuntimeError):
    """The SDK has loaded its native module before `install` was called."""


class _BridgeFinder:
    """Answers for one module name, ours instead of the SDK's."""

    corewasm = True

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        return bridge_spec(name) if name == _NATIVE else None


class _BridgeLoader:
    """Loads our module under the SDK's name, wherever it lies: in a folder, in an archive, in a frozen program."""

    def create_module(self, spec):  # type: ignore[no-untyped-def]
        return None

    def exec_module(self, module):  # type: ignore[no-untyped-def]
        from importlib.util import find_spec

        found = find_spec(_BRIDGE)
        module.corewasm = True
        module.__file__ = found.origin  # type: ignore[union-attr]
        exec(found.loader.get_code(_BRIDGE), vars(module))  # type: ignore[union-attr]


def bridge_spec(name: str) -> object:
    """The specification of our module under the SDK's `name` for it.

    Where the SDK has no native module, as on a platform that it has no wheel for, the line that the wheel puts into
    site-packages asks for this after all else has been asked, whether installed or not.
    """
    from importlib.machinery import ModuleSpec

    return ModuleSpec(name, _BridgeLoader(), origin="corewasm")  # type: ignore[arg-type]


def install() -> None:
    """Makes the SDK use corewasm instead of its native module; harmless to repeat.

    To be called before temporalio is imported.

    Raises:
        AlreadyLoaded: the native module is loaded already.
    """
    if installed():
        return
    if native_is_loaded():
        raise AlreadyLoaded(
            f"corewasm.install() comes too late: {_NATIVE} is loaded already, from {sys.modules[_NATIVE].__file__}. "
            "Call it before the first import of temporalio"
        )
    sys.meta_path.insert(0, _BridgeFinder)


def installed() -> bool:
    """Whether `install` was called in this process. The sandbox's copies of this page see it too."""
    return any(getattr(finder, "corewasm", False) for finder in sys.meta_path)


def native_is_loaded() -> bool:
    """Whether the SDK's own module is loaded in this process."""
    loaded = sys.modules.get(_NATIVE)
    return loaded is not None and not getattr(loaded, "corewasm", False)


def _tell_if_without_effect() -> None:
    """Once for a process that was asked for corewasm and is running on native Core."""
    if os.environ.get("COREWASM") == "1" and native_is_loaded() and not installed():
        import warnings

        warnings.warn(
            f"COREWASM=1 has no effect: {_NATIVE} was loaded before anything of corewasm. Where Python reads no .pth "
            "files, use `python -m corewasm run`, or see `python -m corewasm doctor`",
            RuntimeWarning,
            stacklevel=2,
        )


_tell_if_without_effect()
