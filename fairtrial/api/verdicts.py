"""Declares the operations on verdicts: judge, list, show, approve, recompute, verify and export."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fairtrial.api.alarms import Reason
from fairtrial.api.operation import Nothing, Operation, Request, Text, Window
from fairtrial.api.verdict_answers import (
    AroundVerdict,
    Integrity,
    NewestVerdict,
    Recomputation,
    ReleaseRecord,
    ReportFile,
    VerdictRow,
    Votes,
)
from fairtrial.domain.verdicts.approvals import ApprovalVote
from fairtrial.domain.verdicts.verdict import MOST_SUITES, Verdict

LARGEST_GATE = 32_768
"""Letters of a gate's text."""
JUDGE_SECONDS = 3600.0
"""A gate with many lines on large runs takes minutes, and may wait for other gates."""
JUDGING = "judging"
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, Meta(max_length=200, pattern=PRINTABLE)]
Label = Annotated[str, Meta(max_length=4096, pattern=PRINTABLE)]
Form = Literal["json", "junit", "markdown"]


class SuiteReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A suite that the gate lists, identified among the stored ones by its digests."""

    suite: Name
    digest: Annotated[Name, Meta(description="the suite's digest, as in its runs")]
    text_digest: (
        Annotated[
            Name,
            Meta(description="SHA-256 of the suite's text including its gate lines; default: the newest stored text"),
        ]
        | None
    ) = None
    listed: Annotated[Label, Meta(description="how the gate lists it, if not by its name")] | None = None
    file: (
        Annotated[
            Label, Meta(description="the caller's path of the suite, shown in suggested commands and never opened")
        ]
        | None
    ) = None


class Judge(Request, frozen=True, kw_only=True):
    """The request: a gate's text, the suites that it lists, the candidate and the baseline."""

    gate: Annotated[str, Meta(max_length=LARGEST_GATE, description="the text of the gate's file")]
    suites: Annotated[tuple[SuiteReference, ...], Meta(max_length=MOST_SUITES)] = ()
    candidate: Name
    baseline: Name
    successors: Annotated[
        int,
        Meta(ge=1, le=16, description="how many candidates are judged together; each gets this part of the error rate"),
    ] = 1
    baseline_runs: Annotated[
        tuple[Name, ...],
        Meta(max_length=MOST_SUITES, description="kept runs of the baseline to judge by, whose age does not count"),
    ] = ()

    def __post_init__(self) -> None:
        known: dict[str, tuple[str, str | None]] = {}
        for suite in self.suites:
            digests = suite.digest, suite.text_digest
            if known.setdefault(suite.suite, digests) != digests:
                raise ValueError(f"the suite {suite.suite!r} is named with two digests")


class JudgeVariant(Request, frozen=True, kw_only=True):
    """An experiment, and which variant to judge, by default the only treatment."""

    name: str
    variant: Text | None = None


class ListVerdicts(Window, frozen=True, kw_only=True):
    """Verdicts in a time window."""

    gate: str | None = None
    candidate: str | None = None
    findings: bool = False


class NameVerdict(Request, frozen=True, kw_only=True):
    """A verdict."""

    verdict_id: str


class ReportOf(Request, frozen=True, kw_only=True):
    """A verdict, and the form of its report."""

    verdict_id: str
    form: Form


class FirstStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a first verdict needs, and what is known about it. ``needed``: whether the official gate needs it.

    ``lines``: what to copy into a shell or a file. ``page``: the page of the dashboard where it is done instead.
    ``judge``: the request that does it.
    """

    title: str
    known: str
    done: bool = False
    needed: bool = True
    lines: str = ""
    page: str = ""
    judge: Judge | None = None


class Vote(Request, frozen=True, kw_only=True):
    """An approval or a rejection with its reason."""

    verdict_id: str
    vote: ApprovalVote
    why: Reason


listing = Operation(
    name="verdicts.listing",
    method="GET",
    path="/verdicts",
    role="release-manager",
    request=ListVerdicts,
    response=list[VerdictRow],
    kind="table",
    description="Verdicts in a time window, newest first; ``findings`` includes their findings.\n\nJSON rows also have "
    "`reads`, the decision with the state of its approvals, and `stale`, why a SHIP no longer stands.",
)
gates = Operation(
    name="verdicts.gates",
    method="GET",
    path="/gates",
    role="release-manager",
    request=Window,
    response=list[NewestVerdict],
    kind="table",
    description="The newest verdict of each gate and candidate.",
)
one = Operation(
    name="verdicts.one",
    method="GET",
    path="/verdicts/{verdict_id}",
    role="release-manager",
    request=NameVerdict,
    response=Verdict,
    description="One verdict with all its findings.",
)
judge = Operation(
    name="verdicts.judge",
    method="POST",
    path="/verdicts",
    role="release-manager",
    request=Judge,
    response=Verdict,
    status=201,
    seconds=JUDGE_SECONDS,
    in_turn=JUDGING,
    description="Judge a candidate by a gate on the stored runs of its suites, then store and return the verdict.\n\n"
    "No file that the body names is opened. A suite without a stored run is a HOLD; a mistake in the gate is a 400.",
)
judge_variant = Operation(
    name="verdicts.judge_variant",
    method="POST",
    path="/official-verdicts/{name}",
    role="release-manager",
    request=JudgeVariant,
    response=Verdict,
    status=201,
    seconds=JUDGE_SECONDS,
    in_turn=JUDGING,
    description="Judge a variant of the experiment by its official gate, as the gate's file is now, on the stored "
    "runs.",
)
first = Operation(
    name="verdicts.first",
    method="GET",
    path="/first-verdict",
    role="release-manager",
    request=Nothing,
    response=list[FirstStep],
    description="What the project needs for its first verdict by the official gate; empty once it has a verdict.",
)
integrity = Operation(
    name="verdicts.integrity",
    method="GET",
    path="/verdicts/integrity",
    role="release-manager",
    request=Nothing,
    response=Integrity,
    description="Whether all stored verdicts, their evidence and the audit trail are unchanged, and the head of the "
    "chain.",
)
integrity_of = Operation(
    name="verdicts.integrity_of",
    method="GET",
    path="/verdicts/{verdict_id}/integrity",
    role="release-manager",
    request=NameVerdict,
    response=Integrity,
    description="Whether one verdict, its evidence, the chain and the audit trail are unchanged.",
)
record = Operation(
    name="verdicts.record",
    method="GET",
    path="/verdicts/{verdict_id}/record",
    role="release-manager",
    request=NameVerdict,
    response=ReleaseRecord,
    description="One verdict with its approvals, why it may be stale, its place in the hash chain, and where it was "
    "used.",
)
evidence = Operation(
    name="verdicts.evidence",
    method="GET",
    path="/verdicts/{verdict_id}/evidence",
    role="release-manager",
    request=NameVerdict,
    response=bytes,
    kind="file",
    description="Everything that the verdict rests on, as JSON: texts of gate and suites, scores, sums; no unit and no "
    "body.\n\nNumbers that are not finite are the texts `NaN`, `Infinity` and `-Infinity`, because JSON has no such "
    "numbers.",
)
export = Operation(
    name="verdicts.export",
    method="GET",
    path="/verdicts/{verdict_id}/export",
    role="release-manager",
    request=NameVerdict,
    response=bytes,
    kind="file",
    description="One printable HTML page for an auditor, with the stored verdict, its evidence and the hash chain "
    "embedded.",
)
recomputation = Operation(
    name="verdicts.recomputation",
    method="GET",
    path="/verdicts/{verdict_id}/recomputation",
    role="release-manager",
    request=NameVerdict,
    response=Recomputation,
    description="The verdict judged again from its stored evidence; nothing is stored.",
)
around = Operation(
    name="verdicts.around",
    method="GET",
    path="/verdicts/{verdict_id}/around",
    role="release-manager",
    request=NameVerdict,
    response=AroundVerdict,
    description="The runs that it used, who saved it and when, and each finding's interval and limit for a chart.",
)
report = Operation(
    name="verdicts.report",
    method="GET",
    path="/verdicts/{verdict_id}/reports/{form}",
    role="release-manager",
    request=ReportOf,
    response=ReportFile,
    description='The verdict as a report, ``{"file", "text"}``, as `fairtrial gate` writes it.',
)
vote = Operation(
    name="verdicts.vote",
    method="POST",
    path="/verdicts/{verdict_id}/{vote}",
    role="release-manager",
    request=Vote,
    response=Votes,
    description="Approve or reject a verdict as the signed-in person. The last vote of each person counts.",
)
