"""The steps to a first verdict are those of what the project declares, and of what its store has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.suite import Suite
from fairtrial.api.operation import Nothing
from fairtrial.api.verdicts import FirstStep
from fairtrial.domain.events import RequestEvent
from gateway.control.background.background_work import BackgroundWork
from gateway.control.context import COMMAND_LINE, Context
from gateway.control.operations import verdicts
from tests.fixtures.control.judging import GATE, bring, bring_runs
from tests.fixtures.store import samples

REVIEW = "require: [review.preference not worse than base by 5pp with 20 pairs]\n"
LIVE = "experiment: candidate\nrequire: [live.guardrails hold]\n"


def steps(background: BackgroundWork) -> dict[str, FirstStep]:
    background.read_files()
    context = Context(background, COMMAND_LINE)
    return {step.title: step for step in verdicts.first(context, Nothing())}


def declare(config: Path, gate: str) -> None:
    """Declare an official gate."""
    (config.parent / "release.gate.yaml").write_text(gate)
    if "releases:" not in config.read_text():
        config.write_text(config.read_text() + "releases: {gate: release.gate.yaml}\n")


def asked(number: int, deployment: str, **attempt: Any) -> RequestEvent:
    """A request that a suite sent."""
    attempts = (samples.attempt_of(number, deployment=deployment, **attempt),)
    return samples.record(number, reason="forced", attempts=attempts)


def undone(background: BackgroundWork) -> list[str]:
    return [title for title, step in steps(background).items() if not step.done]


def test_a_project_without_an_official_gate_is_shown_the_lines_of_one(background: BackgroundWork) -> None:
    assert undone(background) == ["A gate decides"]
    assert "releases: {gate: release.gate.yaml}" in steps(background)["A gate decides"].lines
    assert steps(background)["Two models are declared"].known == "base and tuned-vs-base/tuned"


def test_a_project_with_one_model_is_shown_the_lines_of_a_second_one(background: BackgroundWork, config: Path) -> None:
    config.write_text("version: 1\ndeployments: {base: {model: openai/base, base_url: http://127.0.0.1:9/v1}}\n")
    assert undone(background) == ["Two models are declared", "A gate decides"]
    assert "parent: base" in steps(background)["Two models are declared"].lines


def test_a_gate_with_an_error_is_checked_first(background: BackgroundWork, config: Path) -> None:
    declare(config, GATE)
    step = steps(background)["A gate decides"]
    assert (
        not step.done and step.lines == "fairtrial check release.gate.yaml" and "'small' does not exist" in step.known
    )


def test_a_gate_on_suites_needs_their_runs_and_then_judges(
    background: BackgroundWork, config: Path, suite: Suite
) -> None:
    config.write_text(config.read_text().replace(", system_prompt: prompt.md", ""))
    declare(config, GATE)
    step = steps(background)["Both models have answered the suites"]
    assert (step.known, step.lines) == ("Missing: small.", "fairtrial eval suite.yaml --on base,tuned")
    bring_runs(background, suite, 80)
    bring(background, asked(1, "base"), asked(2, "tuned"))
    assert undone(background) == ["An application sends requests", "A verdict"]
    assert not steps(background)["An application sends requests"].needed
    judge = steps(background)["A verdict"].judge
    assert judge is not None and (judge.candidate, judge.baseline) == ("tuned", "base")


def test_lines_on_reviews_and_live_traffic_add_their_steps(
    background: BackgroundWork, config: Path, suite: Suite
) -> None:
    declare(config, GATE + REVIEW)
    review = steps(background)["People have compared answers"]
    assert review.known == "0 of 20 pairs" and review.lines.startswith("fairtrial review enqueue small --candidate ")
    assert steps(background)["A verdict"].judge is None
    declare(config, GATE + LIVE)
    assert steps(background)["An application sends requests"].needed
    bring(background, samples.record(1))
    assert "An application sends requests" not in undone(background)


def test_a_model_that_has_only_failed_is_named_with_its_error(
    background: BackgroundWork, config: Path, suite: Suite
) -> None:
    declare(config, GATE)
    failed = asked(1, "base", outcome="failed", status=None, error_message="connection refused")
    bring(background, failed, asked(2, "tuned"))
    step = steps(background)["Both models answer"]
    assert not step.done and step.known == "base has failed: connection refused"


def test_a_run_of_another_definition_of_the_model_is_missing_again(
    background: BackgroundWork, config: Path, suite: Suite
) -> None:
    config.write_text(config.read_text().replace(", system_prompt: prompt.md", ""))
    declare(config, GATE)
    bring_runs(background, suite, 80)
    title = "Both models have answered the suites"
    assert steps(background)[title].done
    config.write_text(config.read_text().replace("openai/tuned", "openai/tuned-2"))
    assert not steps(background)[title].done


def test_a_trial_without_two_different_targets_compares_other_deployments(
    background: BackgroundWork, config: Path
) -> None:
    config.write_text(config.read_text().replace("{deployment: tuned, system_prompt: prompt.md}", "{deployment: base}"))
    assert steps(background)["Two models are declared"].known == "base and tuned"


def test_a_gate_without_suites_needs_no_run(background: BackgroundWork, config: Path) -> None:
    declare(config, "version: 1\ngate: release\n" + REVIEW)
    assert undone(background) == ["People have compared answers", "An application sends requests", "A verdict"]
