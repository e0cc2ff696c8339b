"""The only place that knows by which names the program offers its negative controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.control_trials.entry import Label
from evaluators.suite import Suite
from fairtrial.domain.run import CaseResult
from fairtrial.domain.verdicts.verdict import Verdict

try:
    from evaluators.engine.controls import with_controls as _with_controls
except ImportError:
    _with_controls = None

RULE = "negative controls"
"""The rule of the finding that holds back a verdict without a content line."""
ABSENT = "this version has no negative controls (evaluators/engine/controls.py), so no label could be checked"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the program says of a gate; ``wrong``: why it is no answer, such as a verdict that would not be SHIP.

    ``lines``: rule and kind of each line. ``shuffled`` and ``empty``: the decisions on the replaced answers.
    """

    label: Label | None = None
    wrong: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    shuffled: str = ""
    empty: str = ""


def exists() -> bool:
    return _with_controls is not None


def with_controls(suite: Suite, results: Sequence[CaseResult]) -> tuple[CaseResult, ...]:
    """The results with the scores of the replacements, or as they are where the program has none."""
    return tuple(results) if _with_controls is None else tuple(_with_controls(suite, results))


def opinion(verdict: Verdict) -> Opinion:
    """Content if a line is, else form; the decision has to follow from it."""
    controls = getattr(verdict, "controls", None)
    if controls is None:
        said = "the verdict has no controls" if verdict.decision == "SHIP" else _against(verdict)
        return Opinion(wrong=said)
    lines = tuple((line.rule, line.kind) for line in controls.lines)
    label: Label = "content" if any(kind == "content" for _, kind in lines) else "form"
    held = any(finding.decisive and finding.rule == RULE for finding in verdict.findings)
    follows = (label, verdict.decision, held) in (("content", "SHIP", False), ("form", "HOLD", True))
    wrong = "" if follows else f"{label}, and yet {verdict.headline}"
    return Opinion(label, wrong, lines, str(controls.shuffled), str(controls.empty))


def _against(verdict: Verdict) -> str:
    """The findings that keep the verdict from SHIP."""
    findings = [finding for finding in verdict.findings if finding.decisive and finding.result != "pass"]
    return f"{verdict.decision}: " + "; ".join(f"{finding.rule}: {finding.says}" for finding in findings)
