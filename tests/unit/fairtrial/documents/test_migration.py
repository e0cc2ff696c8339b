"""The report of a migration shows all that it found, on a terminal and in every other form of a document."""

from __future__ import annotations

import msgspec
import pytest

from fairtrial.api.migrations import MigrationReport
from fairtrial.document.markdown import markdown
from fairtrial.documents.migration import describe_migration
from fairtrial_cli.output.document import print_document
from tests.fixtures.dashboard.migration_report import HOSTILE, LEVELS, REPLACED, SIGNAL, sample_report
from tests.fixtures.read_pages import comment


def sentences(report: MigrationReport) -> list[str]:
    """What no form of the report may lack."""
    judged = report.successors
    texts = [f"{report.countdown}.", *(successor.headline for successor in judged), *report.replaced, *report.reviews]
    texts += [line.says for successor in judged for line in successor.findings]
    texts += [f"{successor.target} answers {refusal.error}" for successor in judged for refusal in successor.refusals]
    texts += [refusal.params for successor in judged for refusal in successor.refusals]
    return [*texts, f"fairtrial report {judged[0].verdict_id}"]


def test_every_text_is_on_a_terminal_and_in_a_comment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    report = sample_report("base", "wren", "heron")
    assert report.replaced == [REPLACED] and HOSTILE in REPLACED
    document = describe_migration(report)
    print_document(document)
    said = [
        *sentences(report),
        "tickets: base answered; its run run-base is kept as the baseline for good.",
        f"traffic: base no longer answers ({HOSTILE}). Its stored answers (run kept-base) are used.",
        "traffic: 3 erased cases left out on both sides.",
        *LEVELS["tickets"].values(),
        f"Notable: {SIGNAL}.",
        "$0.0421",
        "2,300 ms",
        "Each of 2 successors is judged at 5 % / 2, so that they share one error rate.",
        "The experiment that moves live traffic is in fairtrial.migrate-base.yaml (a copy of the project file).",
        "before the last day 1,200 users and 12 days are missing.",
        "Next: fairtrial check fairtrial.migrate-base.yaml, then take its part over into the project file.",
    ]
    terminal, page = capsys.readouterr().out, comment(markdown(document))
    assert [text for text in said if text not in terminal] == []
    assert [text for text in said if text not in page.all] == [] and "img" not in page.tags


def test_without_an_experiment_it_says_why_and_what_to_do() -> None:
    report = msgspec.structs.replace(
        sample_report("base", "wren"), experiment=None, no_experiment="no line passes", reviews=["To compare: do it"]
    )
    text = comment(markdown(describe_migration(report))).all
    assert [
        words for words in ("No experiment was written: no line passes.", "To compare: do it") if words not in text
    ] == []
    assert f"When all pairs are judged, judge again: {report.command}" in text and "It is judged at 5 %." in text


def test_a_model_without_any_answers_is_named() -> None:
    report = sample_report("base", "wren")
    silent = msgspec.structs.replace(report.baselines[1], run_id=None, stored=False)
    text = comment(markdown(describe_migration(msgspec.structs.replace(report, baselines=[silent])))).all
    assert "No earlier answers to these cases are stored." in text
