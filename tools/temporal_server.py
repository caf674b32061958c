"""A real Temporal server for tests and the demo: built once, started on a free port, stopped with its owner.

``with running_server() as server: connect(server.address)``. With ``TEMPORAL_ADDRESS`` set, that server is used
instead, except where a test needs a database file or a port of its own (it will kill and restart the server).

From a shell: ``python -m tools.temporal_server`` runs one until Ctrl-C; ``--build`` only builds it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.cache import ROOT, cache_dir, locked, prune, tree_hash

SOURCE = ROOT / "tools" / "temporal-server"
START_SECONDS = 90.0
STOP_SECONDS = 15.0
KEPT_BUILDS = 3
STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}

NO_SERVER = """\
no Temporal server to test with. Either
  - install Go (https://go.dev/dl, {go} or newer): the server is then built here, once; or
  - start a Temporal server yourself and set TEMPORAL_ADDRESS, for example TEMPORAL_ADDRESS=127.0.0.1:7233"""

NO_SERVER_OF_OUR_OWN = """\
the server that TEMPORAL_ADDRESS names cannot be killed, restarted or configured from here. For what does that, install
Go (https://go.dev/dl, {go} or newer): a server is then built here, once"""


class ServerUnavailable(Exception):
    """No server can be had: none is named, and none can be built or started. The message says what to do."""


def build() -> Path:
    """Return the server's program, building it unless the cache has it (the key: versions, sources, platform)."""
    program = cache_dir("temporal-server") / f"{_server_version()}-{_source_key()}" / "temporal-server"
    if program.exists():
        os.utime(program.parent)
        return program
    go = shutil.which("go")
    if go is None:
        text = NO_SERVER_OF_OUR_OWN if os.environ.get("TEMPORAL_ADDRESS") else NO_SERVER
        raise ServerUnavailable(text.format(go=_go_version()))
    with locked(cache_dir("temporal-server")):
        if not program.exists():
            _compile(go, program)
            prune(cache_dir("temporal-server"), KEPT_BUILDS)
    return program


def _server_version() -> str:
    match = re.search(r"go\.temporal\.io/server v(\S+)", (SOURCE / "go.mod").read_text())
    if match is None:
        raise ServerUnavailable(f"{SOURCE / 'go.mod'} does not require go.temporal.io/server")
    return match[1]


def _go_version() -> str:
    """The oldest Go that builds the server, such as 1.26."""
    match = re.search(r"^go (\d+\.\d+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    return match[1] if match else "a new one"


def _source_key() -> str:
    return f"{platform.system()}-{platform.machine()}-{tree_hash([SOURCE])[:16]}".lower()


def _compile(go: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(".unfinished")
    _say("building the Temporal server (first time only, about 6 minutes)")
    command = [go, "build", "-buildvcs=false", "-ldflags=-s -w", "-o", str(unfinished), "."]
    started = time.monotonic()
    with _ticking(started):
        result = subprocess.run(command, cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise ServerUnavailable(f"{' '.join(command)} failed in {SOURCE}:\n{result.stdout[-4000:]}")
    unfinished.rename(program)
    _say(f"built the Temporal server in {time.monotonic() - started:.0f} s")


@contextlib.contextmanager
def _ticking(started: float) -> Iterator[None]:
    """Show once a minute that the build goes on."""
    finished = threading.Event()

    def tick() -> None:
        while not finished.wait(60):
            _say(f"  still building the Temporal server, {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class ServerHandle:
    """A server to test against.

    ``external`` says that ``TEMPORAL_ADDRESS`` named it: it cannot be killed or restarted, and stop() leaves it alone.
    A restart keeps the address; workflows survive it only with a database file.
    """

    address: str = ""
    external: bool = False
    http_address: str = ""
    log_file: Path | None = None
    _command: list[str] = field(default_factory=list, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the server and wait until it answers. Raises ServerUnavailable with the end of its log."""
        self._own("start")
        if self._process is not None:
            raise RuntimeError(f"the server at {self.address} is already running")
        assert self.log_file is not None
        with open(self.log_file, "a") as log:
            self._process = subprocess.Popen(
                self._command + self._ports(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        ready = self._ready_line(self._process)
        self.address, self.http_address = ready["address"], ready["http_address"]

    def _ports(self) -> list[str]:
        if not self.address:
            return []
        return ["--port", self.address.rpartition(":")[2], "--http-port", self.http_address.rpartition(":")[2]]

    def _ready_line(self, process: subprocess.Popen[str]) -> dict[str, str]:
        assert process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if line:
            ready: dict[str, str] = json.loads(line)
            return ready
        process.wait()
        self._process = None
        assert self.log_file is not None
        raise ServerUnavailable(
            f"the Temporal server ended with status {process.returncode} before it answered:\n"
            + self.log_file.read_text(errors="replace")[-4000:]
        )

    def stop(self) -> None:
        """Stop the server cleanly; a server that is not running, or not ours, stays as it is."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self._own("kill")
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server if it runs, then start it with the same database at the same address."""
        self._own("restart")
        self.stop()
        self.start()

    def _own(self, what: str) -> None:
        if self.external:
            raise ServerUnavailable(f"cannot {what} the server that TEMPORAL_ADDRESS names ({self.address})")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def running_server(
    db: str | os.PathLike[str] | None = None,
    port: int | None = None,
    dynamic_config: Mapping[str, object] | None = None,
) -> Iterator[ServerHandle]:
    """Start a server, hand out its handle, stop it at the end.

    Args:
        db: sqlite file that keeps workflows over a restart; in memory without one.
        port: of the gRPC frontend; a free one without it.
        dynamic_config: server settings on top of those that the official SDKs' tests expect.

    Raises:
        ServerUnavailable: no Go to build it with and no ``TEMPORAL_ADDRESS``, or it does not start.
    """
    address = os.environ.get("TEMPORAL_ADDRESS")
    if address and db is None and port is None and not dynamic_config:
        yield ServerHandle(address=address, external=True)
        return
    command = [str(build()), "--stop-with-stdin"]
    if db is not None:
        command += ["--db", os.fspath(db)]
    if port is not None:
        command += ["--port", str(port)]
    for key, value in (dynamic_config or {}).items():
        command += ["--dynamic-config", f"{key}={json.dumps(value)}"]
    with tempfile.TemporaryDirectory(prefix="temporal-server-") as scratch:
        server = ServerHandle(log_file=Path(scratch, "server.log"), _command=command)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def main() -> int:
    """Build the server, or run one until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--build", action="store_true", help="build it and print the program's path")
    parser.add_argument("--db", help="sqlite file that keeps workflows over a restart")
    parser.add_argument("--port", type=int, help="port of the gRPC frontend (a free one without it)")
    arguments = parser.parse_args()
    try:
        if arguments.build:
            print(build())
            return 0
        with running_server(db=arguments.db, port=arguments.port) as server:
            # Blocked only now: the server would inherit a mask that ignores its own stop signal.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            print(server.address, flush=True)
            signal.sigwait(STOP_SIGNALS)
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
