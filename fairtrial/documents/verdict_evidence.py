"""Describes what a verdict rests on, and who requested it with which program."""

from collections.abc import Iterable, Iterator

from fairtrial.api.verdict_answers import RecordParts
from fairtrial.document.values import Block, Details, Facts, Heading, Note, Row, Sentence, Table, Texts
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.verdict import JudgedExperiment, JudgedRun, Verdict
from fairtrial.domain.verdicts.verdict_wording import (
    audit_sentence,
    data_rows,
    lineage_terms,
)
from fairtrial.domain.wording import age, counted
from fairtrial.html_pages import moment

NO_MODEL, NO_WEIGHTS = "not recorded", "none sent, so a change of the weights can't be seen"


def rows_of(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], title: str = "") -> Iterator[Block]:
    """A table after its title; nothing without rows."""
    made = tuple(map(Row, rows))
    if made and title:
        yield Heading(title)
    if made:
        yield Table(columns, made)


def evidence(verdict: Verdict, record: RecordParts) -> Iterator[Block]:
    """What the verdict rests on, and who requested it with which program."""
    provenance = verdict.provenance
    judged = (
        ("candidates judged by this gate", verdict.candidates_judged),
        ("chance of an identical model", verdict.odds),
    )
    if provenance is None:
        yield Heading("Evidence")
        yield Note("An earlier version judged it, without a record of what it rests on.")
        yield from rows_of(("suite", "target", "run"), ((run.suite, run.target, run.run_id) for run in record.runs))
        yield from (Facts.of(judged),) if any(value for _, value in judged) else ()
        return
    yield Heading("Runs")
    columns = ("suite", "target", "model string", "fingerprint", "started", "run")
    yield from rows_of(columns, (_run(run, record.now_us) for run in provenance.runs))
    if not provenance.runs:
        yield Sentence("None. The findings say which runs are missing.")
    suites = ((suite.suite, suite.digest, suite.text_digest or "not stored") for suite in provenance.suites)
    yield from rows_of(("suite", "digest of the cases", "SHA-256 of the text"), suites, "Suites")
    queues = ((queue.title, queue.suite, str(queue.votes), queue.queue_id) for queue in provenance.queues)
    yield from rows_of(("queue", "suite", "votes", "id"), queues, "Blind reviews")
    for experiment in provenance.experiments:
        yield from _experiment(experiment)
    if provenance.training is not None:
        yield from _training(provenance.training)
    yield Heading("Rules")
    yield Details(f"The gate's text, SHA-256 {provenance.gate_sha256}", (Texts((("", provenance.gate_text),)),))
    yield Heading("Who asked, and with what")
    days = "" if provenance.max_age_seconds is None else f"{provenance.max_age_seconds / 86400:g} days"
    asked = (
        ("asked by", provenance.asked_by),
        ("program", f"fairtrial {provenance.program}"),
        ("libraries", ", ".join(map(" ".join, provenance.libraries.items()))),
        ("plan in force", provenance.plan_hash),
        ("a run may be as old as", days),
    )
    yield Facts.of((*asked, *judged))


def _run(run: JudgedRun, now_us: int) -> tuple[str, ...]:
    started = f"{moment(run.started_us)} ({age(run.started_us, now_us)})"
    return run.suite, run.target, run.model or NO_MODEL, run.fingerprint or NO_WEIGHTS, started, run.run_id


def _experiment(experiment: JudgedExperiment) -> Iterator[Block]:
    yield Heading(f"Live experiment {experiment.experiment}, variant {experiment.variant}")
    looked = f", the last at {moment(experiment.looked_us)}" if experiment.looked_us else ""
    amendments = experiment.amendments
    yield Facts.of(
        (
            ("state when judged", experiment.state),
            ("frozen analysis plan", f"number {experiment.plan_number}, hash {experiment.analysis_hash}"),
            ("started", moment(experiment.started_us)),
            ("attempt", f"{experiment.attempt} (segment {experiment.segment})"),
            ("looks", f"{experiment.looks}{looked}"),
            ("amendments", counted(len(amendments), "amendment") if amendments else "none"),
        )
    )
    rows = ((moment(each.at_us), each.actor, each.why, each.analysis_hash) for each in amendments)
    yield from rows_of(("amended", "who", "why", "hash of the new plan"), rows)


def _training(training: TrainingEvidence) -> Iterator[Block]:
    yield Heading("Training data")
    yield Facts.of(lineage_terms(training))
    yield from rows_of(("file", "role", "SHA-256 when judged"), data_rows(training))
    yield Sentence(audit_sentence(training))
