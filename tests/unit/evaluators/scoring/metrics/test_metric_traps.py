"""The known traps of the reference libraries: our metrics give the published number, warn, or refuse."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from evaluators.engine.scoring import value_of
from evaluators.loading.scorers import build_entry
from evaluators.scoring.scorer import ChecksCases, Scorer, WarnsAboutSuite
from fairtrial.config.file.yaml_file import load
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each

CAT = "the cat sat on the mat"


def build(entry: Any) -> Scorer:
    return build_entry(entry, variables={}).scorer


def scores(scorer: Scorer, pairs: Sequence[tuple[str, Any]]) -> list[Score]:
    return [scorer.score(Case("c", (), expected), Answer(prediction)) for prediction, expected in pairs]


def figure(entry: Any, stat: str, pairs: Sequence[tuple[str, Any]]) -> float | None:
    """A stat over all pairs, as a run computes it."""
    scorer = build(entry)
    by_name = {stat.name: stat for stat in scorer.stats}
    return value_of(by_name[stat], [[score] for score in scores(scorer, pairs)])


def warning(entry: Any, *references: Any) -> str:
    scorer = build(entry)
    assert isinstance(scorer, WarnsAboutSuite)
    return scorer.suite_warning([Case("c", (), score) for score in references]) or ""


def problem(entry: Any, expected: Any) -> str:
    scorer = build(entry)
    assert isinstance(scorer, ChecksCases)
    return scorer.case_problem(Case("c", (), expected)) or ""


SENTENCES = {"bleu": {"sentence": "yes"}}
CHINESE = "北京是中华人民共和国的首都"
SACREBLEU = [
    ("a perfect corpus of one-word answers is 0", "bleu", "corpus", [("Paris", "Paris")], 0),
    ("a perfect corpus of three-word answers is 0", "bleu", "corpus", [("it is so", "it is so")] * 5, 0),
    ("sentence BLEU has effective order", SENTENCES, "sentence", [("Paris", "Paris")], 100),
    ("the references of a case are its own", "bleu", "corpus", [(CAT, ["no", CAT])], 100),
    ("cases may have unequally many references", "bleu", "corpus", [(CAT, [CAT, "a", "b"]), (CAT, CAT)], 100),
    ("13a reads Chinese as one word", "bleu", "corpus", [(CHINESE, CHINESE)], 0),
    ("zh reads Chinese", {"bleu": "zh"}, "corpus", [(CHINESE, CHINESE)], 100),
    ("case counts", "bleu", "corpus", [("THE CAT SAT ON THE MAT", CAT)], 0),
    ("case may be ignored", {"bleu": {"lowercase": "yes"}}, "corpus", [("THE CAT SAT ON THE MAT", CAT)], 100),
    ("two empty texts have no BLEU", SENTENCES, "sentence", [("", "")], 0),
    ("two empty texts have no chrF", "chrf", "corpus", [("", "")], 0),
    ("chrF measures a short answer", "chrf", "corpus", [("Paris", "Paris")], 100),
]  # fmt: skip
ROUGE = [
    ("two empty texts have 0", "rouge", "rouge1", [("", "")], 0),
    ("an accent ends a word", "rouge", "rouge1", [("caf", "café")], 1),
    ("an answer in Cyrillic has 0", "rouge", "rouge1", [("привет", "hello")], 0),
    ("there is no stemmer by default", "rouge", "rouge1", [("the cats were running", "the cat were runs")], 0.5),
    ("the stemmer changes the number", {"rouge": {"stem": "yes"}}, "rouge1",
     [("the cats were running", "the cat were runs")], 1),
    ("Porter leaves words of three letters", {"rouge": {"stem": "yes"}}, "rouge1", [("his", "hi")], 0),
    ("L follows the order of the sentences", "rouge", "rougeL", [("It rains. We stay.", "We stay. It rains.")], 0.5),
    ("Lsum splits sentences without line breaks", {"rouge": {"kinds": ["Lsum"]}}, "rougeLsum",
     [("It rains. We stay.", "We stay. It rains.")], 1),
    ("the mean is plain, not the median of resamples", "rouge", "rouge1", [("a", "a"), ("a", "a"), ("b", "a")], 2 / 3),
]  # fmt: skip
SQUAD = [
    ("two articles are equal", "em", "the", "a", 1),
    ("two articles have no words in common", "f1", "the", "a", 0),
    ("two empty texts are equal", "em", "", "", 1),
    ("two empty texts have no words in common", "f1", "", "", 0),
    ("a typographic apostrophe stays", "em", "Don’t", "dont", 0),
    ("an ASCII apostrophe goes", "em", "Don't", "dont", 1),
    ("a hyphen joins", "f1", "state-of-the-art model", "state of the art model", 1 / 3),
    ("42 is not 42.0", "em", "42", "42.0", 0),
    ("sharp s is not ss", "em", "Straße", "STRASSE", 0),
    ("German articles stay", "em", "der Hund", "Hund", 0),
    ("French articles stay", "em", "la maison", "maison", 0),
    ("words are counted, not collected in a set", "f1", "new new york", "new york", 0.8),
    ("the best accepted answer counts", "f1", "Rome", ["Paris", "Rome"], 1),
    ("no digit is rounded away", "f1", "one two three", "three", 0.5),
    ("a third is a third", "f1", "one two three four five", "five", 1 / 3),
]  # fmt: skip
EXACT = [
    ("white space around counts for raw", "raw", "Paris ", "Paris", 0),
    ("white space around is ignored by default", "strip", "Paris ", "Paris", 1),
    ("white space inside counts", "strip", "( B )", "(B)", 0),
    ("case counts", "strip", "paris", "Paris", 0),
    ("two empty texts are equal", "strip", "", " ", 1),
]  # fmt: skip


@for_each(("trap", "entry", "stat", "pairs", "expected"), [*SACREBLEU, *ROUGE], label=lambda row: str(row[0]))
def test_traps_of_sacrebleu_and_rouge_score(
    trap: str,
    entry: Any,
    stat: str,
    pairs: list[tuple[str, Any]],
    expected: float,
) -> None:
    assert figure(entry, stat, pairs) == pytest.approx(expected, abs=1e-9)


@for_each(("trap", "stat", "prediction", "expected", "value"), SQUAD, label=lambda row: str(row[0]))
def test_traps_of_the_squad_script(
    trap: str,
    stat: str,
    prediction: str,
    expected: Any,
    value: float,
) -> None:
    assert figure({"exact": "squad"}, stat, [(prediction, expected)]) == pytest.approx(value, abs=1e-15)


@for_each(("trap", "mode", "prediction", "expected", "value"), EXACT, label=lambda row: str(row[0]))
def test_traps_of_exact_match(
    trap: str,
    mode: str,
    prediction: str,
    expected: str,
    value: float,
) -> None:
    assert figure({"exact": mode}, "accuracy", [(prediction, expected)]) == value


def test_the_mean_of_sentence_bleu_is_a_different_stat_than_corpus_bleu() -> None:
    pairs = [("the cat sat on the mat today", CAT), ("a dog was here", "a dog was not here at all")]
    assert [stat.name for stat in build("bleu").stats] == ["corpus"]
    assert [stat.name for stat in build(SENTENCES).stats] == ["sentence", "corpus"]
    corpus, sentence = figure(SENTENCES, "corpus", pairs), figure(SENTENCES, "sentence", pairs)
    assert corpus is not None and sentence is not None and abs(corpus - sentence) > 1


def test_signatures_are_sacrebleus() -> None:
    """``nrefs`` is left out, because the number of references is the data's and not the metric's."""
    from sacrebleu.metrics import BLEU, CHRF

    def signature(metric: Any, text: str) -> str:
        metric.corpus_score([text], [[text]])
        return str(metric.get_signature()).removeprefix("nrefs:1|")

    assert build("bleu").version == f"bleu/1 {signature(BLEU(), CAT)}"
    assert build({"bleu": {"tokenize": "zh", "lowercase": "yes"}}).version == (
        f"bleu/1 {signature(BLEU(tokenize='zh', lowercase=True), CHINESE)}"
    )
    assert build({"chrf": 2}).version == f"chrf/1 {signature(CHRF(word_order=2), CAT)}"


def test_a_sentence_without_effective_order_logs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """sacrebleu logs one for each call of a BLEU object, and one for each corpus that seems to be tokenised."""
    assert figure(SENTENCES, "corpus", [("it is so .", "it is so .")] * 200) == pytest.approx(100)
    assert caplog.records == []


@for_each(
    ("entry", "references", "expected"),
    [
        ("bleu", ["it is so", CAT], "bleu: 1 of 2 references have fewer than 4 words"),
        ("bleu", [[CAT, "it is so"]], "1 of 1 references have fewer than 4 words"),
        ("bleu", [CAT], ""),
        ("bleu", ["it's so, yes."], ""),
        ("bleu", [CHINESE, CAT], "1 of 2 references are in a script without spaces, which tokenize: 13a"),
        ({"bleu": "intl"}, ["กรุงเทพมหานคร"], "use tokenize: zh for Chinese, or char"),
        ({"bleu": "zh"}, [CHINESE], ""),
        ({"bleu": "char"}, ["กรุงเทพมหานคร"], ""),
        ({"bleu": "zh"}, ["北京"], "fewer than 4 words"),
        (
            "rouge",
            ["5 заказов отправлены", CAT],
            "rouge: 1 of 2 references consist mostly of letters that ROUGE ignores",
        ),
        ("rouge", ["déjà vu à l'hôtel", CAT, "5"], ""),
    ],
)
def test_a_suite_is_warned_where_a_metric_means_little(entry: Any, references: list[Any], expected: str) -> None:
    text = warning(entry, *references)
    assert expected in text and bool(expected) == bool(text)


@for_each(
    ("entry", "expected", "why"),
    [
        *((entry, wrong, "no text") for entry in ("bleu", "chrf", "rouge") for wrong in (None, [], {"a": 1}, [[CAT]])),
        *(("rouge", wrong, "use chrf") for wrong in ("привет", "你好", "مرحبا", ["hello", "привет"])),
        ({"label": ["pos", "neg"]}, "neutral", "not one of pos, neg"),
    ],
)  # fmt: skip
def test_a_reference_that_a_metric_cannot_read_is_refused(entry: Any, expected: Any, why: str) -> None:
    assert why in problem(entry, expected)


def sentiment() -> list[tuple[str, str]]:
    """100 answers of two labels, five of which name no label."""
    true = ["pos", "neg"] * 50
    return [(f"I think it is {label}{at}" if at < 5 else label, label) for at, label in enumerate(true)]


def test_off_label_answers_are_one_wrong_class_and_change_no_set_of_labels() -> None:
    from sklearn.metrics import f1_score

    entry, pairs = {"label": ["pos", "neg"]}, sentiment()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = {name: figure(entry, name, pairs) for name in ("accuracy", "macro_f1", "macro_recall", "off_label")}
    assert figures == pytest.approx(
        {"accuracy": 0.95, "macro_f1": 0.97433, "macro_recall": 0.95, "off_label": 0.05}, abs=1e-5
    )
    by_default = f1_score([true for _, true in pairs], [predicted for predicted, _ in pairs], average="macro")
    assert by_default < 0.3, "the labels of both columns together, as scikit-learn takes them by default"


def test_every_average_of_labels_names_itself() -> None:
    names = [stat.name for stat in build({"label": {"of": ["pos", "neg"], "positive": ["pos"]}}).stats]
    assert "f1" not in names and "micro_f1" not in names and {"macro_f1", "macro_recall", "accuracy"} < set(names)


def test_a_label_that_no_answer_has_gives_0_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert figure({"label": ["pos", "neg"]}, "macro_f1", [("pos", "pos"), ("pos", "neg")]) == pytest.approx(1 / 3)
        assert figure({"label": ["pos", "neg"]}, "macro_f1", [("?", "pos"), ("?", "neg")]) == 0
        assert figure({"label": {"of": ["pos", "neg"], "positive": ["pos"]}}, "precision", [("neg", "pos")]) is None


def test_labels_and_options_of_a_suite_are_texts_as_yaml_1_2_reads_them(tmp_path: Any) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text("score:\n  - label: [yes, no, on, off]\n  - language: no\n  - rouge: {stem: no}\n")
    entries = load(file)[0].value["score"]
    label, language, rouge = (build(entry) for entry in entries)
    assert "of:yes|no|on|off" in label.version
    assert "is:no" in language.version
    assert "stem:no" in rouge.version
    assert [score.values["accuracy"] for score in scores(label, [("no", "no"), ("No.", "no"), ("off", "no")])] == [
        1,
        1,
        0,
    ]


@for_each(
    ("method", "similarity"),
    [("ratio", 1), ("partial_ratio", 1), ("token_sort_ratio", 1), ("token_set_ratio", 0), ("WRatio", 0)],
)
def test_two_empty_texts_are_as_similar_as_rapidfuzz_says(method: str, similarity: float) -> None:
    assert figure({"fuzzy": method}, "similarity", [("", "")]) == similarity
