"""TLS by Python's own ssl: trust, names and keys as the native library has them.

A name counts only as a subject alternative name, an intermediate certificate may be a root, any algorithm that OpenSSL
knows will do, and the machine's roots are found in every distribution's layout.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from corewasm.transport.api import TlsOptions

_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch, NixOS
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # CentOS, RHEL 7
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/pki/tls/cacert.pem",  # OpenELEC
    "/etc/ssl/cert.pem",  # macOS, Alpine, FreeBSD
    "/opt/etc/ssl/certs/ca-certificates.crt",  # Entware
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
    "/usr/share/ssl/certs/ca-bundle.crt",
)
_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts", "/usr/local/share/certs")
_BEGIN = b"-----BEGIN"


class TlsRefused(ValueError):
    """TLS options that cannot be used, or a server that is not whom it should be. The text says which."""


def client_context(tls: TlsOptions) -> ssl.SSLContext:
    """What a connection is made with.

    Raises:
        TlsRefused: roots or keys that cannot be read, or no roots at all.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    # A name that is verified apart from the one sent is compared by `check_name`.
    context.check_hostname = tls.verification_server_name is None
    context.set_alpn_protocols(["h2"])
    if tls.server_root_ca is not None:
        _trust(context, tls.server_root_ca)
    else:
        _trust_the_machines(context)
    if tls.client_cert is not None and tls.client_key is not None:
        _show(context, tls.client_cert, tls.client_key)
    return context


def check_name(wanted: str, certificate: dict[str, Any]) -> None:
    """Compares a verified certificate's subject alternative names, as `getpeercert` gives them.

    Raises:
        TlsRefused: none is the wanted one.
    """
    names = certificate.get("subjectAltName", ())
    if not any(_is_meant(wanted, kind, name) for kind, name in names):
        raise TlsRefused(f"the server's certificate is not valid for {wanted}, but for {[name for _, name in names]}")


def _is_meant(wanted: str, kind: str, name: str) -> bool:
    try:
        address = ip_address(wanted)
    except ValueError:
        return kind == "DNS" and _matches(wanted.lower().rstrip("."), name.lower())
    return kind == "IP Address" and ip_address(name) == address


def _matches(wanted: str, pattern: str) -> bool:
    """A star stands for one whole first label."""
    if not pattern.startswith("*."):
        return wanted == pattern
    _, dot, rest = wanted.partition(".")
    return bool(dot) and "." in rest and rest == pattern[2:]


def _trust(context: ssl.SSLContext, roots: bytes) -> None:
    try:
        context.load_verify_locations(cadata=roots.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise TlsRefused(f"server_root_ca_cert holds no certificates in PEM: {error}") from None


def _trust_the_machines(context: ssl.SSLContext) -> None:
    files, folders = _named_by_the_environment()
    if not files and not folders:
        files, folders = list(filter(os.path.isfile, _FILES))[:1], []
        context.load_default_certs()  # also the stores of Windows and macOS
        if not files and not context.cert_store_stats()["x509_ca"]:
            folders = list(filter(os.path.isdir, _FOLDERS))
    for file in files:
        with contextlib.suppress(OSError, ssl.SSLError):
            context.load_verify_locations(cafile=file)
    for folder in folders:
        _trust_folder(context, folder)
    if not context.cert_store_stats()["x509_ca"]:
        where = ", ".join([*files, *folders]) or "the usual places"
        raise TlsRefused(f"no root certificates are found in {where}: install ca-certificates, or set SSL_CERT_FILE")


def _named_by_the_environment() -> tuple[list[str], list[str]]:
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return ([file] if file else []), [each for each in (folders or "").split(os.pathsep) if each]


def _trust_folder(context: ssl.SSLContext, folder: str) -> None:
    """Every certificate in there, whatever its file is called."""
    with contextlib.suppress(OSError):
        for path in sorted(Path(folder).iterdir()):
            with contextlib.suppress(OSError, ssl.SSLError, UnicodeDecodeError, ValueError):
                content = path.read_bytes()
                if _BEGIN in content:
                    context.load_verify_locations(cadata=content.decode("ascii"))


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Python reads keys from files only: one in memory, or one that nobody else may read and that is gone at once."""
    with _file_of(certificate.rstrip() + b"\n" + key) as path:
        try:
            context.load_cert_chain(path, password=lambda: b"")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise TlsRefused(f"client_cert and client_private_key cannot be used: {error}") from None


@contextlib.contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with os.fdopen(os.memfd_create("corewasm-key"), "wb") as memory:
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="corewasm-key-") as folder:
        path = Path(folder, "key.pem")
        path.touch(mode=0o600)
        path.write_bytes(content)
        yield str(path)
