"""Checks the lineage of deployments: the base agrees with the parent, and the files are inside the project."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.project_files import WHERE
from fairtrial.config.file.schema import DeploymentSection, ProjectFile
from fairtrial.config.file.yaml_file import Step
from fairtrial.domain.training_data import Lineage

Place = tuple[Step, ...]
MISSING = "so the gate rule 'data.audit clean' cannot pass"


def wrong_lineage(file: ProjectFile, root: Path) -> Iterator[FieldError]:
    """Bases that differ from the parent, files outside the project's folder, and files that are named twice."""
    for name, deployment in file.deployments.items():
        if deployment.training is None:
            continue
        place: Place = ("deployments", name, "training")
        yield from _base(place, deployment, deployment.training, file)
        yield from _outside(place, deployment.training, root)
        yield from _twice(place, deployment.training)
        yield from _waivers(place, deployment.training)


def lineage_warnings(file: ProjectFile, root: Path) -> Iterator[FieldError]:
    """Files that don't exist, and expired waivers. Serving does not need them, so they are no errors."""
    today = datetime.now(UTC).date()
    for name, deployment in file.deployments.items():
        if deployment.training is None:
            continue
        for place, path in _files(("deployments", name, "training"), deployment.training):
            if not (root / path).is_file():
                wrong = f"there is no file {path!r}"
                yield FieldError(place, wrong if place[3] == "log" else f"{wrong}, {MISSING}", _near(path, root))
        for at, waiver in enumerate(deployment.training.waivers):
            if waiver.expired(today):
                where: Place = ("deployments", name, "training", "waivers", at, "until")
                wrong = f"the waiver of {waiver.subject} by {waiver.owner} expired after {waiver.until}"
                yield FieldError(where, wrong, "look at the findings again, then remove or renew it")


def _files(place: Place, training: Lineage) -> Iterator[tuple[Place, str]]:
    for key, paths in (("data", training.data), ("validation", training.validation)):
        yield from (((*place, key, at), path) for at, path in enumerate(paths))
    if training.log is not None:
        yield (*place, "log"), training.log


def _base(place: Place, deployment: DeploymentSection, training: Lineage, file: ProjectFile) -> Iterator[FieldError]:
    parent, base = deployment.parent, training.base
    if parent is None:
        if not base:
            yield FieldError((*place, "base"), "is missing, because the deployment has no parent", "parent: DEPLOYMENT")
        elif base in file.deployments:
            yield FieldError(
                (*place, "base"),
                f"{base!r} is a deployment, but 'parent' is missing",
                f"beside training: parent: {base}",
            )
        return
    named = file.deployments.get(parent)
    if not base or named is None:  # an unknown parent is reported by itself
        return
    model = named.model
    known = (parent, model, model.partition("/")[2])
    if base not in known:
        problem = f"{base!r} differs from the parent {parent!r}"
        yield FieldError((*place, "base"), problem, f"write {parent}, {model}, or leave it out")


def _outside(place: Place, training: Lineage, root: Path) -> Iterator[FieldError]:
    top = os.path.realpath(root)
    for where, path in _files(place, training):
        try:
            inside = Path(os.path.realpath(root / path)).is_relative_to(top)
        except ValueError:  # a path that no file can have
            inside = False
        if not inside:
            yield FieldError(where, f"{path!r} is outside the project's folder", WHERE)


def _twice(place: Place, training: Lineage) -> Iterator[FieldError]:
    seen: set[str] = set()
    for where, path in _files(place, training):
        if where[3] == "log":
            continue
        if (plain := os.path.normpath(path)) in seen:
            yield FieldError(where, f"{path!r} is named twice", "a file is either training or validation data")
        seen.add(plain)


def _waivers(place: Place, training: Lineage) -> Iterator[FieldError]:
    """Waivers that name both rows and all findings, or neither."""
    for at, waiver in enumerate(training.waivers):
        if waiver.all == bool(waiver.rows):
            wrong = "names rows and all findings" if waiver.all else "names no row"
            yield FieldError((*place, "waivers", at), wrong, "write rows: [LINE:DIGEST, …], or all: true")


def _near(path: str, root: Path) -> str:
    """The most similar file names of the same folder."""
    folder = (root / path).parent
    try:
        names = sorted(file.name for file in folder.iterdir() if file.is_file())[:1000]
    except OSError:
        return f"there is no folder {os.path.relpath(folder, root)!r}"
    near = get_close_matches(Path(path).name, names, n=1, cutoff=0.5)
    return f"did you mean {(Path(path).parent / near[0]).as_posix()!r}?" if near else "paths are relative to this file"
