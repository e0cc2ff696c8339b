"""The sources of an experiment have shares that add up to 1, and what each of them needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.errors import ConfigError
from fairtrial.experiments.analysis.freeze import declared_fields, freeze
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial_cli.refused_projects import refuse_project
from tests.fixtures.services.projects import errors, project

SHADOW = "    shadow: {variant: tuned, percent: 5, limit: {requests_per_day: 500}, max_concurrency: 8}\n"


def sources(written: str, *, shadow: bool = True) -> tuple[str, str]:
    return SHADOW, f"{SHADOW if shadow else ''}    sources: {written}\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (sources("{split: 0.5, shadow.refusal: 0.4}"), "the shares must add up to 1, not 0.9 (0.5 + 0.4)"),
        (sources("{shadow.refusal: 1}"), "the users of the split have no share (add split)"),
        (sources("{split: 0.5, shadow.refusal: 0.5}", shadow=False), "so there are no pairs (declare shadow:)"),
        (sources("{split: 0.5, suite.general: 0.5}"), "a suite can't be a source in this version (write its line"),
        (sources("{split: 0.5, shadow.length: 0.5}"), "length is neither better nor worse if it is longer"),
        (sources("{split: 0.5, judge: 0.5}"), "the source 'judge' does not exist"),
        (sources("{split: 1.5}"), "less than or equal to 1"),
    ],
)
def test_sources_without_what_they_need_are_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (error,) = errors(tmp_path, change)
    assert "experiments.tuned-vs-base.sources" in error and message in error


def test_sources_answer_better_for_one_treatment(tmp_path: Path) -> None:
    found = errors(tmp_path, sources("{split: 1}"), ("require: superior", "require: not_worse"))
    assert len(found) == 1 and "declare primary with require: superior" in found[0]
    third = ("      base:  {deployment: base}", "      base:  {deployment: base}\n      other: {deployment: cloud}")
    found = errors(
        tmp_path, sources("{split: 1}"), third, ("{base: 50, tuned: 50}", "{base: 50, tuned: 25, other: 25}")
    )
    assert any("sources compare one treatment with the control" in error for error in found)


def test_a_scorer_that_the_route_does_not_have_is_refused(tmp_path: Path) -> None:
    known = project(tmp_path, sources("{split: 0.5, shadow.refusal: 0.5}"))
    refuse_project(known.path, known)
    unknown = project(tmp_path, sources("{split: 0.5, shadow.polite: 0.5}"))
    with pytest.raises(ConfigError, match="support-bot has no scorer 'polite'"):
        refuse_project(unknown.path, unknown)
    route = ("fallback: base,", "fallback: base, scorers: [{contains: {any: [x], name: polite}}],")
    declared = project(tmp_path, sources("{split: 0.5, shadow.polite: 0.5}"), route)
    refuse_project(declared.path, declared)


def test_a_plan_without_sources_is_stored_and_hashed_as_before(tmp_path: Path) -> None:
    before, after = (
        project(tmp_path, *changes).plan.experiments["tuned-vs-base"]
        for changes in ((), (sources("{split: 0.8, shadow.refusal: 0.2}"),))
    )
    assert before.analysis_hash != after.analysis_hash
    assert not any(name.startswith("sources") for name in declared_fields(before))
    plan = project(tmp_path).plan
    frozen = freeze(plan, before, 0)
    assert "sources" not in frozen.stored() and frozen.alpha_primary == 0.05
    plan = project(tmp_path, sources("{split: 0.8, shadow.refusal: 0.2}")).plan
    mixed = freeze(plan, after, 0)
    assert AnalysisPlan.restored(mixed.stored()) == mixed and mixed.alpha_primary == pytest.approx(0.04)
    assert mixed.planned_units is not None and frozen.planned_units is not None
    assert mixed.planned_units > frozen.planned_units
