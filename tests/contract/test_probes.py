"""What holds for every family of probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.loading.probe_entries import PROBES
from evaluators.loading.scorers import build_entry
from evaluators.loading.suite_text import text_of
from evaluators.probes.probe import KINDS, ORIGINAL, OWN_ROWS, SEVERITIES, Probe
from evaluators.suite import Suite
from fairtrial.domain.run import Case, Run
from tests.fixtures.evaluators.continuation_runs import write_examples
from tests.fixtures.evaluators.probe_suites import ROWS, probed
from tests.fixtures.evaluators.runs import run_once
from tests.fixtures.for_each import for_each
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last

MANY = 50
"""How many distinct cases a family with seeds of its own has at least."""
OPTIONS: dict[str, dict[str, Any]] = {
    "added_text": {
        "text": ["This is urgent.", "I need this today."],
        "field": "urgency",
        "must": "not lower",
        "order": ["low", "normal", "high"],
    },
    "verbatim_continuation": {"train": "train.jsonl", "holdout": "holdout.jsonl"},
    "removed_text": {"pattern": "LM-\\d+", "field": "order_id", "must": "equal", "value": None},
}
"""The options of the families that need some."""
MANY_ROWS = [
    {**row, "id": f"{row['id']}-{times}", "input": f"Message {times}: {row['input']}"}
    for times in range(10)
    for row in ROWS
]
"""Enough own rows for the families that make one case of each."""


@pytest.fixture(autouse=True)
def files_of_examples(tmp_path: Path) -> None:
    """The files that the options name, beside the suite."""
    for file in ("train", "holdout"):
        write_examples(tmp_path / f"{file}.jsonl", file, 60)


def entry(name: str, seed: int = 7) -> dict[str, Any]:
    return {"family": name, "seed": seed, **OPTIONS.get(name, {})}


def cases_of(suite: Suite, name: str) -> list[Case]:
    return [case for case in suite.cases if case.tags.get("family") == name]


def made(suite: Suite, name: str) -> list[dict[str, Any]]:
    return [
        {"id": case.case_id, "messages": list(case.messages), "expected": case.expected, "tags": dict(case.tags)}
        for case in cases_of(suite, name)
    ]


def answer(body: dict[str, Any], before: int) -> str:
    """A label, or words, by the length of the text, so that changed copies differ at times."""
    text = last(body)
    if len(text) % 3 == 0:
        return "The message does not say which order this is about, so I am not able to answer it."
    return json.dumps({"intent": "fault" if len(text) % 2 else "refund", "urgency": "low", "order_id": None})


every_family = for_each("name", PROBES.names())


@every_family
def test_every_family_describes_itself_and_its_options(name: str) -> None:
    probe: Probe = PROBES.get(name)
    assert probe.name == name and probe.kind in KINDS
    assert probe.summary.endswith(".") and all(sentence.endswith(".") for sentence in probe.options.values())
    assert set(probe.files) <= set(probe.options) and (not probe.short or probe.short in probe.options)


@every_family
def test_every_family_makes_the_same_cases_from_the_same_seed(name: str, tmp_path: Path) -> None:
    first, again = (probed(tmp_path, entry(name)) for _ in range(2))
    assert made(first, name) == made(again, name) and first.digest == again.digest
    assert text_of(first) == text_of(again)


@every_family
def test_every_family_tags_each_case_with_its_severity_and_technique(name: str, tmp_path: Path) -> None:
    for case in cases_of(probed(tmp_path, entry(name)), name):
        assert case.tags["severity"] in SEVERITIES and case.tags["technique"]
        assert case.tags["probe"] == PROBES.get(name).kind
        assert case.fields["seed_id"] is not None


@every_family
def test_every_family_has_many_distinct_cases_or_a_copy_of_each_own_case(name: str, tmp_path: Path) -> None:
    suite, probe = probed(tmp_path, entry(name), rows=MANY_ROWS), PROBES.get(name)
    cases = cases_of(suite, name)
    if probe.kind in OWN_ROWS:
        originals = {case.case_id: case for case in suite.cases if case.tags["probe"] == "own"}
        assert len(cases) == len(originals)
        assert all(originals[case.fields[ORIGINAL]].messages != case.messages for case in cases)
    elif probe.kind != "memorisation":
        assert len({json.dumps(case.messages) for case in cases}) >= MANY


@every_family
def test_every_family_has_at_most_the_number_of_cases_in_the_suite(name: str, tmp_path: Path) -> None:
    assert len(made(probed(tmp_path, {**entry(name), "n": 3}), name)) == 3


@every_family
async def test_every_family_repeats_its_requests_and_scores_to_the_byte(name: str, tmp_path: Path) -> None:
    suite = probed(tmp_path, {**entry(name), "n": 20}, rows=MANY_ROWS[:20])
    runs, requests = [], []
    for number in range(2):
        with ScriptedUpstream(answer) as upstream:
            runs.append(await run_once(suite, upstream, tmp_path / f"cache-{name}-{number}"))
        requests.append({json.dumps(body) for body in upstream.asked})  # equal prompts may be asked once or twice
    assert requests[0] == requests[1] != set()
    assert _scores(suite, runs[0]) == _scores(suite, runs[1])
    scorers = {next(iter(entry.values())).get("name", next(iter(entry))) for entry in PROBES.get(name).score}
    measured = {metric.partition(".")[0] for metric, value in runs[0].metrics.items() if value is not None}
    assert scorers <= measured


def test_scorers_of_equal_names_are_equal_in_all_families() -> None:
    found: dict[str, Any] = {}
    for _, probe in PROBES:
        for one in probe.score:
            name = build_entry(one, variables={}).scorer.name
            assert found.setdefault(name, one) == one, f"{probe.name}: {name}"


def _scores(suite: Suite, run: Run) -> list[Any]:
    return [(one.case.case_id, one.outcome, one.scores) for one in run.results]
