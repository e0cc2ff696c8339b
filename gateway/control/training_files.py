"""Reads the files of training data as they are now: as evidence, and the rows that a stored audit names."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.audit_report import AUDIT_VERSION
from evaluators.training_data.example_file import ExampleFile, joined_rows, read_examples
from evaluators.training_data.rewriting.fix import SUGGESTED, FixOptions, fix_examples
from evaluators.training_data.row_texts import texts_of
from fairtrial.api.data_audits import AuditBefore, AuditDetails, AuditedRows, FixedCopy, RowsChange, RowsOf, ShownAudit
from fairtrial.config.file.project_files import open_file
from fairtrial.domain.errors import BadRequest, Conflict, NotFound
from fairtrial.domain.plan import Plan
from fairtrial.domain.training_data import AuditFinding, DataAudit, DataRole, PresentFile, TrainingEvidence
from fairtrial.named_files import MOST_NAMED_BYTES
from fairtrial.safe_files import MIB, FileRefused, refuse_larger
from fairtrial.store import data_audits
from fairtrial.store.core.database import Database
from gateway.control.present import deployment_of

CHUNK = 1 << 20
MOST_BYTES = 256 * MIB
"""The largest file whose rows are shown, because control reads it as a whole."""
CHANGED = "the file has changed since the audit; audit it again"


def read_training_evidence(
    database: Database, plan: Plan, root: Path | None, candidate: str, *, audited: bool
) -> TrainingEvidence:
    """The evidence on the training data of a candidate's deployment; raises `StoreError`.

    ``root``: the project's folder, ``None`` if it is unknown. ``audited``: whether to read the files and their audit.
    A file that can't be read is part of the evidence.
    """
    deployment = deployment_of(plan, candidate)
    lineage = plan.deployments[deployment].lineage
    if lineage is None or not audited:
        return TrainingEvidence(deployment, lineage, AUDIT_VERSION)
    files = tuple(present_file(root, role, path) for role, path in lineage.files())
    readable = not any(file.wrong for file in files)
    audit = data_audits.newest_of_data(database, ((file.role, file.sha256) for file in files)) if readable else None
    earlier = data_audits.newest_of_deployment(database, deployment) if audit is None else None
    return TrainingEvidence(deployment, lineage, AUDIT_VERSION, files, audit, earlier)


def present_file(root: Path | None, role: DataRole, path: str, *, most: int = MOST_NAMED_BYTES) -> PresentFile:
    """The file as it is now, if it has at most so many bytes."""
    if root is None:
        return PresentFile(path, role, wrong="can't be found, because the project file can't be read")
    try:
        return PresentFile(path, role, _sha256(root / path, root, most))
    except FileRefused as error:
        return PresentFile(path, role, wrong=error.wrong)


def _sha256(path: Path, root: Path, most: int) -> str:
    digest = hashlib.sha256()
    with open_file(path, root) as opened:
        refuse_larger(opened, most)
        while part := os.read(opened, CHUNK):
            digest.update(part)
    return digest.hexdigest()


def described(audit: DataAudit, previous: DataAudit | None, findings: Sequence[AuditFinding]) -> AuditDetails:
    """An audit with its findings, what each check looks for, and the difference to the previous audit."""
    known = set(CHECKS.names())
    return AuditDetails(
        audit=ShownAudit(**msgspec.structs.asdict(audit), clean=audit.clean),
        previous=None if previous is None else AuditBefore(audit_id=previous.audit_id, at_us=previous.at_us),
        findings=list(findings),
        checks={name: CHECKS.get(name).summary for name in sorted({finding.check for finding in findings} & known)},
        difference=[] if previous is None else difference(previous, audit),
        repairs=list(SUGGESTED),
    )


def difference(before: DataAudit, now: DataAudit) -> list[RowsChange]:
    """What the checks find in another number of rows than before, and the files that changed."""
    old, new = ({(count.check, count.severity): count.rows for count in audit.counts} for audit in (before, now))
    differences = [
        RowsChange(what=f"{check} ({severity})", before=old.get((check, severity)), now=new.get((check, severity)))
        for check, severity in dict.fromkeys((*new, *old))
        if old.get((check, severity)) != new.get((check, severity))
    ]
    was, is_now = ({file.path: file for file in audit.files} for audit in (before, now))
    for path in dict.fromkeys((*is_now, *was)):
        earlier, later = was.get(path), is_now.get(path)
        if earlier is None or later is None or earlier.sha256 != later.sha256:
            before_rows, now_rows = (None if file is None else file.rows for file in (earlier, later))
            differences.append(RowsChange(what=f"rows of {path}", before=before_rows, now=now_rows))
    return differences


def row_groups(
    plan: Plan, root: Path | None, audit: DataAudit, findings: Sequence[AuditFinding], request: RowsOf
) -> AuditedRows:
    """One page of a finding's rows with their masked texts; those that belong together as one group."""
    if request.finding >= len(findings):
        raise NotFound(f"the audit has no finding {request.finding}")
    finding = findings[request.finding]
    groups = _groups(finding)
    page = list(islice(groups, request.offset, request.offset + request.limit))
    numbers = dict.fromkeys(position for group in page for position, _ in group)
    files = {position: read_audited(plan, root, audit, position) for position in numbers if _is_data(audit, position)}
    names = {position: str(file.path) for position, file in files.items()}
    texts = texts_of(files.values(), ((names[at], line) for group in page for at, line in group if at in names))
    shown = [
        [
            replace(texts[names[at], line], file=audit.files[at].path)
            for at, line in group
            if (names.get(at), line) in texts
        ]
        for group in page
    ]
    return AuditedRows(groups=shown, total=len(groups))


def _groups(finding: AuditFinding) -> list[tuple[tuple[int, int], ...]]:
    grouped = {place for group in finding.groups for place in group}
    alone = ((finding.file, line) for line in finding.lines)
    return [*finding.groups, *((place,) for place in alone if place not in grouped)]


def _is_data(audit: DataAudit, position: int) -> bool:
    """Whether the file is training data; the cases of a suite are not rows of a file."""
    return position < len(audit.files) and audit.files[position].role != "suite"


def read_audited(plan: Plan, root: Path | None, audit: DataAudit, position: int) -> ExampleFile:
    """The file of an audit, if the lineage names it and its bytes are those that were audited; raises `Conflict`."""
    if not _is_data(audit, position):
        raise NotFound(f"the audit has no file of training data {position}")
    file = audit.files[position]
    deployment = plan.deployments.get(audit.deployment or "")
    named = deployment and deployment.lineage and (file.role, file.path) in deployment.lineage.files()
    if not named or root is None or file.role == "suite":
        raise Conflict(f"{file.path}: the project does not name the file as {file.role} data of {audit.deployment}")
    present = present_file(root, file.role, file.path, most=MOST_BYTES)
    if present.wrong:
        raise Conflict(f"{file.path}: {present.wrong}")
    if present.sha256 != file.sha256:
        raise Conflict(f"{file.path}: {CHANGED}")
    read = read_examples(root / file.path)
    if read.sha256 != file.sha256:
        raise Conflict(f"{file.path}: {CHANGED}")
    return read


def fixed_copy(plan: Plan, root: Path | None, audit: DataAudit, request: FixedCopy) -> tuple[bytes, dict[str, int]]:
    """A cleaned copy of a file, and how many rows each repair changed; raises `BadRequest` for an unknown repair."""
    unknown = set(request.apply) - set(SUGGESTED)
    if unknown:
        raise BadRequest(f"apply: {min(unknown)!r} is not a repair (known: {', '.join(SUGGESTED)})")
    file = read_audited(plan, root, audit, request.file)
    held_out = (
        [
            read_audited(plan, root, audit, at)
            for at, audit_file in enumerate(audit.files)
            if audit_file.role == "validation"
        ]
        if "leaked" in request.apply and audit.files[request.file].role == "train"
        else []
    )
    fixed = fix_examples(file, FixOptions(apply=frozenset(request.apply), against=tuple(held_out)))
    return joined_rows(fixed.rows.values()), fixed.counts
