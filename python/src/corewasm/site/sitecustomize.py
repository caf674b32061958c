"""Installs corewasm where Python reads no .pth files: `corewasm where` tells this folder, for PYTHONPATH.

Whatever other sitecustomize the program has is executed as well.
"""

import os
import sys
from importlib.machinery import PathFinder

_HERE = os.path.dirname(os.path.abspath(__file__))
if os.environ.get("COREWASM") == "1":
    try:
        import corewasm
    except ImportError:
        sys.path.append(os.path.dirname(os.path.dirname(_HERE)))
        import corewasm

    corewasm.install()

_next = PathFinder.find_spec("sitecustomize", [each for each in sys.path if os.path.abspath(each or ".") != _HERE])
if _next is not None and _next.loader is not None:
    exec(_next.loader.get_code("sitecustomize"), globals())  # type: ignore[attr-defined]
