"""Every test of this folder that uses the SDK uses it on our Core; the live tests choose for themselves."""

from __future__ import annotations

import os

import corewasm

if os.environ.get("COREWASM_LIVE_CORE", "corewasm") == "corewasm":
    corewasm.install()
