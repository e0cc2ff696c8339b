"""Renders the findings of a verdict and what it rests on, for its export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from evaluators.gate.chart_data import Figure, figures
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.names.ages import age
from fairtrial.domain.plurals import counted
from fairtrial.domain.training.evidence import TrainingEvidence
from fairtrial.domain.training.wording import audit_sentence, data_rows, lineage_terms
from fairtrial.domain.verdict import Finding, Verdict
from fairtrial.domain.verdicts.provenance import JudgedRun, Provenance
from fairtrial.domain.verdicts.unasked import is_unasked, unasked_lines
from gateway.control.operations.verdicts.export.markup import element, moment, paragraph, section, table, terms, text

NO_MODEL, NO_FINGERPRINT = "not recorded", "none sent, so a change of the weights can't be seen"
WORST_FIRST = ("invalid", "fail", "cannot tell", "pass")


def models_section(verdict: Verdict) -> str:
    """What candidate and baseline are: not only a name, but the model string and the fingerprint of the weights."""
    return "" if verdict.provenance is None else section("Models", _models(verdict, verdict.provenance))


def findings_sections(verdict: Verdict) -> Iterator[str]:
    """Every finding, the worst first, and the intervals behind them."""
    ordered = sorted(verdict.findings, key=lambda one: (not one.decisive, WORST_FIRST.index(one.result)))
    rows = [(_result(one), _rule(one), one.source, _says(one)) for one in ordered if not is_unasked(one)]
    yield section("Findings", table(("result", "rule", "from", "finding"), rows, kind="findings"))
    yield section(BLOCK_TITLE, *(paragraph(line) for line in unasked_lines(verdict.findings)))
    shown = [_figure(one, verdict.findings[one.finding]) for one in figures(verdict.findings)]
    note = paragraph("One-sided 95 % bounds of differences, and 95 % intervals of levels.", kind="dim") if shown else ""
    headers = ("metric", "from", "shows", "estimate", "interval", "limit", "n")
    yield section("Figures", table(headers, shown), note)


def evidence_sections(verdict: Verdict, record: dict[str, Any]) -> Iterator[str]:
    """Models, runs, suites, reviews, live experiments, the gate's text, and who asked with which program."""
    kept = verdict.provenance
    if kept is None:
        rows = [(one["suite"], one["target"], one["run_id"]) for one in record["runs"]]
        old = paragraph("An earlier version judged it, without a record of what it rests on.", kind="note")
        yield section("Evidence", old, table(("suite", "target", "run"), rows))
        return
    yield section("Runs", _runs(kept, record["now_us"]))
    suites = [(one.suite, one.digest, one.text_digest or "not stored") for one in kept.suites]
    yield section("Suites", table(("suite", "digest of the cases", "SHA-256 of the text"), suites))
    queues = [(one.title, one.suite, one.votes, one.queue_id) for one in kept.queues]
    yield section("Blind reviews", table(("queue", "suite", "votes", "id"), queues))
    yield section("Live experiments", *_experiments(kept))
    if kept.training is not None:
        yield section("Training data", *_training(kept.training))
    yield section("Rules", paragraph(f"SHA-256 of the gate's text: {kept.gate_sha256}"), _preformatted(kept.gate_text))
    yield section("Who asked, and with what", _circumstances(verdict, kept))


def _result(finding: Finding) -> str:
    return finding.result if finding.decisive else "shown"


def _rule(finding: Finding) -> str:
    return finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")


def _says(finding: Finding) -> str:
    return finding.says + (f" Needed: {finding.needed}" if finding.needed else "")


def _figure(figure: Figure, finding: Finding) -> tuple[object, ...]:
    unit = f" {figure.unit}" if figure.unit else ""
    metric = f"{finding.metric} in {finding.scope}" if finding.scope else finding.metric
    limit = "" if figure.limit is None else f"{figure.limit:.4g}{unit}"
    interval = f"{figure.low:.4g} to {figure.high:.4g}{unit}"
    return metric, finding.source, figure.kind, f"{figure.value:.4g}{unit}", interval, limit, figure.n


def _models(verdict: Verdict, kept: Provenance) -> str:
    rows = []
    for role, target in (("candidate", verdict.candidate), ("baseline", verdict.baseline)):
        runs = [run for run in kept.runs if run.target == target]
        models = ", ".join(dict.fromkeys(run.model or NO_MODEL for run in runs)) or NO_MODEL
        weights = ", ".join(dict.fromkeys(run.fingerprint or NO_FINGERPRINT for run in runs)) or "no run"
        rows.append((role, target, models, weights, kept.definitions.get(target, "")))
    return table(("role", "name", "model string", "fingerprint of the weights", "digest of the definition"), rows)


def _runs(kept: Provenance, now_us: int) -> str:
    rows = [_run(run, now_us) for run in kept.runs]
    if not rows:
        return paragraph("None. The findings say which runs are missing.")
    return table(("suite", "target", "model string", "fingerprint", "started", "run"), rows)


def _run(run: JudgedRun, now_us: int) -> tuple[object, ...]:
    started = f"{moment(run.started_us)} ({age(run.started_us, now_us)})"
    return run.suite, run.target, run.model or NO_MODEL, run.fingerprint or NO_FINGERPRINT, started, run.run_id


def _experiments(kept: Provenance) -> Iterator[str]:
    for one in kept.experiments:
        looked = f", the last at {moment(one.looked_us)}" if one.looked_us else ""
        yield element("h3", text(f"{one.experiment}, variant {one.variant}"))
        yield terms(
            [
                ("state when judged", one.state),
                ("frozen analysis plan", f"number {one.plan_number}, hash {one.analysis_hash}"),
                ("started", moment(one.started_us)),
                ("attempt", f"{one.attempt} (segment {one.segment})"),
                ("looks", f"{one.looks}{looked}"),
                ("amendments", counted(len(one.amendments), "amendment") if one.amendments else "none"),
            ]
        )
        rows = [(moment(made.at_us), made.actor, made.why, made.analysis_hash) for made in one.amendments]
        yield table(("amended", "who", "why", "hash of the new plan"), rows)


def _training(training: TrainingEvidence) -> Iterator[str]:
    row = msgspec.to_builtins(training)
    yield terms(lineage_terms(row))
    yield table(("file", "role", "SHA-256 when judged"), data_rows(row))
    yield paragraph(audit_sentence(row))


def _circumstances(verdict: Verdict, kept: Provenance) -> str:
    allowed = f"{kept.max_age_seconds / 86_400:g} days" if kept.max_age_seconds is not None else ""
    libraries = ", ".join(f"{name} {found}" for name, found in kept.libraries.items())
    return terms(
        [
            ("asked by", kept.asked_by),
            ("program", f"fairtrial {kept.program}"),
            ("libraries", libraries),
            ("plan in force", kept.plan_hash),
            ("a run may be as old as", allowed),
            ("candidates judged by this gate", verdict.candidates_judged),
            ("chance of an identical model", None if verdict.odds is None else str(verdict.odds)),
        ]
    )


def _preformatted(words: str) -> str:
    return element("pre", text(words))
