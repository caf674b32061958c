"""What a process has around it, as `corewasm doctor` sees it: each line says what is missing and what to do."""

from __future__ import annotations

import asyncio
import os
import site
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import corewasm
from corewasm.bridge.machine_load import MachineLoad
from corewasm.host.unpatched import threads_are_patched
from corewasm.transport.api import TlsOptions
from corewasm.transport.tls_context import TlsRefused, client_contexts

_PACKAGE = Path(str(corewasm.__file__ or corewasm.__path__[0] + "/__init__.py")).parent
SITE_FOLDER = _PACKAGE / "site"
"""For PYTHONPATH: its sitecustomize does what the .pth file does."""

_FEW_FILES = 256


@dataclass(frozen=True)
class Finding:
    """One line of the report. What is not `needed` may be bad without harm."""

    topic: str
    text: str
    good: bool = True
    needed: bool = True


def surroundings() -> Iterator[Finding]:
    """All of them. None raises: what cannot be found out is a finding."""
    for topic, look in _LOOKS.items():
        try:
            yield look(topic)
        except Exception as error:  # noqa: BLE001 - the report goes on
            yield Finding(topic, f"cannot be found out: {error!r}", good=False, needed=False)


def pth_is_read() -> bool:
    """Whether Python reads the .pth files beside the package, as it started this process."""
    if sys.flags.no_site:
        return False
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    known = {os.path.realpath(folder) for folder in folders}
    return any(Path(folder, "corewasm.pth").is_file() for folder in known)


def replacement() -> Finding:
    """Whether the SDK gets our module in this process, and else what has not been done yet."""
    name = "temporalio.bridge.temporal_sdk_bridge"
    if corewasm.installed():
        return Finding("replacement", f"{name} is replaced in this process")
    return Finding("replacement", f"{name} is not replaced: {_what_to_do()}", good=False, needed=False)


def _what_to_do() -> str:
    ways = "start programs with `corewasm run`, or call corewasm.install() first in their main file"
    switch = os.environ.get("COREWASM")
    if sys.flags.no_site:
        return f"{_why_no_pth()}, so COREWASM=1 has no effect; {ways}"
    if switch == "1":
        return f"COREWASM=1 has no effect, because {_why_no_pth()}. Put {SITE_FOLDER} on PYTHONPATH, {ways}"
    if switch is not None:
        return f"COREWASM={switch} means no; set COREWASM=1, {ways}"
    if not pth_is_read():
        return f"{_why_no_pth()}, so COREWASM=1 needs {SITE_FOLDER} on PYTHONPATH; or {ways}"
    return f"set COREWASM=1, {ways}"


def _why_no_pth() -> str:
    if sys.flags.no_site:
        return "Python was started without its site module (-S)"
    if pth_is_read():
        return "temporalio was imported before corewasm.pth was read"
    return f"the package lies in {_PACKAGE.parent}, where Python reads no .pth files"


def _home(topic: str) -> Finding:
    home = os.environ.get("HOME") or os.environ.get("USERPROFILE")
    if home and os.access(home, os.W_OK):
        return Finding(topic, home)
    state = f"{home} cannot be written" if home else "none is set"
    return Finding(topic, f"{state}: nothing needs it but the cache (COREWASM_CACHE_DIR)", good=False, needed=False)


def _temporary(topic: str) -> Finding:
    try:
        with tempfile.TemporaryFile():
            return Finding(topic, tempfile.gettempdir())
    except OSError as error:
        text = f"no folder can be written ({error}): a forked child with a runtime of its own needs one (TMPDIR)"
        return Finding(topic, text, good=False, needed=False)


def _output(topic: str) -> Finding:
    if sys.stdout is None:
        return Finding(
            topic, "there is none: Core's log goes nowhere, unless it is forwarded", good=False, needed=False
        )
    return Finding(topic, f"encoding {sys.stdout.encoding}")


def _host_name(topic: str) -> Finding:
    return Finding(topic, socket.gethostname() or "empty")


def _resolver(topic: str) -> Finding:
    found = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    return Finding(topic, "localhost is " + ", ".join(dict.fromkeys(str(each[4][0]) for each in found)))


def _roots(topic: str) -> Finding:
    try:
        count = sum(context.cert_store_stats()["x509_ca"] for context in client_contexts(TlsOptions()))
    except TlsRefused as error:
        return Finding(topic, f"{error}. Only TLS without a root of your own needs them", good=False, needed=False)
    return Finding(topic, f"{count} found, {ssl.OPENSSL_VERSION}")


def _threads(topic: str) -> Finding:
    patched = [name for name in ("gevent", "eventlet") if name in sys.modules]
    if threads_are_patched():
        text = f"patched ({', '.join(patched) or 'by something'}): Core's own are those of the system all the same"
        return Finding(topic, text)
    return Finding(topic, "those of the system")


def _event_loop(topic: str) -> Finding:
    policy = type(asyncio.get_event_loop_policy())
    return Finding(topic, f"{policy.__module__}.{policy.__name__}; Core's own thread does not ask it")


def _open_files(topic: str) -> Finding:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    few = limit != resource.RLIM_INFINITY and limit < _FEW_FILES
    text = f"{limit} at once" + (": few for a server of many connections; raise it (ulimit -n)" if few else "")
    return Finding(topic, text, good=not few, needed=False)


def _load(topic: str) -> Finding:
    load = MachineLoad()
    memory, _ = load.measure()
    return Finding(topic, f"{memory:.0%} of the memory that this process may use is used")


_LOOKS: dict[str, Callable[[str], Finding]] = {
    "home folder": _home,
    "temporary files": _temporary,
    "standard output": _output,
    "host name": _host_name,
    "resolver": _resolver,
    "root certificates": _roots,
    "threads": _threads,
    "event loops": _event_loop,
    "open files": _open_files,
    "memory": _load,
}
