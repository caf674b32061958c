"""Root certificates as the native library's verifier takes them: a name, a key and name constraints, nothing else.

OpenSSL also judges a root's own dates, flags and path length, and can be told no other way than by a certificate that
says nothing of them. It does not verify the signature of what it is told to trust, so such a certificate can be made of
any other. See ADR 0018.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_BOOLEAN, _OBJECT_ID, _OCTETS, _SEQUENCE, _VERSION, _EXTENSIONS = 0x01, 0x06, 0x04, 0x30, 0xA0, 0xA3
_BASIC_CONSTRAINTS, _SUBJECT_KEY_ID, _NAME_CONSTRAINTS = b"\x55\x1d\x13", b"\x55\x1d\x0e", b"\x55\x1d\x1e"
_KEPT = (_SUBJECT_KEY_ID, _NAME_CONSTRAINTS)
_TRUE = b"\x01\x01\xff"
_THIRD_VERSION = b"\xa0\x03\x02\x01\x02"
_ALWAYS = b"\x17\x0d500101000000Z" + b"\x18\x0f99991231235959Z"


class NotACertificate(ValueError):
    """Bytes that are no certificate in DER."""


class Element(NamedTuple):
    """One element of DER."""

    tag: int
    whole: bytes
    content: bytes


class Certificate:
    """What of a certificate is asked here."""

    def __init__(self, der: bytes) -> None:
        """Raises NotACertificate."""
        try:
            (outer,) = _elements(der)
            body, self._algorithm, self._signature = _elements(outer.content)
            fields = list(_elements(body.content))
            if fields[0].tag == _VERSION:
                del fields[0]
            self._serial, self._inner_algorithm, self.issuer, _, self.subject, self._key = (
                each.whole for each in fields[:6]
            )
            self._extensions = dict(_extensions(fields[6:]))
        except (ValueError, IndexError) as error:
            raise NotACertificate(f"no certificate: {error}") from None
        self.der = der

    def is_authority(self) -> bool:
        """Whether it says that it may sign others."""
        extension = self._extensions.get(_BASIC_CONSTRAINTS)
        if extension is None:
            return False
        try:
            (outer,) = _elements(list(_elements(extension.content))[-1].content)
            flags = [each for each in _elements(outer.content) if each.tag == _BOOLEAN]
        except (ValueError, IndexError):
            return True  # it says something that cannot be read: not a server's
        return bool(flags) and flags[0].content != b"\0"

    def is_self_issued(self) -> bool:
        """Whether it is its own issuer."""
        return self.issuer == self.subject

    def anchor(self) -> bytes:
        """A certificate in DER of the same name and key that is good for ever, as an authority."""
        constraints = _encoded(_OBJECT_ID, _BASIC_CONSTRAINTS) + _TRUE + _encoded(_OCTETS, _encoded(_SEQUENCE, _TRUE))
        kept = [self._extensions[each].whole for each in _KEPT if each in self._extensions]
        extensions = _encoded(_SEQUENCE, b"".join([_encoded(_SEQUENCE, constraints), *kept]))
        names = self.issuer + _encoded(_SEQUENCE, _ALWAYS) + self.subject
        body = _THIRD_VERSION + self._serial + self._inner_algorithm + names + self._key
        signed = _encoded(_SEQUENCE, body + _encoded(_EXTENSIONS, extensions))
        return _encoded(_SEQUENCE, signed + self._algorithm.whole + self._signature.whole)


def pem_certificates(text: bytes) -> Iterator[Certificate]:
    """Those in PEM that can be read; whatever else stands there is passed over, as by the native library."""
    for found in _PEM.finditer(text):
        try:
            yield Certificate(binascii.a2b_base64(found[1]))
        except (binascii.Error, NotACertificate):
            continue


def _extensions(fields: list[Element]) -> Iterator[tuple[bytes, Element]]:
    for field in fields:
        if field.tag == _EXTENSIONS:
            (several,) = _elements(field.content)
            for extension in _elements(several.content):
                yield next(_elements(extension.content)).content, extension


def _elements(der: bytes) -> Iterator[Element]:
    """Raises ValueError or IndexError if the bytes end too early."""
    at = 0
    while at < len(der):
        tag, length, begin = der[at], der[at + 1], at + 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(der[at + 2 : begin], "big")
        end = begin + length
        if end > len(der):
            raise ValueError("it is cut short")
        yield Element(tag, der[at:end], der[begin:end])
        at = end


def _encoded(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content
