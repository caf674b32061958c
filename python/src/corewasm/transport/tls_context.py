"""TLS by Python's own ssl: trust, names and keys as the native library has them.

A name counts only as a subject alternative name, an intermediate certificate may be a root, any algorithm that OpenSSL
knows will do, and the machine's roots are found in every distribution's layout.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import tempfile
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import zip_longest
from pathlib import Path
from typing import Any

from corewasm.transport.api import TlsOptions
from corewasm.transport.trust_anchors import Certificate, NotACertificate, pem_certificates

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


class TlsRefused(ValueError):
    """TLS options that cannot be used, or a server that is not whom it should be. The text says which."""


def client_contexts(tls: TlsOptions) -> list[ssl.SSLContext]:
    """What a connection is made with: the first, and the next if the server's issuer was not found in it.

    OpenSSL tries one root of a name; of several with the same name, each is in a context of its own.

    Raises:
        TlsRefused: roots or keys that cannot be read, or no roots at all.
    """
    given = tls.server_root_ca
    roots = list(_machine_roots()) if given is None else list(pem_certificates(given))
    if given is not None and not roots:
        raise TlsRefused("server_root_ca_cert holds no certificates in PEM")
    contexts = []
    for anchors in zip_longest(*_by_name(roots)) if roots else [()]:
        context = _context(tls)
        for der in anchors:
            if der is not None:
                with contextlib.suppress(ssl.SSLError, ValueError):  # a key of a kind that OpenSSL does not know
                    context.load_verify_locations(cadata=der)
        contexts.append(context)
    if not roots:
        _trust_openssls(contexts[0])
    return contexts


def check_leaf(der: bytes) -> None:
    """An authority's certificate is no server's: OpenSSL takes it, native Core does not.

    Raises:
        TlsRefused: it is one.
    """
    try:
        authority = Certificate(der).is_authority()
    except NotACertificate as error:
        raise TlsRefused(f"the server's certificate cannot be read: {error}") from None
    if authority:
        raise TlsRefused("the server's certificate is that of an authority (CA:TRUE), which must not be a server's")


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


def _context(tls: TlsOptions) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    # A name that is verified apart from the one sent is compared by `check_name`.
    context.check_hostname = tls.verification_server_name is None
    context.set_alpn_protocols(["h2"])
    if tls.client_cert is not None and tls.client_key is not None:
        _show(context, tls.client_cert, tls.client_key)
    return context


def _by_name(roots: Iterable[Certificate]) -> list[list[bytes]]:
    """What is trusted for each name, in the order in which it is tried."""
    names: dict[bytes, dict[bytes, None]] = {}
    for root in roots:
        found = names.setdefault(root.subject, {})
        if root.is_self_issued() and not root.is_authority():
            found[root.der] = None  # a server's own
        found[root.anchor()] = None
    return [list(each) for each in names.values()]


def _machine_roots() -> Iterator[Certificate]:
    """Each once: a folder's files are often parts of the list."""
    files, folders = _named_by_the_environment()
    named = bool(files or folders)
    if not named and sys.platform != "win32":
        files, folders = list(filter(os.path.isfile, _FILES))[:1], list(filter(os.path.isdir, _FOLDERS))[:1]
    seen: set[bytes] = set()
    for path in (*map(Path, files), *(path for folder in folders for path in _files_in(folder))):
        for root in pem_certificates(_read(path)):
            if root.der not in seen:
                seen.add(root.der)
                yield root
    if named and not seen:
        where = ", ".join([*files, *folders])
        raise TlsRefused(f"no root certificates are found in {where}, which SSL_CERT_FILE or SSL_CERT_DIR name")


def _named_by_the_environment() -> tuple[list[str], list[str]]:
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return ([file] if file else []), [each for each in (folders or "").split(os.pathsep) if each]


def _files_in(folder: str) -> list[Path]:
    """Whatever they are called."""
    try:
        return sorted(Path(folder).iterdir())
    except OSError:
        return []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _trust_openssls(context: ssl.SSLContext) -> None:
    """Nothing is at the usual places: Windows' stores, or where this Python's OpenSSL looks."""
    context.load_default_certs()
    paths = ssl.get_default_verify_paths()
    if not context.cert_store_stats()["x509_ca"] and not (paths.capath and _files_in(paths.capath)):
        raise TlsRefused(
            "no root certificates are found in the usual places: install ca-certificates, or set SSL_CERT_FILE"
        )


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
