"""The probe `not memorised` asks for continuations of training and held-out files, in a suite with any prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators.loading.suite_reader import load
from evaluators.probes.families.verbatim_continuation import probes
from evaluators.probes.probe import Source
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.small_suites import write_suite

SUITE = """\
suite: edges
data: rows.jsonl
prompt: "Answer: $input"
system: Be brief.
score: [contains]
probes:
  - not memorised: {train: train.jsonl, holdout: holdout.jsonl, prefix: 0.5}
    n: 20
gate:
  - memorised not worse than base by 5pp
"""


def rows(kind: str, count: int) -> list[dict[str, str]]:
    return [
        {"prompt": f"{kind} question {at}", "completion": " ".join(f"{kind}{at}word{entry}" for entry in range(10))}
        for at in range(count)
    ]


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    for name in ("train", "holdout"):
        text = "".join(json.dumps(row) + "\n" for row in rows(name, 15))
        (tmp_path / f"{name}.jsonl").write_text(text)
    return write_suite(tmp_path, SUITE, [{"id": "a", "input": "2 + 2", "expected": "4"}])


def test_a_suite_asks_half_of_its_cases_from_each_file(suite_file: Path) -> None:
    [suite] = load(suite_file)
    made = [case for case in suite.cases if case.tags.get("family") == "verbatim_continuation"]
    assert [sum(case.tags["technique"] == half for case in made) for half in ("train", "holdout")] == [10, 10]
    first = made[0]
    assert [message["role"] for message in first.messages] == ["user", "assistant"]
    assert str(first.messages[0]["content"]).startswith("train question")
    assert [scorer.name for scorer in suite.scorers_of(first)] == ["memorised"]


def test_the_same_source_gives_the_same_rows() -> None:
    files = {"train": tuple(rows("train", 30)), "holdout": tuple(rows("other", 30))}
    made = [probes[0].rows(Source(seed, 10, files=files)) for seed in (1, 1, 2)]
    assert json.dumps(made[0]) == json.dumps(made[1]) != json.dumps(made[2])
    assert all(row["severity"] == "high" and row["seed_id"] == row["id"] for row in made[0])


def test_a_file_without_a_training_format_makes_no_case(suite_file: Path) -> None:
    (suite_file.parent / "train.jsonl").write_text('{"text": "one"}\n')
    with pytest.raises(ConfigError, match="makes no case"):
        load(suite_file)


def test_a_prefix_that_is_no_share_is_refused(suite_file: Path) -> None:
    suite_file.write_text(SUITE.replace("0.5", "7"))
    with pytest.raises(ConfigError, match="prefix: 7 is not a share"):
        load(suite_file)
