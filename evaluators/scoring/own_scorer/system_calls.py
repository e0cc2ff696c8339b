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

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
X32 = 0x40000000
CLONE_THREAD = 0x10000

MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The audit architecture, and the column of the tables below."""

REFUSED: tuple[tuple[int | None, int | None], ...] = (
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
)
"""The numbers on each machine of what returns EPERM."""
CLONE, CLONE3, PRLIMIT, FCNTL, IOCTL, PRCTL = (56, 220), (435, 435), (302, 261), (72, 25), (16, 29), (157, 167)
REFUSED_VALUES = (
    *((FCNTL, 1, command) for command in (8, 10, 15)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to others
    *((IOCTL, 1, command) for command in (0x8901, 0x8902)),  # FIOSETOWN, SIOCSPGRP: the same
    (PRCTL, 0, PR_SET_PDEATHSIG),
)
"""A system call, and the value of an argument with which it is refused."""


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
    for call, argument, value in REFUSED_VALUES:
        lines += _refuse_if(call[column], argument, instruction(EQUAL, value, 0, 1))
    lines += _refuse_if(CLONE[column], 0, instruction(ANY_BIT, CLONE_THREAD, 1, 0))  # threads yes, processes no
    lines += _refuse_if(PRLIMIT[column], 0, instruction(EQUAL, 0, 1, 0))  # its own limits, not its parent's
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


def _refuse_if(number: int, argument: int, test: bytes) -> list[bytes]:
    """Lines that refuse a call if the test of the lower half of an argument leads to the next line."""
    refused = [instruction(LOAD, ARGUMENTS + 8 * argument), test, instruction(RETURN, REFUSE | errno.EPERM)]
    return [instruction(EQUAL, number, 0, 4), *refused, instruction(LOAD, NUMBER)]


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction of a classic BPF program."""
    return struct.pack("HBBI", code, if_true, if_false, value)
