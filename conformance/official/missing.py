"""What corewasm does not offer yet, and how to tell that a test failed for that reason."""

from __future__ import annotations

import re

# Feature, and a pattern over "test name: failure text". The first that matches counts.
_FEATURES = (
    ("TLS: a wrong verified name ends the handshake, not the connection after it", r"server_name_is_enforced"),
    ("TLS: a verified name other than the server name sent", r"verification_server_name|test_tls_default_verification"),
    ("Prometheus exporter", r"prometheus"),
    ("download of a server", r"Failed starting|temporal\.download"),
    ("proxies", r"proxy"),
)
UNKNOWN = "no known missing feature"


def feature(test: str, text: str) -> str:
    """Name the missing feature that makes `test` fail with `text`, or UNKNOWN."""
    about = f"{test}: {text}"
    return next((name for name, pattern in _FEATURES if re.search(pattern, about, re.IGNORECASE)), UNKNOWN)
