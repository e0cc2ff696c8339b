"""A suite's text is enough to judge its runs by, is the same for the same suite, and has no row in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.criteria.grammar import parse
from evaluators.criteria.metric_catalogue import known_metrics, measures_of
from evaluators.criteria.validation import scopes_of, validate_line
from evaluators.loading.suite_reader import load
from evaluators.loading.suite_text import UnusableText, digest_of, suite_of, text_of
from evaluators.results.run_table import Scope
from evaluators.suite import Suite
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each

SUITE = """\
suite: tickets
data: [rows.jsonl]
system: A secret prompt.
vars: {labels: [refund, bug]}
params: {temperature: 0}
repeat: 2
score:
  - label: {of: $labels, positive: refund}
  - bleu
  - chrf: {words: 2}
  - rouge
  - json-schema: schema.json
  - exact: {name: said, when: {kind: a}}
slices: [kind, many]
cluster: thread
gate:
  - label.macro_f1 not worse than base by 2pp
  - bleu >= 10 in every kind
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    rows = [
        {"id": f"c{i}", "input": f"a private question {i}", "expected": ("refund", "bug")[i % 2]}
        | {"kind": "abc"[i % 3], "many": ["x", "y"][: 1 + i % 2], "thread": f"t{i}"}
        for i in range(30)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "schema.json").write_text('{"type": "string"}')
    (tmp_path / "suite.yaml").write_text(SUITE)
    return load(tmp_path / "suite.yaml")[0]


def test_a_text_has_what_a_gate_must_know_and_no_row_prompt_or_path(suite: Suite, tmp_path: Path) -> None:
    text = text_of(suite)
    document = json.loads(text)
    assert document["digest"] == suite.digest
    assert document["gate"] == list(suite.gate)
    assert document["data"][0]["file"] == "rows.jsonl" and document["data"][0]["rows"] == 30
    assert len(document["data"][0]["sha256"]) == 64
    for hidden in ("a private question", "secret prompt", str(tmp_path)):
        assert hidden not in text


def test_the_suite_of_a_text_measures_and_slices_as_the_suite_does(suite: Suite) -> None:
    back = suite_of(text_of(suite), Path("elsewhere.yaml"))
    assert known_metrics(back) == known_metrics(suite)
    assert [(measure.name, measure.kind, measure.scale, measure.sign) for measure in measures_of(back)] == [
        (measure.name, measure.kind, measure.scale, measure.sign) for measure in measures_of(suite)
    ]
    for tag in ("kind", "many"):
        assert scopes_of(back, Scope(tag, None)) == scopes_of(suite, Scope(tag, None))
    for line in ("label >= 90% in kind:a", "label >= 90% in kind:z", "label >= 90% in nothing:a", "other >= 1%"):
        assert validate_line(back, parse(line)) == validate_line(suite, parse(line))
    case = Case("c", (), None, {"kind": "b"})
    assert [scorer.name for scorer in back.scorers_of(case)] == [scorer.name for scorer in suite.scorers_of(case)]
    assert json.loads(text_of(back)) == json.loads(text_of(suite)) | {"cases": 0}


def test_a_corpus_stat_is_computed_from_scores_as_the_suites_scorer_does(suite: Suite) -> None:
    back = suite_of(text_of(suite), Path("suite.yaml"))
    case = Case("c", (), "the quick brown fox jumps", fields={})
    for name in ("bleu", "chrf"):
        own = next(scorer for scorer in suite.scorers if scorer.name == name)
        scores = [own.score(case, Answer(text)) for text in ("the quick brown dog jumps", "the fox")]
        [stat], [stored] = own.stats, next(scorer for scorer in back.scorers if scorer.name == name).stats
        assert stat.aggregate is not None and stored.aggregate is not None
        assert stored.aggregate(scores) == stat.aggregate(scores) > 0
    labels = [Score("label", {}, {"label": label, "expected": "refund"}) for label in ("refund", "bug")]
    for own_stat, stored_stat in zip(suite.scorers[0].stats, back.scorers[0].stats, strict=True):
        if own_stat.aggregate is not None and stored_stat.aggregate is not None:
            assert stored_stat.aggregate(labels) == own_stat.aggregate(labels)


def test_a_text_changes_with_the_gate_lines_and_the_suites_digest_does_not(suite: Suite) -> None:
    changed = replace(suite, gate=("bleu >= 1",), gate_lines=(1,))
    assert changed.digest == suite.digest
    assert digest_of(text_of(changed)) != digest_of(text_of(suite))
    assert digest_of(text_of(replace(suite, path=Path("moved.yaml")))) == digest_of(text_of(suite))


def test_a_suite_from_a_text_is_not_run(suite: Suite) -> None:
    back = suite_of(text_of(suite), Path("suite.yaml"))
    with pytest.raises(UsageError, match="judged but not run"):
        back.scorers[0].score(Case("c", (), "x"), Answer("x"))


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("version", 2, "version 2"),
        ("gate", ["bleu > 3"], "cannot parse the gate line 'bleu > 3'"),
        ("digest", 7, "cannot be read"),
        ("slices", None, "cannot be read"),
    ],
)
def test_a_text_that_this_version_does_not_understand_is_refused(
    suite: Suite, key: str, value: object, sentence: str
) -> None:
    changed = json.loads(text_of(suite)) | {key: value}
    with pytest.raises(UnusableText, match=sentence):
        suite_of(json.dumps(changed), Path("suite.yaml"))


@for_each(
    ("change", "message"),
    [
        ({"version": "bleu/0"}, "was 'bleu/0' in the run"),
        ({"options": {"tokenize": "none"}}, "was 'bleu/1"),
        ({"options": {"tokenize": "nothing"}}, "cannot build it"),
        ({"options": {"file": "/etc/passwd"}}, "control does not open"),
        ({"kind": "absent"}, "cannot build it"),
    ],
)
def test_a_corpus_stat_of_another_scorer_is_refused(suite: Suite, change: dict[str, object], message: str) -> None:
    document = json.loads(text_of(suite))
    [bleu] = [scorer for scorer in document["score"] if scorer["name"] == "bleu"]
    bleu |= change
    with pytest.raises(UnusableText, match=message):
        suite_of(json.dumps(document), Path("suite.yaml"))


@for_each("text", ["", "{}", "[]", "null", "\x00", '{"version": 1}', "[" * 100_000])
def test_an_invalid_suite_text_is_refused(text: str) -> None:
    with pytest.raises(UnusableText):
        suite_of(text, Path("suite.yaml"))
