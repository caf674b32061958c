"""How a test gets its server, as far as that needs none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import temporal_server
from tools.temporal_server import ServerUnavailable, running_server


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_server_of_the_environment_is_used_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with running_server() as server:
        assert (server.address, server.external) == ("127.0.0.1:1", True)
        server.stop()
        for forbidden in (server.kill, server.restart):
            with pytest.raises(ServerUnavailable, match="TEMPORAL_ADDRESS"):
                forbidden()


@pytest.mark.usefixtures("nothing_installed")
def test_without_go_and_address_both_ways_out_are_named() -> None:
    with pytest.raises(ServerUnavailable) as caught, running_server():
        pass
    needed = re.search(r"^go (1\.\d+)", (temporal_server.SOURCE / "go.mod").read_text(), re.MULTILINE)
    assert needed is not None
    assert f"install Go (https://go.dev/dl, {needed[1]} or newer)" in str(caught.value)
    assert "set TEMPORAL_ADDRESS" in str(caught.value)


@pytest.mark.usefixtures("nothing_installed")
def test_a_server_with_its_own_database_is_never_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ServerUnavailable, match="install\nGo") as caught, running_server(db=tmp_path / "a.db"):
        pass
    assert "cannot be killed, restarted or configured" in str(caught.value)
    assert "set TEMPORAL_ADDRESS" not in str(caught.value)


def test_a_server_that_does_not_start_shows_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\necho port taken >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(temporal_server, "build", lambda: program)
    with pytest.raises(ServerUnavailable, match=r"status 3[^$]*port taken"), running_server():
        pass
