"""Training rows that also occur in held-out files or suites are found, and phrases of the domain are not."""

from __future__ import annotations

import random
from pathlib import Path

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
from tests.fixtures.training_data.faults import typo
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_text

HELD = sound_rows(100, seed=1)
TRAIN = sound_rows(400, seed=2, unlike=frozenset(row["messages"][1]["content"] for row in HELD))


def find(train: list[Row], held: list[Row], folder: Path) -> list[Issue]:
    for name, rows in (("train", train), ("held", held)):
        (folder / f"{name}.jsonl").write_text(as_lines(rows), encoding="utf-8")
    files = (read_examples(folder / "train.jsonl"), read_examples(folder / "held.jsonl"))
    return CHECKS.get("leakage").find(Corpus(files, ("train", "validation")))


def test_rows_of_one_domain_do_not_leak(tmp_path: Path) -> None:
    assert find(TRAIN, HELD, tmp_path) == []


def test_the_same_the_nearly_same_and_an_embedded_row_are_found(tmp_path: Path) -> None:
    text = HELD[2]["messages"][1]["content"]
    embedded = with_text(TRAIN[0], 1, "An earlier message of this person follows. " * 4 + text + " And more of it." * 9)
    near = with_text(HELD[1], 1, typo(HELD[1]["messages"][1]["content"], random.Random(5)))
    issues = find([*TRAIN, HELD[0], near, embedded], HELD, tmp_path)
    found = {(issue.details["kind"], issue.severity, issue.rows) for issue in issues}
    assert found == {("exact", "error", (401,)), ("near", "error", (402,)), ("contained", "warning", (403,))}
    assert issues[0].details["matches"] == [[f"{tmp_path}/train.jsonl:401", f"{tmp_path}/held.jsonl:1"]]
    assert all("held.jsonl" in issue.says and issue.file.endswith("train.jsonl") for issue in issues)


GREETINGS = (
    "Hello! {} Thanks in advance, Maria",
    "Hi there,\n\nhope you are well. {}\n\nBest regards\nJohn Smith",
    "Customer message: {}\nAnswer politely.",
)
QUESTIONS = (
    ("Is it?", "It is, as far as anybody can tell."),
    ("What is the name of this ship?", "She is called the Vega."),
    ("Who painted the ceiling of the old town hall?", "A pupil of Tiepolo painted it."),
    ("ここから駅までどのくらいかかりますか", "歩いて十分くらいです。"),
)


def chat(prompt: str, completion: str) -> Row:
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]}


def kinds(issues: list[Issue]) -> dict[int, tuple[str, str]]:
    return {row: (issue.details["kind"], issue.severity) for issue in issues for row in issue.rows}


def test_a_row_inside_a_greeting_is_found_in_both_directions(tmp_path: Path) -> None:
    wrapped = [chat(greeting.format(prompt), answer) for greeting in GREETINGS for prompt, answer in QUESTIONS]
    plain = [chat(prompt, answer) for prompt, answer in QUESTIONS]
    for train, held in ((wrapped, plain), (plain, [row for row in wrapped if "Hello" in str(row)])):
        found = kinds(find([*TRAIN, *train], [*HELD, *held], tmp_path))
        missed = [row["messages"][0]["content"] for line, row in enumerate(train, 401) if line not in found]
        assert missed == [] and not [line for line in found if line <= 400]


def test_a_short_prompt_in_another_one_with_another_answer_is_only_a_suggestion(tmp_path: Path) -> None:
    train = [*TRAIN, chat("What is the name of this ship in the harbour, and who owns it?", "The owner is unknown.")]
    assert kinds(find(train, [*HELD, chat(*QUESTIONS[1])], tmp_path)) == {401: ("phrase", "suggestion")}


def test_a_long_passage_about_something_else_is_only_a_suggestion(tmp_path: Path) -> None:
    passage = "arrived in white but I need graphite, so please swap it, because my neighbour has the same one"
    train = [*TRAIN, chat(f"The driveway camera {passage}.", "camera")]
    assert kinds(find(train, [*HELD, chat(f"The glow bulbs {passage}. No rush.", "bulb")], tmp_path)) == {
        401: ("phrase", "suggestion")
    }


def test_other_numbers_make_another_question(tmp_path: Path) -> None:
    train = [*TRAIN, chat("Please tell me now: what is 14 times 3 plus 7, in words?", "It is forty-nine.")]
    assert find(train, [*HELD, chat("What is 14 times 3?", "It is forty-two.")], tmp_path) == []


def test_a_question_of_one_template_about_something_else_is_only_a_suggestion(tmp_path: Path) -> None:
    train = [
        *TRAIN,
        chat("How do I change the bulb of the reading lamp in the cabin?", "Twist it to the left."),
        chat("How do I change the bulp of the reading torch in the cabin?", "Unscrew the head of it."),
        chat("How do I clean the filter of the coffee machine at home?", "Rinse it."),
    ]
    held = [
        *HELD,
        chat("How do I change the bulb of the reading torch in the cabin?", "Unscrew the head."),
        chat("How do I clean the filter of the washing machine at home?", "Rinse it."),
    ]
    assert kinds(find(train, held, tmp_path)) == {
        401: ("template", "suggestion"),
        402: ("near", "error"),
        403: ("near", "error"),
    }


def test_a_phrase_of_the_domain_is_not_a_leak(tmp_path: Path) -> None:
    phrase = "I would like to speak to a member of staff about my last order please"
    train = [chat(f"{phrase} {row['messages'][1]['content']}", f"Of course, {at}.") for at, row in enumerate(TRAIN)]
    assert "contained" not in dict(kinds(find(train, [*HELD, chat(phrase, "Gladly.")], tmp_path)).values())


def test_a_copied_answer_and_a_paraphrase_are_suggestions_with_both_rows(tmp_path: Path) -> None:
    answer = "The ferry to the northern islands leaves at noon from the second pier."
    held = [
        *HELD,
        chat("When does the boat go?", answer),
        chat("The lamp in our hallway flickers since the storm on Sunday, can somebody come?", "Yes."),
    ]
    train = [
        *TRAIN,
        chat("Which departures are there today?", f"Let me see. {answer}"),
        chat("Since Sunday's storm the hallway lamp of ours flickers. Could somebody come?", "No."),
    ]
    issues = find(train, held, tmp_path)
    assert kinds(issues) == {401: ("answer", "suggestion"), 402: ("paraphrase", "suggestion")}
    matches = [[f"{tmp_path}/train.jsonl:{row}", f"{tmp_path}/held.jsonl:{row - 300}"] for row in (401, 402)]
    assert [issue.details["matches"] for issue in issues] == [[pair] for pair in matches]


def test_a_standard_answer_is_not_a_leak(tmp_path: Path) -> None:
    text = "I am sorry, but only our staff can answer that question for you."
    topics = ("rain", "cars", "wine", "tax")
    train = [*TRAIN, *(chat(f"Tell me about {topic} or something else", text) for topic in topics)]
    assert find(train, [*HELD, chat("How many keys does an organ have?", text)], tmp_path) == []


def test_without_held_out_files_there_is_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(as_lines(TRAIN), encoding="utf-8")
    corpus = Corpus((read_examples(tmp_path / "train.jsonl"),), ("train",))
    assert CHECKS.get("leakage").find(corpus) == []
