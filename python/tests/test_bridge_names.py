"""The module offers exactly the native module's names and RPCs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from corewasm import bridge
from corewasm.bridge.rpc_names import RPCS

# In a process of its own the native module is loaded.
NATIVE = """
import json
from temporalio.bridge import temporal_sdk_bridge as native
names = [name for name in dir(native) if not name.startswith("_")]
print(json.dumps({"file": native.__file__, "names": names}))
"""


def native() -> Any:
    done = subprocess.run(
        [sys.executable, "-c", NATIVE], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_names_are_those_of_the_native_module() -> None:
    found = native()
    assert not found["file"].endswith(".py")
    assert set(bridge.__all__) == set(found["names"])
    assert len(bridge.__all__) == len(set(bridge.__all__)) == 35
    assert all(hasattr(bridge, name) for name in bridge.__all__)


def test_envconfig_has_the_native_functions() -> None:
    for name in ("ConfigError", "load_client_config", "load_client_connect_config"):
        assert hasattr(bridge.envconfig, name)
    assert issubclass(bridge.envconfig.ConfigError, RuntimeError)


def test_rpcs_are_those_of_the_native_module() -> None:
    """The SDK's wheel has the table's source, from which the native module is built."""
    source = (Path(native()["file"]).parent / "src" / "client_rpc_generated.rs").read_text()
    parts = re.split(r"fn call_(\w+)_service\b", source)
    found = {
        service: set(re.findall(r'^\s*"(\w+)" => \{', text, re.MULTILINE))
        for service, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert {service: set(rpcs) for service, rpcs in RPCS.items()} == found
    assert sum(map(len, found.values())) == 218
