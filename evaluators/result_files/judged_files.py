"""Judges two files of results by the rules of a gate, as runs of one suite on two targets."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from evaluators.criteria.grammar import GateLineError, Rule, parse
from evaluators.criteria.metric_catalogue import measures_of
from evaluators.criteria.validation import validate_line
from evaluators.engine.controls import with_controls
from evaluators.engine.scoring import metrics_of, score_case, versions_of
from evaluators.engine.signal_scorer import Signals
from evaluators.gate.file import Gate
from evaluators.gate.judge import judge
from evaluators.report_content.content import ReportContent, Texts
from evaluators.report_content.suites import SuiteRuns, compared, suite_report
from evaluators.result_files.measures import Measures, choose
from evaluators.result_files.pairing_files import PairedFiles, Results, pair_files
from evaluators.result_files.read import read
from evaluators.result_files.result import FileResult, ResultFile
from evaluators.results.run_table import table_of
from evaluators.suite import ScorerEntry, Suite, with_digest
from evaluators.trial import Trial
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.run import CONTROLS, Answer, CaseResult, Run, Score, ScoreFailure
from fairtrial.domain.verdicts.model_equality import EQUAL
from fairtrial.domain.verdicts.verdict import Provenance, Verdict

MARGIN = "5pp"
"""How much worse a share may be, or a graded score on a scale of 100: 5 % of its scale."""
NAME = "results"
UNOFFICIAL = "it compares two files, not the models of a project"
NEEDED = {EQUAL: "answers of two different models", CONTROLS: "more cases with other references, or scores of answers"}
"""What settles a HOLD by these metrics, in place of a line in the file of a gate."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How to compare: the margin as a gate line has it, whether better is required, and which measures and cases."""

    margin: str | None = None
    better: bool = False
    measures: tuple[str, ...] = ()
    shared_only: bool = False
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class JudgedFiles:
    """The verdict, sentences on what was read and left out, and the results as runs."""

    verdict: Verdict
    notes: tuple[str, ...]
    runs: SuiteRuns


class FileSuite(Suite):
    """The cases of two files, which no command can run."""

    __slots__ = ()

    def command(self, *targets: str) -> str:
        """What replaces a run of this suite."""
        return f"results of all cases in {' and '.join(targets)}"


def judge_files(old: Path, new: Path, options: FileOptions, *, at_us: int) -> JudgedFiles:
    """Judge NEW against OLD. Raises `ConfigError` for a file with errors and `UsageError` for wrong options."""
    files = read(old, options.columns or {}), read(new, options.columns or {})
    if old.read_bytes() == new.read_bytes():
        files[1].refuse(1, f"it has the same content as {old}", "compare two different files")
    paired = pair_files(*files, shared_only=options.shared_only)
    measures = choose(files, paired, options.measures)
    suite = _suite(paired, measures, new)
    lines = [_line(scorer.name, options) for scorer in measures.scorers]
    gate = _gate(suite, lines)
    texts = all(file.has_answers for file in files)
    names = (old.name, new.name) if old.name != new.name else (str(old), str(new))
    runs = {
        name: table_of(_run(suite, measures, (file, results), name, texts=texts, at_us=at_us))
        for name, file, results in zip(names, files, (paired.old, paired.new), strict=True)
    }
    trial = Trial(names[1], names[0], lambda _, target: runs[target])
    verdict = judge(gate, trial, verdict_id=id_at(at_us), at_us=at_us)
    text = "\n".join(lines)
    provenance = Provenance(
        text, sha256(text.encode()).hexdigest(), (), version("fairtrial"), "", "", unofficial_why=UNOFFICIAL
    )
    read_as = " and ".join(dict.fromkeys(file.format for file in files))
    count = f"Read {read_as}: {len(files[0].results):,} results of {names[0]}, {len(files[1].results):,} of {names[1]}"
    notes = (count, *paired.notes, *measures.notes)
    old_run, new_run = runs.values()
    tables = SuiteRuns(measures=measures_of(suite), baseline=old_run, candidates=(new_run,), tags=suite.slices)
    findings = tuple(
        replace(
            each, rule=each.rule.replace(" than base", f" than {names[0]}"), needed=NEEDED.get(each.metric, each.needed)
        )
        for each in verdict.findings
    )
    return JudgedFiles(replace(verdict, findings=findings, provenance=provenance), notes, tables)


def report_content(judged: JudgedFiles) -> ReportContent:
    """The verdict with what changed; without the texts of cases, because others may read the report."""
    texts, runs = Texts("none"), judged.runs
    suite, verdict = suite_report(runs, compared(runs), [], texts), texts.verdict(judged.verdict)
    return ReportContent(
        says=verdict.headline,
        suites=(suite,),
        policy=texts.policy,
        masked=dict(texts.masked),
        made_us=runs.baseline.started_us,
        program=version("fairtrial"),
        verdict=verdict,
    )


def next_step(verdict: Verdict, old: Path, new: Path) -> str:
    """What to do next, with its command."""
    again = f"fairtrial gate {shlex.quote(str(old))} {shlex.quote(str(new))}"
    if verdict.decision == "SHIP":
        return "judge both models on your own questions and users: fairtrial init trial --from URL"
    if verdict.decision == "BLOCK":
        return f"repair the new model or prompt, write its results again, and run: {again}"
    needed = (finding.needed for finding in verdict.findings if finding.decisive and finding.needed)
    return f"{next(needed, 'more cases')}. Then run: {again}"


def _suite(paired: PairedFiles, measures: Measures, path: Path) -> Suite:
    """The suite of both runs; its digest covers the cases and the measures."""
    own = measures.own
    suite = FileSuite(
        name=NAME,
        kind="metric",
        path=path,
        digest="",
        cases=paired.cases,
        params={},
        scorers=measures.scorers,
        slices=tuple(dict.fromkeys(tag for case in paired.cases for tag in case.tags)),
        repeat=max(len(repeats) for repeats in paired.old.values()),
        entries={} if own is None else {own.scorer.name: ScorerEntry(own.kind, own.options)},
    )
    return with_digest(suite)


def _line(name: str, options: FileOptions) -> str:
    by = f" by {options.margin}" if options.margin else ""
    return f"{name} better than base{by}" if options.better else f"{name} not worse than base{by or f' by {MARGIN}'}"


def _gate(suite: Suite, lines: Sequence[str]) -> Gate:
    """A gate with these lines on the suite; raises `UsageError` for a margin that is none."""
    try:
        rules = tuple(Rule(text, parse(text), suite, suite.name) for text in lines)
    except GateLineError as error:
        raise UsageError(f"--margin: {error.wrong} (such as {MARGIN})") from error
    for rule in rules:
        if (wrong := validate_line(suite, rule.line)) is not None:
            raise UsageError(f"--margin: {wrong[0]} ({wrong[1]})")
    return Gate(NAME, suite.path, (suite,), rules)


def _run(
    suite: Suite,
    measures: Measures,
    source: tuple[ResultFile, Results],
    target: str,
    *,
    texts: bool,
    at_us: int,
) -> Run:
    """The run of one file; ``texts``: whether both files have the texts of all answers."""
    file, of_case = source
    scoring = suite if measures.own else replace(suite, scorers=())
    signals = Signals(suite) if texts else None
    results = []
    for case in suite.cases:
        given = of_case.get(case.case_id) or [
            FileResult(line=0, case_id=case.case_id, error=f"no result in {file.path}")
        ]
        for repeat, result in enumerate(given):
            answer = Answer(result.answer, error=result.error, finish_reason="stop")
            scored = score_case(scoring, case, repeat, answer, signals=signals)
            results.append(_with_given(scored, result, measures))
    versions = versions_of(suite)
    if measures.own:
        results = list(with_controls(suite, results))
    else:
        versions.pop(CONTROLS)
    if not texts:
        versions.pop(SIGNALS)
    return Run(
        run_id=target,
        suite=suite.name,
        suite_digest=suite.digest,
        target=target,
        deployment_digest=target,
        fingerprint=None,
        seed=suite.seed,
        repeat=max(len(repeats) for repeats in of_case.values()),
        started_us=at_us,
        ended_us=at_us,
        results=tuple(results),
        metrics=metrics_of(suite, results),
        versions=versions,
        interrupted=file.interrupted,
    )


def _with_given(scored: CaseResult, result: FileResult, measures: Measures) -> CaseResult:
    """The result with the scores of the file; one that is missing counts as a failure of its scorer."""
    if scored.answer.error is not None or not measures.given:
        return scored
    scores: dict[str, Score | ScoreFailure] = {**scored.scores}
    for measure in measures.given:
        value = result.scores.get(measure.column)
        stat = measure.stats[0].name
        failure = ScoreFailure(measure.name, "the file has no score")
        scores[measure.name] = failure if value is None else Score(measure.name, {stat: value / measure.unit})
    failed = any(isinstance(score, ScoreFailure) for score in scores.values())
    return replace(scored, scores=scores, outcome="judge_error" if failed else scored.outcome)
