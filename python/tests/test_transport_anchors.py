"""Which certificates are good as roots and which as a server's: as the native library says, not as OpenSSL does."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from corewasm.transport import TlsOptions
from corewasm.transport.trust_anchors import Certificate, NotACertificate, pem_certificates
from test_transport_tls import LOCAL, Authority, asked, front, refused

BROKEN = b"-----BEGIN CERTIFICATE-----\nMAAAAA==\n-----END CERTIFICATE-----\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.sign("server")
    return made


def reissue(authority: Authority, days: int, extensions: str) -> bytes:
    """The root's name and key in another certificate."""
    (authority.folder / "again").write_text(extensions)
    authority._run("req -new -key root.key -subj /CN=root -out again.csr")
    authority._run(f"x509 -req -in again.csr -signkey root.key -days {days} -extfile again -out again.pem")
    return authority.read("again.pem")


@pytest.mark.parametrize(
    ("days", "extensions"),
    [(-1, "basicConstraints=CA:TRUE"), (2, "basicConstraints=CA:FALSE"), (2, "subjectKeyIdentifier=hash")],
    ids=["expired", "no authority", "no word of it"],
)
async def test_what_is_given_as_root_is_trusted(days: int, extensions: str, authority: Authority) -> None:
    root = reissue(authority, days, extensions)
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions(root)) == b"hello"


async def test_a_path_longer_than_a_root_says_is_good(authority: Authority) -> None:
    root = reissue(authority, 2, "basicConstraints=CA:TRUE,pathlen:0")
    authority.sign("middle", names="", authority=True)
    authority.sign("leaf", issuer="middle")
    async with front(authority, "leaf", chain="middle") as port:
        assert await asked(port, TlsOptions(root)) == b"hello"


@pytest.mark.parametrize(
    "extensions", ["nameConstraints=permitted;DNS:else.test", "nameConstraints=excluded;DNS:localhost"]
)
async def test_a_roots_name_constraints_hold(extensions: str, authority: Authority) -> None:
    authority.sign("named", names="DNS:localhost")
    root = reissue(authority, 2, f"basicConstraints=CA:TRUE\n{extensions}")
    async with front(authority, "named") as port:
        assert "subtree violation" in await refused(port, TlsOptions(root))


@pytest.mark.parametrize("order", [1, -1])
async def test_of_several_roots_with_one_name_each_is_tried(order: int, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    roots = [reissue(authority, 2, "basicConstraints=CA:TRUE"), reissue(other, 2, "basicConstraints=CA:TRUE")][::order]
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions(b"".join(roots))) == b"hello"


@pytest.mark.parametrize(
    ("before", "behind"),
    [("# F\u0151tan\u00fas\u00edtv\u00e1ny\n".encode(), b""), (BROKEN, b""), (b"", BROKEN)],
    ids=["comment", "broken before", "broken behind"],
)
async def test_what_else_is_in_a_bundle_does_not_matter(before: bytes, behind: bytes, authority: Authority) -> None:
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions(before + authority.read("root.pem") + behind)) == b"hello"


async def test_an_authoritys_certificate_is_no_servers(authority: Authority) -> None:
    authority.sign("both", authority=True)
    async with front(authority, "both") as port:
        assert "(CA:TRUE), which must not be a server's" in await refused(port, TlsOptions(authority.read("root.pem")))


async def test_a_servers_certificate_that_is_its_own_issuer_may_be_the_root(authority: Authority) -> None:
    (authority.folder / "own").write_text(f"subjectAltName={LOCAL}\nbasicConstraints=CA:FALSE")
    authority._run("x509 -req -in server.csr -signkey server.key -days 2 -extfile own -out server.pem")
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions(authority.read("server.pem"))) == b"hello"


async def test_a_servers_certificate_of_another_issuer_is_no_root(authority: Authority) -> None:
    async with front(authority, "server") as port:
        assert "certificate verify failed" in await refused(port, TlsOptions(authority.read("server.pem")))


async def test_a_dot_at_a_names_end_does_not_matter(authority: Authority) -> None:
    async with front(authority, "server") as port:
        assert await asked(port, TlsOptions(authority.read("root.pem"), "localhost.")) == b"hello"


async def test_a_server_that_wants_a_certificate_and_says_nothing(authority: Authority) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
    context.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        assert "Does it want a client's certificate?" in await refused(port, TlsOptions(authority.read("root.pem")))


def test_a_failed_connection_is_not_written_to_stderr(authority: Authority, capfd: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        async with front(authority, "server", alpn="http/1.1") as port:
            await refused(port, TlsOptions(authority.read("root.pem")))

    asyncio.run(fail())
    assert capfd.readouterr().err == ""


def test_bytes_that_end_too_early_are_no_certificate(authority: Authority) -> None:
    (whole,) = pem_certificates(authority.read("root.pem"))
    for length in range(len(whole.der)):
        with pytest.raises(NotACertificate):
            Certificate(whole.der[:length])
