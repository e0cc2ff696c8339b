"""A scorer of the project runs in a separate process, and whatever goes wrong in it is an error and never a pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluators.engine.scoring import score_case
from evaluators.loading.suite_reader import load
from evaluators.scoring.metrics import own
from evaluators.scoring.own_scorer.fence import gaps
from evaluators.scoring.own_scorer.process import MOST_DEATHS, PACKAGES, WORKER, OwnScorerFailed
from evaluators.scoring.scorer import NamedText
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Score, ScoreFailure
from tests.fixtures.evaluators.small_suites import write_suite
from tests.fixtures.for_each import for_each
from tests.fixtures.waiting import PATIENCE

HEAD = "from fairtrial.scoring import scorer\n\n"
POLITE = (
    HEAD
    + """\
@scorer
def polite(answer: str, expected: str, row) -> bool:
    print("hello")
    return row["word"] in answer
"""
)
TRICKY = (
    HEAD
    + """\
import os, time
seen = 0

@scorer(scale=10)
def tricky(answer: str) -> float | None:
    global seen
    seen += 1
    if answer == "crash":
        raise KeyError("row 7")
    if answer == "hang":
        time.sleep(60)
    if answer == "leave":
        os._exit(3)
    return {"text": "yes", "none": None, "list": [1], "nan": float("nan"), "high": 11, "count": seen}.get(answer, 5)
"""
)


def suite(folder: Path, program: str, *, seconds: float = 20) -> Suite:
    (folder / "scorers").mkdir(exist_ok=True)
    (folder / "scorers" / "mine.py").write_text(program, encoding="utf-8")
    text = f"suite: s\ndata: rows.jsonl\nscore: [own: {{name: mine, file: scorers/mine.py, seconds: {seconds}}}]\n"
    loaded = load(write_suite(folder, text, [{"id": "a", "input": "Say please.", "word": "please"}]))[0]
    loaded.scorers[0].process.refused = None  # type: ignore[attr-defined]
    return loaded


def scored(of: Suite, answer: str) -> Score | ScoreFailure:
    return score_case(of, of.cases[0], 0, Answer(answer)).scores["mine"]


def test_a_function_gets_what_it_names_and_its_value_is_the_score(tmp_path: Path) -> None:
    polite = suite(tmp_path, POLITE)
    assert scored(polite, "please wait") == Score("mine", {"value": 1.0})
    assert scored(polite, "wait") == Score("mine", {"value": 0.0})
    assert polite.scorers[0].stats[0].kind == "proportion"
    changed = suite(tmp_path, POLITE + "# changed\n")
    assert changed.scorers[0].version != polite.scorers[0].version


def test_whatever_goes_wrong_is_an_error_of_the_scorer(tmp_path: Path) -> None:
    tricky = suite(tmp_path, TRICKY)
    results = {answer: score_case(tricky, tricky.cases[0], 0, Answer(answer)) for answer in WRONG}
    assert {answer: result.outcome for answer, result in results.items()} == dict.fromkeys(WRONG, "judge_error")
    reasons = {answer: getattr(result.scores["mine"], "why", "") for answer, result in results.items()}
    assert [answer for answer, why in WRONG.items() if why not in reasons[answer]] == []
    assert scored(tricky, "none") == Score("mine", {"value": None}), "it goes on after each of them"
    assert scored(tricky, "else") == Score("mine", {"value": 5.0})


WRONG = {
    "crash": "KeyError: 'row 7'",
    "leave": "its process ended with the code 3",
    "text": "it returned a str",
    "list": "it returned a list",
    "nan": "not from 0 to 10",
    "high": "not from 0 to 10",
}


def test_a_process_that_hangs_is_killed_and_given_up_after_some(tmp_path: Path) -> None:
    process = suite(tmp_path, TRICKY, seconds=0.2).scorers[0].process  # type: ignore[attr-defined]
    for _ in range(MOST_DEATHS):
        with pytest.raises(OwnScorerFailed, match=r"within 0\.2 seconds"):
            process.value({"answer": "hang"})
    with pytest.raises(OwnScorerFailed, match="in a row"):
        process.value({"answer": "else"})


def test_the_process_stays_and_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    tricky = suite(tmp_path, TRICKY)
    assert [scored(tricky, "count") for _ in range(2)] == [Score("mine", {"value": float(n)}) for n in (1, 2)]
    program = HEAD + "import os\n\n@scorer\ndef f(answer: str) -> bool:\n    return 'OPENAI_API_KEY' in os.environ\n"
    assert scored(suite(tmp_path, program), "") == Score("mine", {"value": 0.0})
    assert os.environ["OPENAI_API_KEY"] == "sk-secret"


ODD = (
    HEAD
    + """\
import os, time
from contextlib import suppress

@scorer
def odd(answer: str) -> bool:
    if answer == "half a line":
        for number in range(3, 10):
            with suppress(OSError):
                os.write(number, b"x")
        time.sleep(60)
    if answer == "deaf":
        os.dup(0)
        os.dup2(os.pipe()[0], 0)
    return True
"""
)


def test_one_deadline_holds_for_the_question_and_the_whole_answer(tmp_path: Path) -> None:
    process = suite(tmp_path, ODD, seconds=2).scorers[0].process  # type: ignore[attr-defined]
    with pytest.raises(OwnScorerFailed, match="within 2 seconds"):
        process.value({"answer": "half a line"})
    assert process.value({"answer": "x" * 1_000_000}) == 1.0, "a long answer reaches it"
    assert process.value({"answer": "deaf"}) == 1.0
    with pytest.raises(OwnScorerFailed, match="within 2 seconds"):
        process.value({"answer": "x" * 1_000_000})
    assert process.value({"answer": "else"}) == 1.0


def test_a_process_that_ended_after_its_answer_is_replaced(tmp_path: Path) -> None:
    program = HEAD + "import os, threading\nseen = 0\n\n@scorer(scale=9)\ndef f(answer: str) -> float:\n"
    program += "    global seen\n    seen += 1\n    threading.Timer(0.1, os._exit, [0]).start()\n    return seen\n"
    process = suite(tmp_path, program).scorers[0].process  # type: ignore[attr-defined]
    assert process.value({"answer": ""}) == 1.0
    process._process.wait()
    assert process.value({"answer": ""}) == 1.0


def test_a_process_that_used_half_of_its_cpu_time_says_that_this_is_its_last_answer() -> None:
    program = HEAD + "import time\n\ndef f(answer):\n    while time.process_time() < float(answer):\n        pass\n"
    lines = [{"file": "f.py", "text": program, "function": "f"}, {"answer": "0"}, {"answer": "1.1"}]
    command = [sys.executable, "-I", "-c", WORKER, PACKAGES, "2"]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert [json.loads(line)["last"] for line in done.stdout.splitlines()] == [False, True]


@pytest.mark.skipif(bool(gaps()), reason="this kernel has no Landlock or no seccomp")
def test_behind_the_fence_are_no_files_no_network_and_no_other_processes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sk-secret")
    program = f"{HEAD}import os, socket, threading\n\nimport numpy\n\nSECRET = {str(tmp_path / 'secret')!r}\n\n"
    program += "@scorer(scale=9)\ndef f(answer: str) -> float:\n    return float(eval(answer) is not None)\n"
    process = suite(tmp_path, program).scorers[0].process  # type: ignore[attr-defined]
    for usual in ("numpy.zeros(3)", "open(os.devnull, 'w')", "threading.Thread(target=print).start() or 1"):
        assert process.value({"answer": usual}) == 1.0, "packages, threads and what is thrown away are there"
    refused = (
        "open(SECRET)",
        "os.open(SECRET, os.O_TRUNC)",
        "open('/proc/self/environ')",
        "socket.socket()",
        "os.kill(os.getppid(), 0)",
        "os.fork()",
    )
    for trick in refused:
        with pytest.raises(OwnScorerFailed, match="PermissionError"):
            process.value({"answer": trick})


@for_each(
    ("program", "wrong"),
    [
        ("def f(", "not a Python program"),
        ("def f(answer): return 1\n", "has 0 functions with @scorer"),
        (HEAD + "@scorer\ndef f(answer):\n    return 1\n", "-> bool, or -> float"),
        (HEAD + "@scorer\ndef f(answer) -> str:\n    return ''\n", "-> bool, or -> float"),
        (HEAD + "@scorer\ndef f(text) -> bool:\n    return True\n", "known: answer, expected, row"),
        (HEAD + "@scorer(scale=0)\ndef f(answer) -> float:\n    return 1\n", "not a number above 0"),
        (HEAD + "@scorer(scale=1 + x)\ndef f(answer) -> float:\n    return 1\n", "literal values"),
    ],
)
def test_a_file_without_one_sound_scorer_is_refused(program: str, wrong: str) -> None:
    options: dict[str, Any] = {"file": NamedText("mine.py", program)}
    with pytest.raises(ValueError, match=r".") as caught:
        own.build(options, "mine")
    assert wrong in str(caught.value)
