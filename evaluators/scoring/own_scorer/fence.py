"""Fences this process in before it runs a foreign program: limits, no capabilities, no files, no network."""

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path

from evaluators.scoring.own_scorer import system_calls
from evaluators.scoring.own_scorer.system_calls import LIBC, PR_SET_NO_NEW_PRIVS, checked

MEMORY = 4 * 2**30
"""Bytes of address space, which the libraries of a language model's metrics also need."""
OPEN_FILES = 64
PR_SET_DUMPABLE = 4

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 2, 4, 8, 1 << 14
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights about files a version of Landlock knows; later ones have `ALL_FILE_RIGHTS`."""
ALL_FILE_RIGHTS = 16
NETWORK_SINCE, SCOPES_SINCE = 4, 6
"""The versions of Landlock that know TCP, and signals and abstract sockets."""

PREFIXES = {sys.prefix, sys.base_prefix, sys.exec_prefix, "/usr", "/usr/local", "/"}
READABLE = (
    *(Path(prefix, folder) for prefix in sorted(PREFIXES) for folder in ("lib", "lib64")),
    *map(Path, (sys.executable, "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")),
    Path(__file__).parents[3] / "fairtrial",
)
"""All that a scorer reads: Python, its packages and the system's libraries, which may have a project beside them."""
WRITABLE = Path(os.devnull)


def gaps() -> tuple[str, ...]:
    """From what this system does not keep a scorer, each with the reason; empty if it keeps it from everything."""
    means = {
        "the files and the processes of this user (no Landlock)": _landlock() >= 1,
        "the network, signals and new processes (no seccomp)": system_calls.can_filter(),
    }
    return tuple(text for text, has_it in means.items() if not has_it)


def hide_environment() -> None:
    """From now on no other process of this user reads this one's environment or memory."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def close_fence(cpu_seconds: int) -> None:
    """Apply everything that this system has, for good; raises `OSError` if a part of it fails."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))
    if sys.platform != "linux":
        return
    LIBC.prctl(system_calls.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(LIBC.capset(struct.pack("Ii", 0x20080522, 0), bytes(24)))
    if (version := _landlock()) >= 1:
        _restrict_files(version)
    if system_calls.can_filter():
        system_calls.refuse_calls()


def _landlock() -> int:
    """The version of Landlock, below 1 if the kernel has none."""
    return int(LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)) if sys.platform == "linux" else 0


def _restrict_files(version: int) -> None:
    files = (1 << FILE_RIGHTS.get(version, ALL_FILE_RIGHTS)) - 1
    size = 8 * (1 + (version >= NETWORK_SINCE) + (version >= SCOPES_SINCE))
    handled = struct.pack("QQQ", files, 0b11, 0b11)[:size]
    rules = checked(LIBC.syscall(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0))
    _allow(rules, WRITABLE, READ_FILE | WRITE_FILE | TRUNCATE & files)
    for path in READABLE:
        if path.exists():
            _allow(rules, path, EXECUTE | READ_FILE | (READ_DIR if path.is_dir() else 0))
    checked(LIBC.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    checked(LIBC.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", rights, opened), 0))
    os.close(opened)
