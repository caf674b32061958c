"""Client configuration from a TOML file and the environment (spec 14)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PREFIX = "TEMPORAL_"
_META_PREFIX = "TEMPORAL_GRPC_META_"
_DEFAULT_PROFILE = "default"
_TEXTS = ("address", "namespace", "api_key")
_SOURCES = {"client_cert": "cert", "client_key": "key", "server_ca_cert": "server CA cert"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_TABLES: dict[str, dict[str, type]] = {
    "file": {"profile": dict},
    "profile": {**dict.fromkeys(_TEXTS, str), "tls": dict, "codec": dict, "grpc_meta": dict},
    "tls": {
        "disabled": bool,
        **{f"{source}_{form}": str for source in _SOURCES for form in ("path", "data")},
        "server_name": str,
        "disable_host_verification": bool,
    },
    "codec": {"endpoint": str, "auth": str},
}


class ConfigError(RuntimeError):
    """The configuration cannot be loaded or contradicts itself."""


ConfigError.__module__ = "temporal_sdk_bridge"


def load_client_config(
    path: str | None,
    data: bytes | None,
    config_file_strict: bool,
    env_vars: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """All profiles of the file. A missing file has none.

    Raises:
        ConfigError: unreadable, no TOML, contradictory; in strict mode also unknown keys.
    """
    environment = os.environ if env_vars is None else env_vars
    content = _content(path, data, environment)
    try:
        file = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"Configuration loading error: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Configuration loading error: TOML parse error: {error}") from None
    file = _table(file, "file", config_file_strict)
    profiles = file.get("profile", {})
    return {name: _profile(_typed(profile, dict, name), config_file_strict) for name, profile in profiles.items()}


def load_client_connect_config(
    profile: str | None,
    path: str | None,
    data: bytes | None,
    disable_file: bool,
    disable_env: bool,
    config_file_strict: bool,
    env_vars: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One profile, with what the environment says on top.

    Raises:
        ConfigError: as `load_client_config`; also when a named profile is missing.
    """
    if disable_file and disable_env:
        raise ConfigError("Invalid configuration: Cannot disable both file and environment loading")
    environment: Mapping[str, str] = os.environ if env_vars is None else env_vars
    result: dict[str, Any] = {}
    if not disable_file:
        profiles = load_client_config(path, data, config_file_strict, environment)
        name = profile if profile is not None else ("" if disable_env else environment.get("TEMPORAL_PROFILE", ""))
        if (profile is not None or name) and name not in profiles:
            raise ConfigError(f"Profile '{name}' not found")
        result = profiles.get(name or _DEFAULT_PROFILE, {})
    if not disable_env:
        _apply_environment(result, environment)
    return result


def _content(path: str | None, data: bytes | None, environment: Mapping[str, str]) -> bytes:
    if path is not None and data is not None:
        raise ConfigError("Cannot specify both path and data for config source")
    if data is not None:
        return bytes(data)
    location = path if path is not None else environment.get("TEMPORAL_CONFIG_FILE") or _default_path()
    try:
        return Path(location).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"Configuration loading error: {error}") from None


def _default_path() -> str:
    folder = platformdirs.user_config_dir("temporalio", appauthor=False, roaming=True)
    return str(Path(folder) / "temporal.toml")


def _table(table: Mapping[str, Any], name: str, strict: bool) -> dict[str, Any]:
    """The known keys of a table, each of the right type."""
    known = _TABLES[name]
    for key in table:
        if strict and key not in known:
            expected = ", ".join(f"`{each}`" for each in known)
            raise ConfigError(
                f"Configuration loading error: TOML parse error: unknown field `{key}`, expected one of {expected}"
            )
    return {key: _typed(table[key], kind, key) for key, kind in known.items() if key in table}


def _typed(value: Any, kind: type, key: str) -> Any:
    if not isinstance(value, kind):
        found = type(value).__name__
        raise ConfigError(
            f"Configuration loading error: TOML parse error: {key}: invalid type: {found}, expected {kind.__name__}"
        )
    return value


def _profile(table: Mapping[str, Any], strict: bool) -> dict[str, Any]:
    known = _table(table, "profile", strict)
    result = {key: known[key] for key in _TEXTS if key in known}
    if "tls" in known:
        result["tls"] = _tls(_table(known["tls"], "tls", strict))
    if "codec" in known:
        result["codec"] = _table(known["codec"], "codec", strict)
    meta = known.get("grpc_meta", {})
    if meta:
        result["grpc_meta"] = {_meta_key(key): _typed(value, str, key) for key, value in meta.items()}
    return result


def _tls(table: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = _new_tls()
    result["disabled"] = table.get("disabled")
    result["disable_host_verification"] = table.get("disable_host_verification", False)
    for source in _SOURCES:
        path, data = table.get(f"{source}_path"), table.get(f"{source}_data")
        if path is not None and data is not None:
            raise ConfigError(f"Invalid configuration: Cannot specify both {source}_path and {source}_data")
        if path is not None:
            result[source] = {"path": path}
        elif data:
            result[source] = {"data": data.encode()}
    if "server_name" in table:
        result["server_name"] = table["server_name"]
    return result


def _new_tls() -> dict[str, Any]:
    return {"disabled": None, "disable_host_verification": False}


def _apply_environment(profile: dict[str, Any], environment: Mapping[str, str]) -> None:
    for key in _TEXTS:
        if _PREFIX + key.upper() in environment:
            profile[key] = environment[_PREFIX + key.upper()]
    _apply_section(profile, "tls", _tls_variables(), environment, _new_tls, _apply_tls)
    _apply_section(
        profile, "codec", ["TEMPORAL_CODEC_ENDPOINT", "TEMPORAL_CODEC_AUTH"], environment, dict, _apply_codec
    )
    _apply_meta(profile, environment)


def _apply_section(
    profile: dict[str, Any],
    name: str,
    variables: list[str],
    environment: Mapping[str, str],
    new: Callable[[], dict[str, Any]],
    apply: Callable[[dict[str, Any], Mapping[str, str]], None],
) -> None:
    if name not in profile and any(variable in environment for variable in variables):
        profile[name] = new()
    if name in profile:
        apply(profile[name], environment)


def _tls_variables() -> list[str]:
    sources = [f"TEMPORAL_TLS_{source.upper()}_{form}" for source in _SOURCES for form in ("PATH", "DATA")]
    return ["TEMPORAL_TLS", *sources, "TEMPORAL_TLS_SERVER_NAME", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"]


def _apply_tls(tls: dict[str, Any], environment: Mapping[str, str]) -> None:
    enabled = _boolean(environment, "TEMPORAL_TLS")
    if enabled is not None:
        tls["disabled"] = not enabled
    for source, words in _SOURCES.items():
        _apply_source(tls, source, words, environment)
    if "TEMPORAL_TLS_SERVER_NAME" in environment:
        tls["server_name"] = environment["TEMPORAL_TLS_SERVER_NAME"]
    unverified = _boolean(environment, "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION")
    if unverified is not None:
        tls["disable_host_verification"] = unverified


def _apply_source(tls: dict[str, Any], source: str, words: str, environment: Mapping[str, str]) -> None:
    variables = {form: f"TEMPORAL_TLS_{source.upper()}_{form.upper()}" for form in ("path", "data")}
    given = [form for form, variable in variables.items() if variable in environment]
    if len(given) == 2:
        raise ConfigError(f"Invalid configuration: Cannot specify both {variables['path']} and {variables['data']}")
    for form in given:
        other = "data" if form == "path" else "path"
        if other in tls.get(source, {}):
            raise ConfigError(
                f"Invalid configuration: Cannot specify {words} {form} via {variables[form]} "
                f"when {words} {other} is already specified"
            )
        value = environment[variables[form]]
        tls[source] = {"path": value} if form == "path" else {"data": value.encode()}


def _apply_codec(codec: dict[str, Any], environment: Mapping[str, str]) -> None:
    for key in ("endpoint", "auth"):
        variable = f"TEMPORAL_CODEC_{key.upper()}"
        if variable in environment:
            codec[key] = environment[variable]


def _apply_meta(profile: dict[str, Any], environment: Mapping[str, str]) -> None:
    meta = profile.get("grpc_meta", {})
    for variable, value in environment.items():
        if variable.startswith(_META_PREFIX):
            key = _meta_key(variable[len(_META_PREFIX) :])
            meta.pop(key, None)
            if value:
                meta[key] = value
    profile.pop("grpc_meta", None)
    if meta:
        profile["grpc_meta"] = meta


def _meta_key(key: str) -> str:
    return key.lower().replace("_", "-")


def _boolean(environment: Mapping[str, str], variable: str) -> bool | None:
    return _BOOLEANS.get(environment.get(variable, "").lower())
