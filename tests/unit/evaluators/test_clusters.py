"""Questions that a suite has twice: one cluster without a word, listed by `check`, and counted apart in a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.clusters import cluster_names, duplicate_warnings, with_clusters
from evaluators.comparison.compare import compare
from evaluators.comparison.pairing import pair
from evaluators.criteria.metric_catalogue import of_stat
from evaluators.scoring.scorer import Stat
from evaluators.suite import dominant_cluster
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score
from fairtrial_cli.output.runs import ended

ACCURACY = of_stat("qa", Stat("accuracy", "proportion"))


def case(name: str, text: str, cluster: str | None = None) -> Case:
    return Case(name, ({"role": "user", "content": text},), "", cluster=cluster)


def run(target: str, values: list[float], times: int) -> Run:
    results = tuple(
        CaseResult(
            case(f"{i}-{k}", f"question {i}"), 0, Answer("x"), "scored", {"qa": Score("qa", {"accuracy": value})}
        )
        for i, value in enumerate(values)
        for k in range(times)
    )
    return Run(target, "s", "d", target, target, None, 0, 1, 0, {}, {"qa": "1"}, ended_us=1, results=results)


def test_the_same_question_is_one_cluster() -> None:
    assert cluster_names([case("a", "one"), case("b", "two"), case("c", "one")]) == ["i:a", "i:b", "i:a"]
    assert cluster_names([case("a", "one"), case("b", "two")]) is None


def test_a_question_joins_the_clusters_that_have_it() -> None:
    cases = [
        case("a", "one", "x"),
        case("b", "two", "x"),
        case("c", "two", "y"),
        case("d", "three", "y"),
        case("e", "4"),
    ]
    names = cluster_names(cases)
    assert names is not None
    assert len({*names[:4]}) == 1 and names[4] not in names[:4]


def test_another_system_prompt_is_another_question() -> None:
    system = replace(
        case("b", "one"), messages=({"role": "system", "content": "s"}, {"role": "user", "content": "one"})
    )
    assert cluster_names([case("a", "one"), system]) is None


def test_parts_of_content_are_compared_too_and_unknown_prompts_are_not() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "one"}]}
    assert cluster_names([Case("a", (parts,), ""), Case("b", (dict(parts),), "")]) is not None
    assert cluster_names([Case("a", (), ""), Case("b", (), "")]) is None


def test_each_question_twice_is_no_more_evidence() -> None:
    rng = np.random.default_rng(1)
    old, new = ([float(value) for value in rng.random(60) < share] for share in (0.8, 0.75))
    once = compare(ACCURACY, pair(ACCURACY, run("tuned", new, 1), run("base", old, 1))).difference
    twice = compare(ACCURACY, pair(ACCURACY, run("tuned", new, 2), run("base", old, 2))).difference
    assert abs(once.low - twice.low) < 0.005 and abs(once.high - twice.high) < 0.005
    assert twice.method.endswith("over clusters")


def test_cautions_list_the_same_and_nearly_the_same() -> None:
    same, alike = duplicate_warnings([case("a", "One?"), case("b", "One?"), case("c", "one"), case("d", "two")])
    assert "1 case has the same prompt as another case (a = b)" in same and "3 independent cases, not 4" in same
    assert "(a = c)" in alike
    assert duplicate_warnings([case("a", "one"), case("b", "two")]) == []
    assert (
        duplicate_warnings(
            [case("a", "What is 7 + 5?"), case("b", "What is 7 - 5?"), case("c", "7.5?"), case("d", "75?")]
        )
        == []
    )
    assert duplicate_warnings([case("a", "One", "x"), case("b", "one", "x")]) == []
    assert "and 3 more" in duplicate_warnings([case(f"{i}{j}", f"q{i}") for i in range(8) for j in range(2)])[0]


def test_an_answer_to_the_same_question_in_one_run_is_not_of_an_earlier_run() -> None:
    live, cached = Answer("x"), Answer("x", cached=True)
    cases = [case("a", "one"), case("b", "one"), case("c", "two"), case("d", "three")]
    answers = [live, cached, cached, live]
    results = tuple(CaseResult(each, 0, answer, "scored", {}) for each, answer in zip(cases, answers, strict=True))
    sentence = ended(replace(run("base", [], 1), results=results))
    assert sentence.endswith(
        "; 1 of them cached by an earlier run; 1 of them copied from the same question in this run."
    )
    assert "earlier" not in ended(replace(run("base", [], 1), results=results[:2]))


def test_a_run_keeps_the_clusters_when_the_texts_are_gone() -> None:
    cases = [case("a", "one"), case("b", "two", "x"), case("c", "one"), case("d", "three")]
    erased = [replace(case, messages=()) for case in with_clusters(cases)]
    assert [each.cluster for each in erased] == ["the question of a", "x", "the question of a", None]
    names = cluster_names(erased)
    assert names is not None and names[0] == names[2] and len(set(names)) == 3
    assert with_clusters(cases[:2]) == tuple(cases[:2])


def test_a_cluster_that_dominates_a_suite_is_named() -> None:
    def clustered(*sizes: int) -> list[Case]:
        return [case(f"{c}-{i}", f"{c} {i}", f"doc-{c}") for c, size in enumerate(sizes) for i in range(size)]

    (warning,) = dominant_cluster(clustered(40, *[2] * 30))
    assert warning.startswith("cluster 'doc-0' holds 40 of 100 cases (40 %)")
    assert "31 clusters of such sizes show about as much as 6 equal ones" in warning
    assert dominant_cluster(clustered(*[10] * 8)) == dominant_cluster(clustered(5, *[2] * 45)) == []
    assert dominant_cluster([case("a", "one"), case("b", "two")]) == []
