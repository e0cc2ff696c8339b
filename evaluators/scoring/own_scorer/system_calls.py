"""Takes system calls from this process by a seccomp filter: network, signals, processes, attributes of files."""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
FILTER = 2

LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
X32 = 0x40000000
CLONE_THREAD = 0x10000

MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The audit architecture, and the column of the tables below."""

Numbers = tuple[int | None, int | None]
"""A system call on each machine."""
REFUSED: tuple[Numbers, ...] = (
    *((41, 198), (425, 425)),  # socket, io_uring_setup; a socketpair reaches nobody
    *((57, None), (58, None), (272, 97), (308, 268)),  # fork, vfork, unshare, setns
    *((62, 129), (200, 130), (234, 131), (129, 138), (297, 240), (424, 424)),  # kill and its relatives
    *((101, 117), (310, 270), (311, 271), (438, 438), (298, 241), (321, 280), (323, 282)),  # ptrace … userfaultfd
    *((141, 140), (144, 119), (203, 122), (314, 274), (251, 30)),  # priority, scheduler, affinity, ioprio_set
    *((29, 194), (64, 190), (68, 186), (240, 180), (248, 217), (249, 218), (250, 219)),  # System V, mqueue, keys
    # Landlock does not restrict mode, owner, times and extended attributes.
    *((90, None), (91, 52), (268, 53), (452, 452), (92, None), (93, 55), (94, None), (260, 54)),
    *((188, 5), (189, 6), (190, 7), (197, 14), (198, 15), (199, 16), (463, 463), (466, 466), (469, 469)),
    *((132, None), (235, None), (261, None), (280, 88)),
    *((76, 45), (437, 437)),  # truncate, openat2: nor the former, before Linux 6.2
)
"""What returns EPERM."""
CLONE3, FCNTL, IOCTL, PRCTL = (435, 435), (72, 25), (16, 29), (157, 167)
ALL = 0xFFFFFFFF
EMPTIES = (
    os.O_TRUNC | os.O_ACCMODE,
    os.O_TRUNC,
)  # opened for reading, which Landlock allows to empty a file before 6.2
REFUSED_VALUES: tuple[tuple[Numbers, int, int, int, bool], ...] = (
    *((FCNTL, 1, ALL, command, True) for command in (8, 10, 15)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals
    *((IOCTL, 1, ALL, command, True) for command in (0x8901, 0x8902)),  # FIOSETOWN, SIOCSPGRP: the same
    (PRCTL, 0, ALL, PR_SET_PDEATHSIG, True),
    ((257, 56), 2, *EMPTIES, True),  # openat
    ((2, None), 1, *EMPTIES, True),  # open
    ((56, 220), 0, CLONE_THREAD, CLONE_THREAD, False),  # clone: threads yes, processes no
    ((302, 261), 0, ALL, 0, False),  # prlimit64: its own limits, not its parent's
)
"""A system call, an argument, bits of its lower half, and whether it returns EPERM if they are or aren't this value."""


def can_filter() -> bool:
    """Whether this kernel filters system calls, and the machine's numbers are known."""
    if sys.platform != "linux" or platform.machine() not in MACHINES or sys.maxsize < 2**32:
        return False
    LIBC.prctl(PR_SET_SECCOMP, FILTER, None)  # a filter at no address changes nothing
    return ctypes.get_errno() == errno.EFAULT


def refuse_calls() -> None:
    """From now on this process and its threads lack these calls; raises `OSError`."""
    architecture, column = MACHINES[platform.machine()]
    lines = [instruction(LOAD, ARCHITECTURE), instruction(EQUAL, architecture, 1, 0), instruction(RETURN, KILL)]
    lines += [instruction(LOAD, NUMBER), instruction(AT_LEAST, X32, 0, 1), instruction(RETURN, KILL)]
    for row in REFUSED:
        if (number := row[column]) is not None:
            lines += [instruction(EQUAL, number, 0, 1), instruction(RETURN, REFUSE | errno.EPERM)]
    # Without clone3 the C library uses clone, whose flags a filter can read.
    lines += [instruction(EQUAL, CLONE3[column], 0, 1), instruction(RETURN, REFUSE | errno.ENOSYS)]
    for numbers, argument, mask, value, refused in REFUSED_VALUES:
        if (number := numbers[column]) is not None:
            lines += [instruction(EQUAL, number, 0, 5), instruction(LOAD, ARGUMENTS + 8 * argument)]
            lines += [instruction(AND, mask), instruction(EQUAL, value, not refused, refused)]
            lines += [instruction(RETURN, REFUSE | errno.EPERM), instruction(LOAD, NUMBER)]
    install(lines)


def install(lines: Iterable[bytes]) -> None:
    """Add a filter to this process, which lets through what its lines do not refuse; raises `OSError`."""
    program = b"".join((*lines, instruction(RETURN, ALLOW)))
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(LIBC.prctl(PR_SET_SECCOMP, FILTER, header))


def checked(result: int) -> int:
    """The result of a C function; raises `OSError` if it is negative."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction of a classic BPF program."""
    return struct.pack("HBBI", code, if_true, if_false, value)
