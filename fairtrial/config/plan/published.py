"""Publishes the plan as one file that is replaced atomically; workers watch it and accept only valid plans."""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.plan.hashes import plain, plan_hash, written_plan_hash
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import PLAN_VERSION, Experiment, Plan, Published, Route, reachable
from fairtrial.safe_files import write_private

FILE_VERSION = 1


class Envelope(msgspec.Struct, frozen=True):
    """The file's content. ``sha256`` covers the bytes of ``published``, so that a damaged file is detected."""

    format: Literal["fairtrial-plan"]
    version: int
    sha256: str
    published: msgspec.Raw


class Content(msgspec.Struct, frozen=True):
    """The published content, with the plan's JSON as written."""

    plan: msgspec.Raw


class PlanHeader(msgspec.Struct, frozen=True):
    """The fields that every version of the file starts with."""

    format: str = ""
    version: int = 0


def publish(path: Path, published: Published) -> None:
    """Replace the file: readers see the complete old plan or the complete new one. Mode 0600, synced to disk.

    Raises `PlanRefused` for an invalid plan or a wrong ``plan_hash``, and `OSError` if the file can't be written. The
    old file stays in both cases.
    """
    _validate(path, published, plan_hash(published.plan))
    payload = msgspec.json.encode(plain(published))
    envelope = Envelope(
        format="fairtrial-plan",
        version=FILE_VERSION,
        sha256=hashlib.sha256(payload).hexdigest(),
        published=msgspec.Raw(payload),
    )
    write_private(path, msgspec.json.encode(envelope) + b"\n")


def as_written(published: Published) -> Published:
    """What `read` returns of it: without the fields that only control reads."""
    return msgspec.json.decode(msgspec.json.encode(plain(published)), type=Published)


def read(path: Path) -> Published:
    """The plan in the file; raises `PlanRefused` for anything invalid, including a missing file.

    Fields that a newer program added are ignored, but the hash covers them, because it is computed over the plan as
    written. So a newer control process can still stop an experiment in older workers.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PlanRefused(f"{path}: can't be read ({error.strerror})") from error
    published, written = _decode(path, content)
    _validate(path, published, written)
    return published


def _decode(path: Path, content: bytes) -> tuple[Published, str]:
    """The content of the file, and the hash of its plan as written."""
    try:
        header = msgspec.json.decode(content, type=PlanHeader)
        if header.format == "fairtrial-plan" and header.version != FILE_VERSION:
            raise PlanRefused(f"{path}: version {header.version} of the file can't be read (known: {FILE_VERSION})")
        envelope = msgspec.json.decode(content, type=Envelope)
        if hashlib.sha256(bytes(envelope.published)).hexdigest() != envelope.sha256:
            raise PlanRefused(f"{path}: the content does not match its checksum")
        inner = msgspec.json.decode(envelope.published, type=Content)
        return msgspec.json.decode(envelope.published, type=Published), written_plan_hash(bytes(inner.plan))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanRefused(f"{path}: not a published plan ({error})") from error


def _validate(path: Path, published: Published, expected: str) -> None:
    plan = published.plan
    try:
        refuse_unsound(plan)
    except PlanRefused as error:
        raise PlanRefused(f"{path}: {error}") from error
    if plan.plan_hash != expected:
        raise PlanRefused(f"{path}: plan_hash {plan.plan_hash!r} does not match the plan ({expected})")


def refuse_unsound(plan: Plan) -> None:
    """Raise `PlanRefused` with everything that is wrong; return if the plan is valid."""
    wrong = [*_version(plan), *_routes(plan), *_experiments(plan)]
    if wrong:
        raise PlanRefused("plan: " + "; ".join(wrong))


def _version(plan: Plan) -> Iterator[str]:
    if plan.version != PLAN_VERSION:
        yield f"version {plan.version} can't be read here (known: {PLAN_VERSION})"


def _routes(plan: Plan) -> Iterator[str]:
    for name, route in plan.routes.items():
        if (route.deployment is None) == (route.experiment is None):
            yield f"routes.{name} must lead to one deployment or one experiment"
        if route.experiment is not None and route.experiment not in plan.experiments:
            yield f"routes.{name} leads to the experiment {route.experiment!r}, which does not exist"
        yield from _unknown_deployments(plan, f"routes.{name}", [route.deployment, *route.fallbacks])
        if route.data == "internal":
            yield from _leaks(plan, route)


def _leaks(plan: Plan, route: Route) -> Iterator[str]:
    for deployment in reachable(plan, route):
        if deployment in plan.deployments and plan.deployments[deployment].external:
            yield f"routes.{route.name} has internal data but can reach the external deployment {deployment!r}"


def _experiments(plan: Plan) -> Iterator[str]:
    for name, experiment in plan.experiments.items():
        where = f"experiments.{name}"
        variants = [variant.name for variant in experiment.variants]
        if experiment.control not in variants:
            yield f"{where}: the control {experiment.control!r} is not one of its variants"
        if variants != sorted(set(variants)):
            yield f"{where}: the variants are not in the order of their names, each once"
        if not 0 <= experiment.stage <= 100:
            yield f"{where}: the stage {experiment.stage:g} is not a percentage"
        if experiment.serves is not None and (experiment.serves not in variants or experiment.state != "ended"):
            yield f"{where}: {experiment.serves!r} can't serve everyone (only a variant can, once the experiment ended)"
        yield from _shares(where, experiment)
        for variant in experiment.variants:
            yield from _unknown_deployments(plan, where, [variant.deployment, *variant.fallbacks])


def _shares(where: str, experiment: Experiment) -> Iterator[str]:
    total = sum((Decimal(repr(variant.weight)) for variant in experiment.variants), Decimal())
    if total != 100 or any(variant.weight <= 0 for variant in experiment.variants):
        yield f"{where}: the shares must be above 0 and add up to 100, not {total:f}"


def _unknown_deployments(plan: Plan, where: str, names: list[str | None]) -> Iterator[str]:
    for name in names:
        if name is not None and name not in plan.deployments:
            yield f"{where} names the deployment {name!r}, which does not exist"
