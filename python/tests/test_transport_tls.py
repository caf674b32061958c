"""Whom a TLS connection trusts: as native Core does, whatever the gRPC library would say."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corewasm.transport import RpcFailure, TlsOptions, TransportOptions, UnaryRequest, make_transport, tls_context
from corewasm.transport.relay import Relay
from corewasm.transport.tls_context import TlsRefused, check_name, client_contexts
from rpc_server import rpc_server

REQUEST = UnaryRequest("/a.Service/Method", b"hello")
LOCAL = "DNS:localhost,IP:127.0.0.1"
KEYS = {
    "p256": "EC -pkeyopt ec_paramgen_curve:P-256",
    "p521": "EC -pkeyopt ec_paramgen_curve:P-521",
    "rsa": "RSA -pkeyopt rsa_keygen_bits:2048",
    "ed25519": "ED25519",
}


class Authority:
    """A folder with a root, and what it signs."""

    def __init__(self, folder: Path, kind: str = "p256") -> None:
        self.folder = folder
        self.kind = kind
        self._key("root")
        self._run("req -x509 -key root.key -subj /CN=root -days 9 -out root.pem")

    def sign(self, name: str, names: str = LOCAL, issuer: str = "root", *, authority: bool = False) -> None:
        self._key(name)
        self._run(f"req -new -key {name}.key -subj /CN=localhost -out {name}.csr")
        lines = [f"subjectAltName={names}"] if names else []
        (self.folder / "extensions").write_text("\n".join([*lines, f"basicConstraints=CA:{str(authority).upper()}"]))
        self._run(
            f"x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 2"
            f" -extfile extensions -out {name}.pem"
        )

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def _key(self, name: str) -> None:
        self._run(f"genpkey -algorithm {KEYS[self.kind]} -out {name}.key")

    def _run(self, command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def front(authority: Authority, name: str, alpn: str = "h2", chain: str = "") -> AsyncIterator[int]:
    """TLS before a gRPC server."""
    shown = authority.folder / "shown.pem"
    shown.write_bytes(b"".join(authority.read(f"{each}.pem") for each in (name, chain) if each))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown, authority.folder / f"{name}.key")
    context.set_alpn_protocols([alpn])
    async with rpc_server() as inner:

        async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner.port)
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer), return_exceptions=True)

        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            yield server.sockets[0].getsockname()[1]


async def asked(port: int, tls: TlsOptions, host: str = "localhost") -> bytes:
    transport = make_transport(TransportOptions(host, port, tls=tls))
    try:
        return (await transport.unary(REQUEST)).body
    finally:
        await transport.close()


async def refused(port: int, tls: TlsOptions, host: str = "localhost") -> str:
    with pytest.raises(RpcFailure) as caught:
        await asked(port, tls, host)
    assert (caught.value.code, caught.value.transport) == (14, True)
    return caught.value.message


@pytest.mark.parametrize("kind", KEYS)
async def test_every_kind_of_key(kind: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path, kind)
    authority.sign("server")
    async with front(authority, "server") as port:
        for host in ("localhost", "127.0.0.1"):
            assert await asked(port, TlsOptions(authority.read("root.pem")), host) == b"hello"


async def test_a_name_in_the_subject_alone_is_refused(authority: Authority) -> None:
    authority.sign("server", names="")
    async with front(authority, "server") as port:
        text = await refused(port, TlsOptions(authority.read("root.pem")))
    assert f"connecting to localhost:{port} failed: " in text
    assert "certificate is not valid for 'localhost'" in text


async def test_an_unknown_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    authority.sign("server")
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    async with front(authority, "server") as port:
        assert "certificate verify failed" in await refused(port, TlsOptions(other.read("root.pem")))


async def test_an_intermediate_may_be_the_root(authority: Authority) -> None:
    authority.sign("middle", names="", authority=True)
    authority.sign("server", issuer="middle")
    async with front(authority, "server", chain="middle") as port:
        assert await asked(port, TlsOptions(authority.read("middle.pem"))) == b"hello"


async def test_a_server_without_http_2_is_refused(authority: Authority) -> None:
    authority.sign("server")
    async with front(authority, "server", alpn="http/1.1") as port:
        assert "does not speak HTTP/2" in await refused(port, TlsOptions(authority.read("root.pem")))


@pytest.fixture
def no_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without certificates."""
    monkeypatch.setattr(tls_context, "_FILES", ())
    monkeypatch.setattr(tls_context, "_FOLDERS", ())
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda self: None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(capath=None))
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_roots")
@pytest.mark.parametrize("how", ["SSL_CERT_FILE", "SSL_CERT_DIR", "file", "folder"])
async def test_the_machines_roots(how: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.sign("server")
    roots = authority.folder / "roots"
    roots.mkdir()
    (roots / "any name").write_bytes(authority.read("root.pem"))
    (roots / "README").write_text("no certificate")
    places: dict[str, Any] = {"file": ("_FILES", (str(roots / "any name"),)), "folder": ("_FOLDERS", (str(roots),))}
    if how in places:
        monkeypatch.setattr(tls_context, *places[how])
    else:
        monkeypatch.setenv(how, str(roots if how.endswith("DIR") else roots / "any name"))
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions()) == b"hello"


@pytest.mark.usefixtures("no_roots")
def test_no_roots_at_all_are_told() -> None:
    with pytest.raises(TlsRefused, match="no root certificates are found in the usual places: install ca-certificates"):
        client_contexts(TlsOptions())


@pytest.mark.parametrize("roots", [b"nonsense", "ü".encode(), b""])
def test_roots_that_cannot_be_used_are_named(roots: bytes) -> None:
    with pytest.raises(TlsRefused, match="server_root_ca_cert holds no certificates in PEM"):
        client_contexts(TlsOptions(roots))


def test_a_key_that_does_not_fit_is_named(authority: Authority) -> None:
    authority.sign("a")
    authority.sign("b")
    with pytest.raises(TlsRefused, match="client_cert and client_private_key cannot be used"):
        client_contexts(TlsOptions(authority.read("root.pem"), None, authority.read("a.pem"), authority.read("b.key")))


@pytest.mark.parametrize(
    ("wanted", "names", "good"),
    [
        ("a.test", ["a.test"], True),
        ("A.Test", ["a.tEST"], True),
        ("b.test", ["a.test"], False),
        ("x.a.test", ["*.a.test"], True),
        ("x.y.a.test", ["*.a.test"], False),
        ("a.test", ["*.a.test"], False),
        ("a.test", ["*.test"], False),
        ("xa.test", ["x*.test"], False),
        ("127.0.0.1", ["127.0.0.1"], False),
    ],
)
def test_names(wanted: str, names: list[str], good: bool) -> None:
    certificate = {"subjectAltName": [("DNS", name) for name in names], "subject": ((("commonName", wanted),),)}
    if good:
        check_name(wanted, certificate)
        return
    with pytest.raises(TlsRefused, match=f"not valid for {wanted}"):
        check_name(wanted, certificate)


def test_addresses_are_compared_as_such() -> None:
    check_name("::1", {"subjectAltName": [("IP Address", "0:0:0:0:0:0:0:1")]})


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT localhost:1 HTTP/1.1\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nProxy-Authorization: Bearer 00\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_nobody_else_can_use_the_relay(head: bytes, authority: Authority) -> None:
    relay = Relay(TransportOptions("localhost", 1, tls=TlsOptions(authority.read("root.pem"))))
    address = await relay.listen()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(head)
    assert (await reader.read()).startswith(b"HTTP/1.1 407 ")
    writer.close()
    await relay.close()
