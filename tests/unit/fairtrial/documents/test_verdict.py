"""Each face of a verdict shows what limits it: on a terminal, in a comment, in a report and in an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evaluators.engine.run_events import events_of
from evaluators.loading.suite_text import suite_event
from evaluators.report_content import page
from evaluators.report_content.content import ReportContent
from evaluators.reports import markdown as markdown_report
from fairtrial.api.verdict_answers import ReleaseRecord
from fairtrial.document.values import Document
from fairtrial.documents.release_record import describe_record, describe_votes
from fairtrial.documents.verdict import describe_judgement
from fairtrial.domain.answers.signals import BLOCK_TITLE, NOTABLE_RULE
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_wording import EXPERIMENT_SAYS, is_unasked, titled, unasked_lines
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.output.document import print_document
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.release.approvals import vote_on_verdict
from gateway.control.verdicts.release.release_record import read_contents, release_record
from tests.fixtures.control.judged_trial import PERSON, JudgedTrial
from tests.fixtures.evaluators.result_files import run_of
from tests.fixtures.read_pages import Page, comment

REFUSAL = "I'm sorry, but I can't help with that request."
WHY = "the tone is wrong in 3 of 40 answers"


@dataclass(frozen=True)
class Faces:
    """A stored verdict with its record, and what its readers see."""

    verdict: Verdict
    record: ReleaseRecord
    report: Page
    export: Page
    comment: Page


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    """Users dislike a candidate that passes its suite with longer answers; it was rejected, and then redefined."""
    trial = JudgedTrial(tmp_path_factory.mktemp("blocked"))
    trial.live_traffic(400, tuned=0.3, base=0.9)
    texts = [str(case.expected) for case in trial.suite.cases]
    store(trial, "base", texts)
    store(trial, "tuned", [*(f"{text}   " for text in texts[:95]), *[REFUSAL] * 5])
    verdict = trial.judge()
    vote(trial, verdict, "reject")
    trial.edit("tuned: {model: openai/tuned,", "tuned: {model: openai/tuned-again,")
    yield faces(trial, verdict)
    trial.close()


def store(trial: JudgedTrial, target: str, texts: Sequence[str]) -> None:
    """Store a run with these answers, which the engine scores."""
    trial.now_us += 1_000_000
    published = trial.publisher.published
    assert published is not None
    digest = published.plan.deployments[target].digest
    run = replace(
        run_of(trial.suite, target, texts), deployment_digest=digest, started_us=trial.now_us, ended_us=trial.now_us
    )
    writer = JournalWriter(trial.layout.journal, writer="eval")
    assert writer.append(suite_event(trial.suite, trial.now_us), *events_of(run))
    writer.close()
    trial.ingester.catch_up()


def vote(trial: JudgedTrial, verdict: Verdict, word: str) -> None:
    voter = (PERSON, "release-manager")
    vote_on_verdict(trial.database, verdict.verdict_id, word, voter, why=WHY, now_us=trial.now_us)  # type: ignore[arg-type]


def faces(trial: JudgedTrial, verdict: Verdict) -> Faces:
    record = release_record(trial.database, verdict, trial.present)
    content = ReportContent(
        says=titled(verdict.headline, official=verdict.official), suites=(), policy="full", masked={},
        made_us=trial.now_us, program="1", verdict=verdict, reads=record.reads, approvals=record.approvals.state,
        stale=tuple(record.stale),
    )  # fmt: skip
    export = render(read_contents(trial.database, verdict, trial.present))
    return Faces(
        verdict, record, Page(page.render(content)), Page(export), comment(markdown_report.render_content(content))
    )


def printed(document: Document, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> str:
    patch.setenv("COLUMNS", "2000")
    print_document(document)
    return capsys.readouterr().out


def limits(verdict: Verdict) -> list[str]:
    """Conflicts, what is needed, and informative findings: what every face shows."""
    shown = [finding for finding in verdict.findings if not finding.decisive and not is_unasked(finding)]
    needed = [f"Needed: {finding.needed}" for finding in verdict.findings if finding.needed]
    assert verdict.conflicts and needed and shown
    return [*(f"Conflict: {text}" for text in verdict.conflicts), *needed, *(finding.says for finding in shown)]


def missing(text: str, sentences: Sequence[str]) -> list[str]:
    words = " ".join(text.split())
    return [sentence for sentence in sentences if " ".join(sentence.split()) not in words]


def test_the_command_that_judges_prints_what_limits_the_verdict(
    blocked: Faces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(describe_judgement(blocked.verdict), capsys, monkeypatch)
    notable = [line for line in unasked_lines(blocked.verdict.findings) if line.startswith("Notable: ")]
    assert notable and missing(text, [*limits(blocked.verdict), *notable]) == []


def test_the_record_prints_it_with_the_votes_and_why_it_no_longer_stands(
    blocked: Faces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(describe_record(blocked.verdict, blocked.record, blocked.record.chain), capsys, monkeypatch)
    sentences = [*unasked_lines(blocked.verdict.findings), WHY, f"rejected  {PERSON}", "BLOCK: tuned against base"]
    assert missing(text, [*limits(blocked.verdict), *stale(blocked), *sentences]) == []


def test_the_command_and_the_record_show_the_findings_in_the_same_order(
    blocked: Faces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [finding.says for finding in blocked.verdict.findings if not is_unasked(finding)]
    documents = describe_judgement(blocked.verdict), describe_record(blocked.verdict, blocked.record, None)
    texts = [*(printed(document, capsys, monkeypatch) for document in documents), blocked.comment.all]
    text, *others = [sorted(sentences, key=each.rindex) for each in texts]
    assert others == [text, text]


def stale(blocked: Faces) -> list[str]:
    assert blocked.record.stale
    return [f"No longer stands: {reason}" for reason in blocked.record.stale]


def test_a_comment_shows_it_outside_its_fold(blocked: Faces) -> None:
    lines = unasked_lines(blocked.verdict.findings)
    sentences = [*limits(blocked.verdict), *stale(blocked), *lines]
    assert missing(blocked.comment.unfolded.replace("Needed: ", " Needed: "), sentences) == []
    titles = ["What decided", "For information", BLOCK_TITLE]
    places = [blocked.comment.unfolded.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places) and "\\" not in blocked.comment.all
    informative = sum(not finding.decisive and not is_unasked(finding) for finding in blocked.verdict.findings)
    open_rules = sum(finding.decisive and finding.result != "pass" for finding in blocked.verdict.findings)
    assert blocked.comment.tags.count("li") == informative + open_rules + len(lines)


@pytest.mark.parametrize("face", ["report", "export"])
def test_a_page_shows_it_and_a_conflict_is_an_error(blocked: Faces, face: str) -> None:
    seen: Page = getattr(blocked, face)
    rest = [*stale(blocked), BLOCK_TITLE, NOTABLE_RULE, *unasked_lines(blocked.verdict.findings)]
    assert missing(seen.unfolded, [*limits(blocked.verdict), *rest]) == []
    assert {text.startswith(("No longer stands", "Conflict")) for text in seen.errors} == {True}
    assert len(seen.errors) == len(blocked.verdict.conflicts) + len(blocked.record.stale)


def test_the_export_shows_the_votes(blocked: Faces) -> None:
    assert missing(blocked.export.unfolded, [WHY, "Only a SHIP can be approved."]) == []


def test_a_ship_has_no_title_above_nothing_and_names_its_votes(tmp_path: Path) -> None:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path, 400)
    verdict = trial.judge()
    vote(trial, verdict, "approve")
    ship = faces(trial, verdict)
    trial.close()
    assert verdict.decision == "SHIP" and "What decided" not in ship.comment.all
    for face in (ship.comment, ship.report, ship.export):
        assert missing(face.unfolded, [WHY]) == []


def test_the_command_does_not_repeat_what_its_headline_says(
    blocked: Faces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trial = JudgedTrial(tmp_path)
    trial.run_both(85, 80)
    suites_alone = "version: 1\ngate: quick\nsuites: [small]\n"
    verdict = trial.judge(gate=suites_alone)
    trial.close()
    answers = [finding.says for finding in verdict.findings if finding.rule == EXPERIMENT_SAYS]
    assert answers and printed(describe_judgement(verdict), capsys, monkeypatch).lower().count(answers[0].lower()) == 1


def test_the_votes_alone_begin_the_record(blocked: Faces) -> None:
    head, whole = (
        describe_votes(blocked.verdict, blocked.record),
        describe_record(blocked.verdict, blocked.record, None),
    )
    assert head.title == whole.title and head.blocks == whole.blocks[: len(head.blocks)]
