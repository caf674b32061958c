"""Client configuration from files and the environment: what wins, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corewasm.bridge import envconfig

FILE = b"""
[profile.default]
address = "file:1"
namespace = "from-file"
[profile.default.tls]
server_ca_cert_data = "CA"
client_cert_path = "/cert"
[profile.default.grpc_meta]
Some_Key = "file"
[profile.other]
address = "other:1"
api_key = "secret"
codec = { endpoint = "http://codec", auth = "token" }
"""


def connect(env: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "profile": None,
        "path": None,
        "data": FILE,
        "disable_file": False,
        "disable_env": False,
        "config_file_strict": True,
        "env_vars": env or {},
    }
    return envconfig.load_client_connect_config(**{**values, **changes})


def test_all_profiles_of_a_file() -> None:
    found = envconfig.load_client_config(None, FILE, True, {})
    assert set(found) == {"default", "other"}
    assert found["other"]["codec"] == {"endpoint": "http://codec", "auth": "token"}
    assert found["default"]["tls"]["server_ca_cert"] == {"data": b"CA"}
    assert found["default"]["tls"]["client_cert"] == {"path": "/cert"}
    assert found["default"]["grpc_meta"] == {"some-key": "file"}


def test_the_environment_wins() -> None:
    found = connect(
        {
            "TEMPORAL_ADDRESS": "env:1",
            "TEMPORAL_GRPC_META_SOME_KEY": "",
            "TEMPORAL_GRPC_META_MORE": "env",
            "TEMPORAL_TLS_SERVER_NAME": "name",
            "TEMPORAL_TLS": "false",
        }
    )
    assert (found["address"], found["namespace"]) == ("env:1", "from-file")
    assert found["grpc_meta"] == {"more": "env"}
    assert (found["tls"]["server_name"], found["tls"]["disabled"]) == ("name", True)
    assert connect({"TEMPORAL_ADDRESS": "env:1"}, disable_env=True)["address"] == "file:1"


@pytest.mark.parametrize("how", [{"profile": "other"}, {"env": {"TEMPORAL_PROFILE": "other"}}])
def test_a_named_profile_with_an_api_key_has_tls(how: dict[str, Any]) -> None:
    found = connect(**how)
    assert (found["address"], found["api_key"]) == ("other:1", "secret")


def test_a_file_by_path_by_variable_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_bytes(FILE)
    assert connect(path=str(file), data=None)["address"] == "file:1"
    assert connect({"TEMPORAL_CONFIG_FILE": str(file)}, data=None)["address"] == "file:1"
    assert connect({"TEMPORAL_CONFIG_FILE": str(tmp_path / "none")}, data=None) == {}
    assert connect({"TEMPORAL_ADDRESS": "env:1"}, data=None, disable_file=True) == {"address": "env:1"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"profile": "nonexistent"}, "Profile 'nonexistent' not found"),
        ({"data": b"[profile.default]\nunrecognized = 1"}, "unknown field `unrecognized`"),
        ({"data": b"this is no toml"}, "TOML parse error"),
        ({"data": b"[profile.default]\naddress = 5"}, "TOML parse error"),
        ({"path": "x"}, "Cannot specify both path and data for config source"),
        ({"disable_file": True, "disable_env": True}, "Cannot disable both"),
        (
            {"data": b"[profile.default.tls]\nclient_cert_path = 'a'\nclient_cert_data = 'b'"},
            "Cannot specify both client_cert_path and client_cert_data",
        ),
        (
            {"env": {"TEMPORAL_TLS_CLIENT_CERT_DATA": "x"}},
            "Cannot specify cert data via TEMPORAL_TLS_CLIENT_CERT_DATA when cert path is already specified",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(envconfig.ConfigError, match=text):
        connect(**changes)


def test_unknown_fields_pass_unless_strict() -> None:
    assert connect(data=b"[profile.default]\nunrecognized = 1", config_file_strict=False) == {}
