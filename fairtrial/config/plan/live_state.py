"""Lays the live state of experiments over a compiled plan: the store's rows, and kill files."""

import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import local_actor
from fairtrial.config.plan.hashes import digest, plan_hash
from fairtrial.domain.errors import UsageError, nearest
from fairtrial.domain.names.ids import keyed_hash
from fairtrial.domain.names.look_alikes import has_invisible
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.settings import EVERY_UNIT, ExperimentState, KeptControl
from fairtrial.safe_files import PRIVATE, has_room, sync_folder, write_private

CAN_BE_KILLED: tuple[ExperimentState, ...] = ("running", "paused")
RESERVE_BYTES = 2**20
ROOMY = 4 * RESERVE_BYTES
"""The free bytes at which the reserve is allocated, so that it does not take the last ones from the journal."""

MOST_BYTES, MOST_ACTOR = 16_384, 300
MOST_US = 253_402_300_799_000_000
"""The last second of the year 9999, because no calendar can show a later one."""

UNREADABLE = "emergency stop; the kill file has no readable reason"
UNUSED = ".unused"
"""Follows the name of a kill file that named no experiment, so that a person still sees it."""
_NAME = re.compile(r"kill\.([A-Za-z0-9][A-Za-z0-9._-]*)(?:@[0-9a-f]+)?\.json")
"""The name of an experiment contains no ``@``. Without the id, a person can make the file by hand."""


@dataclass(frozen=True, slots=True)
class Live:
    """The state of an experiment in the store; ``stage`` is ``None`` until one was set.

    ``segment``: 1 at first; every re-arm starts the next one, with new units. ``serves``: the promoted variant, which
    serves everyone. ``kept_control``: what stays of the control in this segment, which a promotion began.

    `Experiment` has the same fields, because the published plan shows the state to workers.
    """

    stage: float | None = None
    state: ExperimentState = "running"
    segment: int = 1
    serves: str | None = None
    kept_control: KeptControl | None = None


def segment_salt(declared: str, segment: int) -> str:
    """The salt of a segment: the declared one for the first, then HMAC-SHA256(declared, "segment" NUL number) in hex.

    ``docs/reference/assignment.md`` describes it.
    """
    if segment == 1:
        return declared
    return keyed_hash(declared).digest(f"segment\0{segment}".encode()).hex()


def lay_over(plan: Plan, live: Mapping[str, Live]) -> Plan:
    """The plan with the live state of its experiments. Other experiments in ``live`` are ignored.

    The plan can be a declared one, or a published one whose experiments have a state already. A published one does not
    contain the declared salt. If such an experiment is in another segment than ``live`` says, it is served as killed.
    """
    experiments = {
        name: _laid(experiment, live[name]) if name in live else experiment
        for name, experiment in plan.experiments.items()
    }
    laid = replace(plan, experiments=experiments)
    return replace(laid, plan_hash=plan_hash(laid))


def _in_another_segment(experiment: Experiment, live: Live) -> Experiment:
    """A published experiment whose salt is not that of the live segment. An ended one needs none."""
    if live.state == "ended":
        return replace(experiment, state="ended", serves=live.serves)
    lost = experiment.serves is not None and live.segment < experiment.segment
    return experiment if lost else replace(experiment, state="killed", serves=None)


def _laid(experiment: Experiment, live: Live) -> Experiment:
    stage, kept_control = experiment.stage if live.stage is None else live.stage, live.kept_control
    if experiment.segment == live.segment:
        laid = replace(experiment, state=live.state, stage=stage, serves=live.serves)
        return laid if kept_control is None else with_kept_control(laid, kept_control)
    if experiment.segment != 1:
        return _in_another_segment(experiment, live)
    laid = replace(
        experiment,
        state=live.state,
        stage=stage,
        segment=live.segment,
        serves=live.serves,
        salt=segment_salt(experiment.salt, live.segment if kept_control is None else kept_control.after),
        analysis_hash=digest({"analysis": experiment.analysis_hash, "segment": live.segment}),
    )
    return laid if kept_control is None else with_kept_control(laid, kept_control)


def with_kept_control(experiment: Experiment, kept_control: KeptControl) -> Experiment:
    """The experiment in the segment that a promotion began: two arms, all units, and no primary metric.

    A worker that does not know ``kept_control`` splits by the weights, which is the same if the control is the first
    of two variants.
    """
    rest = float(100 - Decimal(repr(kept_control.share)))
    weights = {experiment.control: kept_control.share, kept_control.variant: rest}
    variants = tuple(
        replace(variant, weight=weights[variant.name]) for variant in experiment.variants if variant.name in weights
    )
    return replace(
        experiment, variants=variants, stage=100.0, primary=None, enrolment=EVERY_UNIT, kept_control=kept_control
    )


class KillFile(msgspec.Struct, frozen=True):
    """The content of a kill file, which stops one experiment in every worker, without control or store.

    It stands beside the plan. Workers look only at its name, so that no content can prevent a stop, and then serve by
    the plan that `stop_at_once` returns. Control records the kill later, and then removes the file.

    ``at_us``: microseconds since 1970, UTC. ``actor``: as in the records of the store. The `Transition` that it
    causes is recorded later. The states before and after are known only then.
    """

    experiment: str
    at_us: Annotated[int, msgspec.Meta(ge=0, le=MOST_US)]
    actor: str
    why: str


def write_kill(layout: Layout, kill: KillFile, ident: str) -> tuple[Path, bool]:
    """Write the file; returns its path, and whether it has the content. Raises `OSError` if nothing can be written.

    On a full disk the reserve becomes the file. Without a reserve the file stays empty, which needs no block of the
    disk. ``ident``: hexadecimal digits, different for each kill. Raises `UsageError` for an impossible name.
    """
    path = layout.folder / f"kill.{kill.experiment}@{ident}.json"
    if experiment_of(path.name) is None:
        raise UsageError(f"experiments: {kill.experiment!r} can't be the name of an experiment")
    content = msgspec.json.encode(kill) + b"\n"
    for write in (write_private, partial(_write_into_reserve, layout.kill_reserve)):
        with suppress(OSError):
            write(path, content)
            return path, True
    write_private(path, b"")
    return path, False


def _write_into_reserve(reserve: Path, path: Path, content: bytes) -> None:
    """Write into blocks that are allocated already. Programs that wait for space can't take them in between."""
    fd = os.open(reserve, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, len(content))
        os.pwrite(fd, content, 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    reserve.replace(path)
    sync_folder(path.parent)


def keep_reserve(layout: Layout) -> None:
    """Allocate the space that a kill needs on a full disk, unless it is there; raises `OSError`.

    Control calls it from time to time. While the disk is almost full, nothing happens.
    """
    with suppress(FileNotFoundError):
        if layout.kill_reserve.stat().st_size == RESERVE_BYTES:
            return
    if not has_room(layout.folder, ROOMY):
        return
    fd = os.open(layout.kill_reserve, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    try:
        if sys.platform == "darwin":
            os.write(fd, bytes(RESERVE_BYTES))
        else:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
    finally:
        os.close(fd)


def experiment_of(name: str) -> str | None:
    """The experiment that a file with this name stops, if it is a kill file."""
    match = _NAME.fullmatch(name)
    return None if match is None else match[1]


def standing_kills(folder: Path) -> list[Path]:
    """The kill files in the folder, in the order of their names; raises `OSError`."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if experiment_of(entry.name) and entry.is_file())


def unusable_kills(folder: Path, experiments: Collection[str]) -> Iterator[str]:
    """A line for each kill file that stops nothing; ``experiments``: those of the published plan."""
    with suppress(OSError):
        for path in sorted(folder.glob("kill.*.json*")):
            name = experiment_of(path.name)
            reason = "a kill file is named kill.EXPERIMENT.json"
            if name is not None:
                reason = "" if path.is_file() else "a kill file is a regular file"
                if name not in experiments:
                    reason = f"there is no experiment {name!r}; {nearest(name, experiments)}"
            if path.name.endswith(UNUSED):
                reason = "it named no experiment when control read it"
            if reason:
                yield f"{path}: this kill file stops nothing ({reason})"


def read_kill(path: Path) -> KillFile:
    """What the file records; for an unreadable one its owner and its time. Raises `OSError` if there is no file."""
    status = path.stat()
    experiment = experiment_of(path.name) or ""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError), path.open("rb") as file:
        kill = msgspec.json.decode(file.read(MOST_BYTES), type=KillFile)
        if kill.experiment == experiment and _is_sound(kill):
            return kill
    return KillFile(experiment, status.st_mtime_ns // 1000, local_actor(status.st_uid), UNREADABLE)


def standing_kill(folder: Path, experiment: Experiment) -> KillFile | None:
    """The oldest kill that stops the experiment in the workers and is not recorded; ``None`` without one."""
    with suppress(OSError):
        paths = [path for path in standing_kills(folder) if experiment_of(path.name) == experiment.name]
        if experiment.state in CAN_BE_KILLED and paths:
            return min(map(read_kill, paths), key=lambda kill: kill.at_us)
    return None


def stop_at_once(plan: Plan, names: Collection[str], before: Mapping[str, int]) -> tuple[Plan, dict[str, int]]:
    """The plan in which these experiments are killed, and the segment of each one that is stopped so.

    The plan's hash stays, because records name a plan that was published. ``before``: what was stopped so far. It stays
    stopped until a plan says so itself or has a later segment, because a worker may have refused such a plan.
    """
    stopped = {
        name: experiment.segment
        for name, experiment in plan.experiments.items()
        if experiment.state in CAN_BE_KILLED and (name in names or before.get(name) == experiment.segment)
    }
    killed = {name: replace(plan.experiments[name], state="killed") for name in stopped}
    return replace(plan, experiments={**plan.experiments, **killed}), stopped


def _is_sound(kill: KillFile) -> bool:
    texts = kill.actor.strip(), kill.why.strip()
    return all(texts) and not any(map(has_invisible, texts)) and len(kill.actor) <= MOST_ACTOR
