"""At 80 columns, every table shows whole ids, names and states, and no line is longer."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import convert
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from evaluators.comparison.matrix import matrix_of
from evaluators.criteria.metric_catalogue import measures_seen
from evaluators.engine.engine import CaseProgress
from evaluators.results.run_table import table_of
from fairtrial.api.accounts import AccountRow
from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.keys import KeyRow
from fairtrial.api.review_answers import QueueRow
from fairtrial.api.run_answers import RunRow
from fairtrial.api.verdict_answers import VerdictRow
from fairtrial.documents.verdict import describe_judgement
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial_cli.commands import accounts, keys, review
from fairtrial_cli.output import terminal
from fairtrial_cli.output.document import print_document
from fairtrial_cli.output.experiment_state import print_states
from fairtrial_cli.output.matrix import print_matrices
from fairtrial_cli.output.stored_runs import print_runs
from fairtrial_cli.output.terminal import columns, table_lines
from fairtrial_cli.output.verdict import print_list
from tests.fixtures.evaluators.trials import run, suite
from tests.fixtures.for_each import for_each

WIDTH = 80
ID, OTHER_ID = "0199f3c2-7b1e-7d64-9a55-3f1c2b9d8e70", "0199f3c2-7b1e-7d64-9a55-3f1c2b9d8e71"
CANDIDATE, BASELINE = "support-llama-3.1-8b-lora-r16-2026-11-03", "support-llama-3.1-8b-instruct-base"
GATE, SUITE = "support-release-with-experts", "support-tickets-english-and-german"
WAITING = "SHIP, waiting for release-manager and domain-expert"
FINGERPRINT = "fp_9f0c4b1d3a5e7f2089abcdef01234567"
AT = "2026-11-03T09:15:00"
AT_TIME = datetime.fromisoformat(f"{AT}Z")
RULE = "resolution.accuracy no worse than base by 2 points in difficulty:hard"
SAYS = (
    "the resolution accuracy of difficulty:hard is 4.2 points lower than that of base "
    "(one-sided 95 % bounds −9.1 and +0.6; n=240): undecided"
)
SUMMARY = {
    "run_id": ID,
    "at_time": f"{AT}Z",
    "suite": SUITE,
    "suite_digest": "9f0c4b1d3a5e7f20",
    "target": CANDIDATE,
    "model": "openai/meta-llama/Llama-3.1-8B-Instruct",
    "fingerprint": FINGERPRINT,
    "seed": 7,
    "repeat": 1,
    "status": "interrupted",
    "counts": '{"scored": 1200}',
    "metrics": "{}",
    "ended_time": f"{AT}Z",
    "deployment_digest": "d",
    "plan_hash": "h",
    "versions": "{}",
}


def review_queue(**fields: Any) -> QueueRow:
    """An open queue in which 12 of 40 pairs are judged."""
    words = dict.fromkeys(("suite", "suite_digest", "candidate_digest", "baseline_digest"), "x")
    runs = dict.fromkeys(("candidate_run", "baseline_run"), "x")
    counts = {"items": 40, "equal": 8, "votes": 12, "judged": 12, "waiting": 5}
    closed = dict.fromkeys(("created_by", "closed_time", "closed_by"))
    made = {"at_time": datetime(2027, 1, 15, tzinfo=UTC), "state": "open", "sampling": "random"}
    return QueueRow(**(words | runs | counts | closed | made | fields))


@dataclass(frozen=True)
class Printed:
    """What a command prints, and what must be in it as a whole."""

    name: str
    show: Callable[[], Any]
    whole: tuple[str, ...]


def verdict_row(verdict_id: str) -> VerdictRow:
    names = {"candidate": CANDIDATE, "baseline": BASELINE, "gate": GATE, "headline": "", "decision": "SHIP"}
    state = {"approval": "waiting", "reads": WAITING, "stale": [], "approvers": [], "official": False}
    return convert({"verdict_id": verdict_id, "at_time": f"{AT}Z", **names, **state}, VerdictRow)


def show_gate() -> None:
    findings = (
        Finding(RULE, SUITE, "cannot tell", SAYS, "about 40 more cases"),
        Finding("lost == 0", SUITE, "pass", ""),
    )
    verdict = Verdict(ID, 1, GATE, CANDIDATE, BASELINE, "HOLD", f"HOLD {CANDIDATE}: {SAYS}", findings)
    print_document(describe_judgement(verdict))


def show_comparison() -> None:
    of = suite(n=40, name=SUITE, tags={at: {"half": HALVES[at % 2]} for at in range(40)})
    new, old = (table_of(run(of, target, [float(at % most > 0) for at in range(40)])) for target, most in TARGETS)
    measures = measures_seen([new, old])
    print_matrices(Console(), [(matrix_of(measures, old, [new], by=("half",)), measures)], details=True)


HALVES = ("with-a-long-name-of-a-slice", "without-one")
TARGETS = ((CANDIDATE, 3), (BASELINE, 5))
COMMANDS = (
    Printed(
        "verdict list",
        lambda: print_list([verdict_row(ID), verdict_row(OTHER_ID)]),
        (ID, OTHER_ID, WAITING, CANDIDATE, BASELINE, GATE, "unofficial", "2026-11-03 09:15"),
    ),
    Printed(
        "runs list",
        lambda: print_runs([convert(SUMMARY, RunRow)], now_us=1_800_000_000_000_000),
        (ID, SUITE, CANDIDATE, SUMMARY["model"], FINGERPRINT, "interrupted"),
    ),
    Printed("gate", show_gate, ("cannot tell", RULE, SUITE)),
    Printed("compare", show_comparison, (SUITE, CANDIDATE, BASELINE, "cannot tell", "qa.accuracy", "interval and p")),
    Printed(
        "review status",
        lambda: review._print_status(
            [review_queue(queue_id=ID, title=f"Which answer to {SUITE}?", candidate=CANDIDATE, baseline=BASELINE)]
        ),
        (ID, f"Which answer to {SUITE}?", CANDIDATE, BASELINE, "open", "12 of 40, 5 wait for a second vote"),
    ),
    Printed(
        "experiment list",
        lambda: print_states(
            [
                ExperimentStatus(name=CANDIDATE, state="running", sentence=f"running: {SAYS}"),
                ExperimentStatus(name="b", state="ended", sentence="ended"),
            ]
        ),
        (CANDIDATE, "running:", "ended"),
    ),
    Printed(
        "accounts list",
        lambda: accounts._print_accounts(
            [
                AccountRow(
                    account_id="a",
                    name=f"{CANDIDATE}@example.org",
                    role="release-manager",
                    state="active",
                    created_time=AT_TIME,
                    disabled_time=None,
                    seen_time=AT_TIME,
                )
            ]
        ),
        (f"{CANDIDATE}@example.org", "release-manager", "active"),
    ),
    Printed(
        "keys list",
        lambda: keys._print_keys(
            [
                KeyRow(
                    key_id=ID,
                    name=CANDIDATE,
                    rights=("complete", "see_variant"),
                    routes=(SUITE, GATE),
                    created_time=AT_TIME,
                    expires_time=AT_TIME,
                    revoked_time=None,
                )
            ]
        ),
        (ID, CANDIDATE, "see_variant", SUITE, GATE, f"{AT_TIME:%Y-%m-%d %H:%M} UTC"),
    ),
)


@for_each("command", COMMANDS, label=lambda command: command.name)
def test_a_narrow_terminal_shows_everything(
    command: Printed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    command.show()
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    words = " ".join(printed.split())
    assert [line for line in lines if cell_len(line) > WIDTH] == []
    assert [text for text in command.whole if text not in printed and text not in words] == []
    assert [text for text in command.whole if " " not in text and not any(text in line for line in lines)] == []


def test_an_id_that_is_wider_than_the_terminal_stays_whole() -> None:
    rows = [("x" * 100, "HOLD", "one two")]
    lines = [line.plain for line in table_lines(columns("id", "state", "why", prose=("why",)), rows, WIDTH)]
    assert lines[0].split() == ["id"]
    assert lines[1:] == ["x" * 100, "  state HOLD", "  one two"]


def test_a_table_that_fits_has_one_line_for_each_row() -> None:
    head = columns("name", "n", "finding", numbers=("n",), prose=("finding",))
    rows = [("a", "1", "short"), (Text("bb", style="red"), "22", "longer words " * 8)]
    lines = [line.plain for line in table_lines(head, rows, 200)]
    assert lines[:2] == ["name   n  finding", "a      1  short"]
    assert len(lines) == 3
    narrow = [line.plain for line in table_lines(head, rows, 60)]
    assert all(len(line) <= 60 for line in narrow) and narrow[2].startswith("bb    22  longer words")


def test_text_of_others_changes_neither_lines_nor_colours() -> None:
    lines = [line.plain for line in table_lines(columns("name", "n"), [("a\n\x1b[31mb", "1")], WIDTH)]
    assert len(lines) == 2 and "\x1b" not in lines[1]


def test_without_a_terminal_progress_comes_as_lines_with_time_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 4.0, 10.0, 11.0, 25.0])
    monkeypatch.setattr(terminal, "monotonic", lambda: next(clock))
    out = io.StringIO()
    with terminal.run_progress(Console(file=out, width=20)) as step:
        for done in (1, 20, 21, 1000):
            step(CaseProgress("support", "base", done, 2000, 0, done // 20))
    assert out.getvalue().splitlines() == [
        "support on base: 20 of 2,000, 1 error",
        "support on base: 1,000 of 2,000, 50 errors",
    ]
