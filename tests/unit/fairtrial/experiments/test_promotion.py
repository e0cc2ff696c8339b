"""A promotion serves one definition until the file says the same, and tells which lines say it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fairtrial.config.plan.live_state import Live, lay_over
from fairtrial.config.project import load_project
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.frozen_guard import refused_changes
from fairtrial.experiments.promotion import chosen_treatment, definition, file_edit
from tests.fixtures.services.projects import ENVIRON, SOUND, write

NAME = "tuned-vs-base"
PLAIN = SOUND.replace(', system_prompt: support.md, params: {temperature: 0.2, stop: ["x"]}', "")
PROMOTED = {NAME: Live(state="ended", serves="tuned")}


def plan_of(folder: Path, *changes: tuple[str, str], text: str = SOUND) -> Plan:
    """The plan of the changed file while tuned is promoted."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return lay_over(load_project(write(folder, text), ENVIRON).plan, PROMOTED)


def refused(before: Plan | None, new: Plan, *, recorded: Plan | None = None) -> str:
    rows = {} if recorded is None else {NAME: definition(recorded, recorded.experiments[NAME].variant("tuned"))}
    return refused_changes({}, before, new, promotions=rows, today=date(2026, 1, 1)).get(NAME, "")


CHANGES = {
    "another model": ("openai/support-lora-v7", "openai/support-lora-v8"),
    "another system prompt or other params": ("temperature: 0.2", "temperature: 0.7"),
}


@pytest.mark.parametrize("words", CHANGES)
@pytest.mark.parametrize("known", ["rows", "published plan"])
def test_a_file_that_gives_the_promoted_variant_something_else_is_refused(
    tmp_path: Path, words: str, known: str
) -> None:
    before, new = plan_of(tmp_path), plan_of(tmp_path, CHANGES[words])
    refusals = refused(before, new) if known == "published plan" else refused(None, new, recorded=before)
    assert f"would give it {words}." in refusals
    assert f"fairtrial experiment rollback {NAME} --why" in refusals
    assert "write the routes without the experiment" in refusals


def test_a_variant_that_is_renamed_is_refused_too(tmp_path: Path) -> None:
    before = plan_of(tmp_path)
    renamed = (
        ("tuned: {deployment: tuned,", "fine: {deployment: tuned,"),
        ("split: {base: 50, tuned: 50}", "split: {base: 50, fine: 50}"),
    )
    shadow = ("variant: tuned, percent", "variant: fine, percent")
    assert "but this would remove it." in refused(before, plan_of(tmp_path, *renamed, shadow))


@pytest.mark.parametrize(
    "change",
    [
        ("gpu_hour: 2.10", "gpu_hour: 9.10"),
        ("openai/Qwen3-8B", "openai/Qwen4-8B"),
        ("max_weeks: 6", "max_weeks: 2"),
        ("support-bot: {experiment: tuned-vs-base,", "support-bot: {deployment: tuned,"),
    ],
)
def test_other_edits_are_free(tmp_path: Path, change: tuple[str, str]) -> None:
    before = plan_of(tmp_path)
    assert refused(before, plan_of(tmp_path, change), recorded=before) == ""


def test_a_model_changed_while_no_route_led_to_it_is_refused_when_one_does_again(tmp_path: Path) -> None:
    first = plan_of(tmp_path)
    away = ("support-bot: {experiment: tuned-vs-base,", "support-bot: {deployment: tuned,")
    model = CHANGES["another model"]
    between = plan_of(tmp_path, away, model)
    assert refused(first, between, recorded=first) == ""
    assert "another model" in refused(between, plan_of(tmp_path, model), recorded=first)


def test_the_edit_is_the_routes_with_their_fallback_and_data(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, text=PLAIN)
    edit = file_edit(plan, plan.experiments[NAME])
    assert edit is not None
    assert edit.lines == ("routes:", "  support-bot: {deployment: tuned, fallback: base, data: internal}")
    assert f"experiments.{NAME} can be removed" in edit.note
    text = PLAIN.replace(edit.lines[1], "").replace(
        "  support-bot: {experiment: tuned-vs-base, fallback: base, data: internal}", edit.lines[1]
    )
    after = lay_over(load_project(write(tmp_path, text), ENVIRON).plan, PROMOTED)
    assert (after.routes["support-bot"].deployment, after.routes["support-bot"].experiment) == ("tuned", None)
    done = file_edit(after, after.experiments[NAME])
    assert done is not None and done.lines == () and "has no effect" in done.note


def test_the_edit_quotes_names_and_leaves_out_a_fallback_to_the_same_model(tmp_path: Path) -> None:
    bot = "  support-bot: {experiment: tuned-vs-base, fallback: base, data: internal}"
    plan = plan_of(tmp_path, (bot, '  "yes": {experiment: tuned-vs-base, fallback: tuned}'), text=PLAIN)
    edit = file_edit(plan, plan.experiments[NAME])
    assert edit is not None and edit.lines == ("routes:", '  "yes": {deployment: tuned}')


def test_overrides_keep_the_experiment_in_the_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    edit = file_edit(plan, plan.experiments[NAME])
    assert edit is not None and edit.lines == ()
    assert "tuned has a system prompt and params" in edit.note and f"keep experiments.{NAME}" in edit.note


def test_without_a_promotion_there_is_no_edit(tmp_path: Path) -> None:
    plan = load_project(write(tmp_path), ENVIRON).plan
    assert file_edit(plan, plan.experiments[NAME]) is None


def test_one_treatment_is_the_default_and_several_must_be_named(tmp_path: Path) -> None:
    two = plan_of(tmp_path).experiments[NAME]
    assert chosen_treatment(two, None).name == chosen_treatment(two, "tuned").name == "tuned"
    with pytest.raises(BadRequest, match="base is the control; end the experiment instead"):
        chosen_treatment(two, "base")
    with pytest.raises(BadRequest, match=r"no variant 'tunes' \(known: tuned\)"):
        chosen_treatment(two, "tunes")
    third = ("      base:  {deployment: base}\n", "      base:  {deployment: base}\n      wild:  {deployment: tuned}\n")
    split = ("split: {base: 50, tuned: 50}", "split: {base: 40, tuned: 40, wild: 20}")
    three = plan_of(tmp_path, third, split).experiments[NAME]
    assert chosen_treatment(three, "wild").name == "wild"
    with pytest.raises(BadRequest, match=r"--variant NAME \(known: tuned, wild\)"):
        chosen_treatment(three, None)
