"""The rights of an ordinary user, for tests of files that may not be opened, where the tests run as root."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

VERSION = 0x2008_0522  # of the two calls: Linux, capget(2)
EVERY_FILE = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


class _Rights(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inherited", ctypes.c_uint32)]


@contextmanager
def ordinary_user() -> Iterator[None]:
    """In this thread, root's right to open every file is put aside; files of mode 0 are closed to it then."""
    if os.geteuid() != 0:
        yield
        return
    system = ctypes.CDLL(None, use_errno=True)
    header, rights = _Header(VERSION, 0), (_Rights * 2)()
    _checked(system.capget(ctypes.byref(header), rights))
    before = rights[0].effective
    rights[0].effective = before & ~EVERY_FILE
    _checked(system.capset(ctypes.byref(header), rights))
    try:
        yield
    finally:
        rights[0].effective = before
        _checked(system.capset(ctypes.byref(header), rights))


def _checked(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), "the rights of this thread cannot be changed")
