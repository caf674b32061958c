"""Makes the kernel refuse executable memory to this process and its children, as SELinux and hardened kernels do.

Files (libraries) may still be mapped as code. Linux on x86-64 only.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import platform
import struct
import sys

POSSIBLE = sys.platform == "linux" and platform.machine() == "x86_64"

_LOAD, _EQUALS, _HAS, _RETURN = 0x20, 0x15, 0x45, 0x06
_MMAP, _MPROTECT, _PKEY_MPROTECT = 9, 10, 329
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def _argument(index: int) -> int:
    return 16 + 8 * index


_PROGRAM = [
    (_LOAD, 0, 0, 0),  # the system call's number
    (_EQUALS, 5, 0, _MPROTECT),
    (_EQUALS, 4, 0, _PKEY_MPROTECT),
    (_EQUALS, 0, 6, _MMAP),
    (_LOAD, 0, 0, _argument(3)),
    (_HAS, 1, 0, mmap.MAP_ANONYMOUS),
    (_RETURN, 0, 0, _ALLOW),
    (_LOAD, 0, 0, _argument(2)),
    (_HAS, 0, 1, mmap.PROT_EXEC),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def deny() -> None:
    """From now on, and for ever. Raises OSError if the kernel does not take the filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in _PROGRAM))
    program = _Filter(len(_PROGRAM), ctypes.addressof(code))
    for arguments in ((_SET_NO_NEW_PRIVILEGES, 1, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(program))):
        if libc.prctl(*arguments, 0, 0):
            number = ctypes.get_errno()
            raise OSError(number, "prctl")
