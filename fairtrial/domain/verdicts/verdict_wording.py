"""Words verdicts for pages, reports and commands: official or not, and what changed without being asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from fairtrial.domain.answers.signals import METRICS, NOTABLE_RULE

UNOFFICIAL = "Unofficial"


def titled(words: str, *, official: bool) -> str:
    """``SHIP, waiting for release-manager`` of the official gate, and ``Unofficial SHIP`` of another gate."""
    return words if official else f"{UNOFFICIAL} {words}"


def approval_of(verdict_id: str, roles: Iterable[str]) -> str:
    """``the approval of release-manager (fairtrial verdict approve ID --why …)``, which a verdict needs."""
    return f"the approval of {' and '.join(roles)} (fairtrial verdict approve {verdict_id} --why …)"


def standing_word(*, official: bool) -> str:
    """``official`` or ``unofficial``, for a column."""
    return "official" if official else UNOFFICIAL.lower()


NOTABLE = ": notable"
NOT_NOTABLE = ": not notable"


class Shown(Protocol):
    """The part of a finding that is needed here."""

    @property
    def metric(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def decisive(self) -> bool: ...


def is_unasked(finding: Shown | Mapping[str, Any]) -> bool:
    """Whether the finding is a signal that no line judges; ``finding`` may be a row of the control API."""
    decisive, metric = _of(finding, "decisive"), _of(finding, "metric")
    return not decisive and metric in METRICS


def unasked_lines(findings: Iterable[Shown | Mapping[str, Any]]) -> list[str]:
    """The block of a report: notable changes, the others of each suite in one line, and the rule; empty without any."""
    return block_lines(str(_of(one, "says")) for one in findings if is_unasked(one))


def block_lines(sentences: Iterable[str]) -> list[str]:
    """The same for the sentences of changes, each of which ends with whether it is notable."""
    says = list(sentences)
    if not says:
        return []
    notable = [one.removesuffix(NOTABLE) for one in says if one.endswith(NOTABLE)]
    others = [one.removesuffix(NOT_NOTABLE).partition(" (")[0] for one in says if not one.endswith(NOTABLE)]
    return [*(f"Notable: {one}." for one in notable), *_by_suite(others), NOTABLE_RULE]


def _by_suite(sentences: Iterable[str]) -> list[str]:
    """A line for each suite that sentences begin with, or one line if they name none."""
    found: dict[str, list[str]] = {}
    for one in sentences:
        suite, colon, rest = one.partition(": ")
        found.setdefault(f" in {suite}" if colon else "", []).append(rest if colon else one)
    return [f"Not notable{where}: {', '.join(parts)}." for where, parts in found.items()]


def _of(finding: Shown | Mapping[str, Any], name: str) -> Any:
    return finding[name] if isinstance(finding, Mapping) else getattr(finding, name)
