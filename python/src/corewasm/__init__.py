"""Temporal's Core as one WebAssembly module, for programs written for the official ``temporalio`` package.

`install` (or ``python -m corewasm run app.py``, or the environment variable ``COREWASM=1``) makes the SDK use it.
This page imports nothing but sys: the SDK's sandbox executes it anew for every workflow.
"""

import sys

__version__ = "0.1.0"

_NATIVE = "temporalio.bridge.temporal_sdk_bridge"
_OURS = __file__.rpartition("__init__")[0] + "bridge/__init__.py"


class AlreadyLoaded(RuntimeError):
    """The SDK has loaded its native module before `install` was called."""


class _BridgeFinder:
    """Answers for one module name, ours instead of the SDK's."""

    corewasm = True

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        return bridge_spec(name) if name == _NATIVE else None


def bridge_spec(name: str) -> object:
    """The specification of our module under the SDK's `name` for it.

    Where the SDK has no native module, as on a platform that it has no wheel for, the line that the wheel puts into
    site-packages asks for this after all else has been asked, whether installed or not.
    """
    from importlib.util import spec_from_file_location

    return spec_from_file_location(name, _OURS)


def install() -> None:
    """Makes the SDK use corewasm instead of its native module; harmless to repeat.

    To be called before temporalio is imported.

    Raises:
        AlreadyLoaded: the native module is loaded already.
    """
    if installed():
        return
    loaded = sys.modules.get(_NATIVE)
    if loaded is not None and loaded.__file__ != _OURS:
        raise AlreadyLoaded(
            f"corewasm.install() comes too late: {_NATIVE} is loaded already, from {loaded.__file__}. "
            "Call it before the first import of temporalio"
        )
    sys.meta_path.insert(0, _BridgeFinder)


def installed() -> bool:
    """Whether `install` was called in this process. The sandbox's copies of this page see it too."""
    return any(getattr(finder, "corewasm", False) for finder in sys.meta_path)
