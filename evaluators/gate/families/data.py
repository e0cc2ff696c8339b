"""Judges `data.audit clean` on the newest audit of exactly those files that the candidate's lineage names."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches

from evaluators.criteria.grammar import GateLine, State
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.multiplicity import RuleResult
from fairtrial.config.plan.retirement import today_utc
from fairtrial.domain.training_data import DataAudit, Lineage, PresentFile, TrainingEvidence
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted

METRIC = "data.audit"
MOST_NAMED = 3
NOT_AVAILABLE = "this version cannot decide it, so a gate with this line never returns SHIP"
WITHOUT = "remove the line to ship without it"
"""What the earlier version found that could not decide the line; its verdicts are recomputed with the same words."""


def _validate(line: GateLine) -> tuple[str, str] | None:
    if line.metric != METRIC:
        near = get_close_matches(line.metric, [METRIC], n=1)
        return f"training data has no {line.metric!r}", f"did you mean {METRIC!r}?" if near else f"known: {METRIC}"
    if not isinstance(line.test, State) or line.test.word != "clean" or line.scope or line.with_count is not None:
        return "an audit can only be required to be clean", f"write: {METRIC} clean"
    return None


def _judge(line: ExternalLine) -> RuleResult:
    trial = line.trial
    return RuleResult(judge_audit(line.text, line.gate.name, trial.training, trial.now_us))


family = JudgedFamily("the training data", _validate, judge=_judge)


def judge_audit(text: str, source: str, training: TrainingEvidence | None, now_us: int | None = None) -> Finding:
    """The finding of a line. ``training`` is ``None`` only in evidence of a version that could not decide it."""
    result, sentence, needed = _judged(training, now_us)
    return Finding(text, source, result, sentence, needed, METRIC)


def _judged(training: TrainingEvidence | None, now_us: int | None) -> tuple[Result, str, str]:
    if training is None:
        return "cannot tell", f"{METRIC}: {NOT_AVAILABLE}", WITHOUT
    name, again = training.deployment, audit_command(training.deployment)
    if training.lineage is None:
        sentence = f"{name} declares no training data, so no audit belongs to it"
        return "cannot tell", sentence, f"declare deployments.{name}.training in fairtrial.yaml, then run: {again}"
    unreadable = [file for file in training.files if file.wrong]
    if unreadable:
        return "cannot tell", f"training data of {name}: {_wrong(unreadable)}", f"restore it, then run: {again}"
    audit = training.audit
    if audit is None:
        return "cannot tell", _not_audited(training), again
    if audit.version != training.audit_version:
        sentence = f"the training data of {name} was audited by version {audit.version} of the checks"
        return "cannot tell", f"{sentence}, and the present version is {training.audit_version}", again
    void = next(_void(audit, training.lineage, now_us), None)
    if void is not None:
        return "cannot tell", f"the audit of the training data of {name} rests on {void}", again
    finds = f"the audit of the training data of {name} finds"
    size = f"({_size(audit)}, {_day(audit)})"  # last, because a headline ends a finding at its bracket
    if audit.clean:
        # Audits of earlier releases had neither suggestions nor waivers; their verdicts recompute with the same words.
        later = bool(audit.waived) or any(count.severity == "suggestion" for count in audit.counts)
        nothing = "no error and no warning" if later else "nothing above info"
        return "pass", f"{finds} {nothing}{_waived(audit)} {size}", ""
    return (
        "fail",
        f"{finds} {_issues(audit)}{_waived(audit)} {size}",
        f"see the rows with: {audit_command(name, audit.suites)}",
    )


def audit_command(deployment: str, suites: Iterable[str] = ()) -> str:
    """The command that audits a deployment's lineage and stores the result."""
    compared = "".join(f" --suite {shlex.quote(suite)}" for suite in sorted(suites))
    return f"fairtrial data audit --deployment {shlex.quote(deployment)}{compared}"


def _wrong(files: Iterable[PresentFile]) -> str:
    return "; ".join(f"{file.path} {file.wrong}" for file in files)


def _not_audited(training: TrainingEvidence) -> str:
    """Why no audit counts: there is none, or the files differ from those that were audited."""
    name, earlier = training.deployment, training.earlier
    if earlier is None:
        return f"the training data of {name} has not been audited"
    changes = list(_changes(training.files, earlier))
    return f"the training data of {name} differs from its audit of {_day(earlier)}: {'; '.join(changes[:MOST_NAMED])}"


def _changes(present: Iterable[PresentFile], earlier: DataAudit) -> Iterator[str]:
    before = {(file.role, file.path): file.sha256 for file in earlier.files if file.role != "suite"}
    for file in present:
        sha256 = before.pop((file.role, file.path), None)
        if sha256 is None:
            yield f"{file.path} was not audited as {file.role} data"
        elif sha256 != file.sha256:
            yield f"{file.path} has changed"
    yield from (f"{path} is no longer {role} data" for role, path in before)


def _issues(audit: DataAudit) -> str:
    """``1 error and 2 warnings: wrong_pattern in 96 rows, …``, or why it is not clean without any."""
    if not audit.problems:
        return "no training example"
    numbers: Counter[str] = Counter()
    for problem in audit.problems:
        numbers[problem.severity] += problem.issues
    kinds = " and ".join(counted(number, severity) for severity, number in numbers.items())
    named = [f"{count.check} in {counted(count.rows, 'row')}" for count in audit.problems]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"{kinds}: {', '.join(named[:MOST_NAMED])}{more}"


def _void(audit: DataAudit, lineage: Lineage, now_us: int | None) -> Iterator[str]:
    """The waivers of the audit that do not hold: the lineage no longer declares them, or they have expired."""
    for waiver in audit.waivers:
        if waiver not in lineage.waivers:
            yield f"a waiver of {waiver.subject} that fairtrial.yaml does not declare"
        elif now_us is not None and waiver.expired(today_utc(now_us)):
            yield f"a waiver of {waiver.subject} that expired after {waiver.until}"


def _waived(audit: DataAudit) -> str:
    """``, besides completions in 3 rows, waived by Rosa: …``."""
    return "".join(f", {'and' if at else 'besides'} {part.says}" for at, part in enumerate(audit.waived))


def _size(audit: DataAudit) -> str:
    rows = sum(file.rows for file in audit.files if file.role != "suite")
    suites = "" if audit.suites else ", compared with no suite"
    return f"{counted(rows, 'row')} in {counted(len(audit.digests), 'file')}{suites}"


def _day(audit: DataAudit) -> str:
    return f"{datetime.fromtimestamp(audit.at_us / 1e6, UTC):%Y-%m-%d}"
