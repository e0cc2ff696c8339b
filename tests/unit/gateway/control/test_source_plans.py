"""The planner says when declared sources decide, and refuses a source that the experiment does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import write_project

SOURCES = """\
    enroll: {stages: [20]}
    guardrails: []
    max_weeks: 4
    shadow: {variant: tuned, percent: 100}
    sources: {split: 0.2, shadow.on_topic: 0.8}
    split:"""
PLAN = ("experiment", "plan", "tuned-vs-base", "--per-week", "40", "--baseline", "62%")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    path = write_project(tmp_path)
    text = path.read_text().replace("mde: 3pp", "mde: 10pp").replace("    split:", SOURCES)
    scorer = "fallback: base, scorers: [{contains: {any: [parcel], name: on_topic}}]}"
    path.write_text(text.replace("fallback: base}", scorer))
    return tmp_path


def test_declared_sources_decide_where_the_split_alone_does_not(folder: Path) -> None:
    done = in_process(*PLAN, "--sd", "shadow.on_topic=0.6", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    sources = plan["sources"]
    assert plan["decidable"] and sources["pairs_a_week"] == 180
    assert sources["declared"]["weekly"][3] > 0.9 > 0.8 > sources["declared"]["weekly"][1]
    assert sources["cheapest"]["shares"] == {"split": 0.1, "shadow.on_topic": 0.9}
    assert "It can't be decided" not in in_process(*PLAN, "--sd", "shadow.on_topic=0.6", cwd=folder).stdout


def test_a_small_gain_is_not_decided_in_time(folder: Path) -> None:
    done = in_process(*PLAN, "--gain", "shadow.on_topic=3%", cwd=folder)
    assert done.returncode == 3
    assert "not decided in 4 weeks" in done.stdout and "no mix decides in time" in done.stdout


def test_a_gain_of_an_unknown_source_is_refused(folder: Path) -> None:
    done = in_process(*PLAN, "--gain", "shadow.polite=3%", cwd=folder)
    assert done.returncode == 2 and "shadow.polite: not a source of tuned-vs-base" in done.stderr


def test_the_cheapest_mix_is_named_without_sources_too(folder: Path) -> None:
    path = folder / "fairtrial.yaml"
    path.write_text(path.read_text().replace("    sources: {split: 0.2, shadow.on_topic: 0.8}\n", ""))
    done = in_process(*PLAN, "--gain", "shadow.on_topic=15%", cwd=folder)
    assert done.returncode == 3 and "By its sources" not in done.stdout
    assert "split 0.1, shadow.on_topic\n0.9: 360 pairs" in done.stdout
