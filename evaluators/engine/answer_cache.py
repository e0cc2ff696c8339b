"""Caches answers on disk by content, so that an interrupted run can resume, and estimates what a run still asks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.run import Answer, Case
from fairtrial.safe_files import write_private

if TYPE_CHECKING:
    from evaluators.engine.target import Target
    from evaluators.suite import Suite

RESUME_US = 24 * 3600 * 1_000_000
LARGEST_BYTES = 1 << 30
CHARS_PER_TOKEN = 4
"""A usual mean for English; other languages and code need more tokens for the same text."""
LIMITS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """The cache key of one request: ``content`` is the digest of everything that determines the answer."""

    content: str

    @classmethod
    def of(cls, case: Case, params: Mapping[str, Any], repeat: int) -> AnswerKey:
        """The key of one repeat; ``repeat`` counts from 0, and each repeat has a separate key."""
        return cls(sha256_of_json([case.messages, params, repeat], ascii_only=False))


class AnswerCache:
    """The answers of one deployment; ``scope`` identifies the run to finish, for answers without a fingerprint.

    There is one file of JSON lines for each definition of a deployment. Each answer is appended with one write as soon
    as it arrives, so that a killed run loses only the answers in flight. Errors are never cached.

    An answer belongs to the weights that gave it, which the upstream's ``system_fingerprint`` identifies. An upstream
    without a fingerprint could change unnoticed, so its answers are only used to finish the same run within a day.

    With ``fresh`` nothing is read, but new answers are stored. Not thread-safe; several processes may share a file.
    """

    def __init__(self, folder: Path, deployment_digest: str, *, scope: str, now_us: int, fresh: bool = False) -> None:
        name = hashlib.sha256(deployment_digest.encode()).hexdigest()[:24]
        self._path = folder / f"answers-{name}.jsonl"
        self._scope = scope
        self._now_us = now_us
        self._answers: dict[tuple[str, str | None], Answer] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = _open_shared(self._path)
        if not fresh:
            self._read()
        self._terminate_torn_line()

    def contents(self) -> frozenset[str]:
        """The content of every key that has an answer, of any weights."""
        return frozenset(content for content, _ in self._answers)

    def find(self, key: AnswerKey, fingerprint: str | None) -> Answer | None:
        """The answer of these weights to this request, or ``None``; its latency is that of the original call."""
        answer = self._answers.get((key.content, fingerprint))
        return replace(answer, cached=True) if answer else None

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Append one answer, unless it is an error."""
        if answer.error is not None:
            return
        self._answers[key.content, answer.fingerprint] = answer
        self._append({"q": key.content, "scope": self._scope, "at_us": self._now_us, "answer": answer})

    def end(self) -> None:
        """Mark the run as finished, so that its answers without a fingerprint are not used again."""
        self._append({"ended": self._scope})

    def close(self) -> None:
        os.close(self._fd)

    def _append(self, entry: Mapping[str, Any]) -> None:
        os.write(self._fd, msgspec.json.encode(entry) + b"\n")

    def _read(self) -> None:
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    self._load_entry(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    continue  # the torn last line of a killed run, or a line of another version

    def _load_entry(self, entry: Mapping[str, Any]) -> None:
        if "ended" in entry:
            if entry["ended"] == self._scope:
                self._answers = {key: answer for key, answer in self._answers.items() if key[1] is not None}
        elif entry["answer"]["fingerprint"] is not None or (
            entry["scope"] == self._scope and self._now_us - entry["at_us"] < RESUME_US
        ):
            answer = Answer(**{**entry["answer"], "cached": False})
            self._answers[entry["q"], answer.fingerprint] = answer

    def _terminate_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")


def _open_shared(path: Path) -> int:
    """Open the file with a shared lock, which prevents pruning while a run has it open."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_SH)
        try:
            if os.path.samestat(os.fstat(fd), path.stat()):
                return fd
        except FileNotFoundError:
            pass  # pruned between the two calls; the next iteration creates it again
        os.close(fd)


def prune_answers(folder: Path, *, before_us: int, largest: int = LARGEST_BYTES, dry_run: bool = False) -> int:
    """Remove answers older than ``before_us``, then the oldest files until the folder has at most ``largest`` bytes.

    Returns how many answers were removed, or would be with ``dry_run``. A file that a run has open is skipped.
    """
    dropped = 0
    for path in sorted(folder.glob("answers-*.jsonl")):
        with _exclusive_lock(path) as locked:
            if locked:
                dropped += _prune(path, before_us, dry_run=dry_run)
    return dropped + _drop_oldest(folder, largest, dry_run=dry_run)


def _prune(path: Path, before_us: int, *, dry_run: bool) -> int:
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if not line.isspace()]
    recent = [line for line in lines if not _is_old(line, before_us)]
    if dry_run or len(recent) == len(lines):
        return len(lines) - len(recent)
    if any(b'"answer"' in line for line in recent):
        write_private(path, b"".join(recent))
    else:
        path.unlink()
    return len(lines) - len(recent)


def _is_old(line: bytes, before_us: int) -> bool:
    try:
        entry = json.loads(line)
        return "answer" in entry and int(entry["at_us"]) < before_us
    except (ValueError, KeyError, TypeError):
        return True  # torn or of another version, so it is never read


def _drop_oldest(folder: Path, largest: int, *, dry_run: bool) -> int:
    files = sorted(folder.glob("answers-*.jsonl"), key=lambda path: path.stat().st_mtime)
    total, dropped = sum(path.stat().st_size for path in files), 0
    for path in files:
        if total <= largest:
            break
        with _exclusive_lock(path) as locked:
            if locked:
                total -= path.stat().st_size
                dropped += path.read_bytes().count(b"\n")
                if not dry_run:
                    path.unlink()
    return dropped


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[bool]:
    """Yields whether the lock was obtained, which means that no run has the file open."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """The requests, tokens and cost of one suite on one target.

    ``cached`` answers are reused if the same weights still serve. ``tokens_in`` is estimated from characters,
    ``most_tokens_out`` is the limit of the suite's params, ``None`` without one, and ``most_usd`` follows from both.
    """

    suite: str
    target: str
    requests: int
    cached: int
    tokens_in: int
    most_tokens_out: int | None
    most_usd: float | None


def open_cache(suite: Suite, target: Target, folder: Path, now_us: int, *, fresh: bool) -> AnswerCache:
    """The cached answers of a target, from which a run of this suite continues."""
    content = f"{suite.digest} {target.deployment_digest}" + (f" {target.first_repeat}" if target.first_repeat else "")
    scope = hashlib.sha256(content.encode()).hexdigest()[:32]
    return AnswerCache(folder, target.deployment_digest, scope=scope, now_us=now_us, fresh=fresh)


def estimate_run(suite: Suite, target: Target, *, cache: Path, now_us: int, fresh: bool) -> RunEstimate:
    """The estimate; ``cache`` and ``fresh`` are as `run_suite` has them. Sends nothing."""
    cached: frozenset[str] = frozenset()
    if cache.is_dir():
        with closing(open_cache(suite, target, cache, now_us, fresh=fresh)) as answers:
            cached = answers.contents()
    keys = [
        (case, AnswerKey.of(case, suite.params, target.first_repeat + repeat).content)
        for case in suite.cases
        for repeat in range(suite.repeat)
    ]
    cases = [case for case, key in keys if key not in cached]
    tokens_in = sum(len(str(message.get("content"))) for case in cases for message in case.messages) // CHARS_PER_TOKEN
    limit = next((suite.params[name] for name in LIMITS if isinstance(suite.params.get(name), int)), None)
    most_out = None if limit is None else limit * len(cases)
    cost = target.cost(tokens_in, most_out)
    return RunEstimate(suite.name, target.name, len(cases), len(keys) - len(cases), tokens_in, most_out, cost)
