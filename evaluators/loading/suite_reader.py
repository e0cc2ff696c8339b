"""Reads a suite file: returns its suites, or raises all its errors at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from evaluators.criteria.grammar import parse
from evaluators.criteria.grammar_hints import GateLineError
from evaluators.criteria.notices import INERT_IN_SUITES, inert_keys, undecided_lines
from evaluators.criteria.validation import UNDECIDED_FAMILIES, is_external, validate_line
from evaluators.loading.cases import CaseOfRow, Recipe, columns_of, make_cases, sample
from evaluators.loading.rows import MOST_ROW_BYTES, MOST_ROWS, Row, read_rows
from evaluators.loading.scorers import BuiltScorer, WrongEntry, build_entry
from evaluators.loading.suite_schema import SuiteModel
from evaluators.results import duplicate_prompts
from evaluators.scoring.json_answer import expected_object
from evaluators.scoring.scorer import ChecksCases, WarnsAboutSuite
from evaluators.suite import DataFile, ScorerEntry, Suite, applies, tag_values, with_digest
from fairtrial.config.file.errors import nearest, validation_errors
from fairtrial.config.file.project_files import MOST_YAML_BYTES, Budget, FileRefused, project_root, read_text
from fairtrial.config.file.yaml_file import Document
from fairtrial.config.file.yaml_file import load as load_yaml
from fairtrial.domain.errors import ConfigError, Diagnostic

MOST_OF_A_KIND = 20
"""How many errors of one file of rows are shown, because a wrong column is wrong in every row."""


def load(path: Path, *, root: Path | None = None, budget: Budget | None = None) -> list[Suite]:
    """Load every suite of the file; raises `ConfigError` with all errors of the file and its rows.

    ``root`` and ``budget`` are as in `yaml_file.load`; files that the suite names must be in its project's folder.
    """
    suites: list[Suite] = []
    errors: list[Diagnostic] = []
    budget = budget or Budget()
    documents = load_yaml(path, root=root, budget=budget)
    if not documents:
        raise ConfigError([Diagnostic(str(path), 1, "", "the file is empty", "a suite begins with 'suite: NAME'")])
    for document in documents:
        suite, wrong = _read(document, Source(path, project_root(path), budget))
        errors += wrong
        if suite is not None and suite.name in {other.name for other in suites}:
            errors.append(document.diagnostic(("suite",), f"{suite.name!r} is the name of another suite of this file"))
        elif suite is not None:
            suites.append(suite)
    if errors:
        raise ConfigError(errors)
    return suites


def inspect(path: Path) -> tuple[str, list[Diagnostic]]:
    """A summary of valid suites, and their notices and warnings; raises `ConfigError` with all errors."""
    suites = load(path)
    notices = [notice for suite in suites for notice in suite.notices]
    notices += [Diagnostic(str(path), 1, suite.name, warning) for suite in suites for warning in suite.warnings]
    return "; ".join(suite.in_words for suite in suites), notices


@dataclass(frozen=True, slots=True)
class Source:
    """The suite's file, the folder in which the files it names must be, and the remaining read budget."""

    path: Path
    root: Path
    budget: Budget

    def read(self, name: str) -> str:
        """The text of a small file that a scorer names; raises `FileRefused`."""
        return read_text(self.path.parent / name, self.root, most=MOST_YAML_BYTES, budget=self.budget)


@dataclass(slots=True)
class _Reading:
    """One document that is being read; errors are collected, so that all are reported."""

    document: Document
    source: Source
    model: SuiteModel
    errors: list[Diagnostic]
    data: list[DataFile] = field(default_factory=list)

    def wrong(self, at: tuple[str | int, ...], wrong: str, known: str = "") -> None:
        self.errors.append(self.document.diagnostic(at, wrong, known))


def _read(document: Document, source: Source) -> tuple[Suite | None, list[Diagnostic]]:
    value = document.value
    if not isinstance(value, dict):
        return None, [document.diagnostic((), "a suite must be a mapping of keys to values")]
    early: list[Diagnostic] = []
    if "probes" in value:
        early.append(document.diagnostic(("probes",), "this version cannot run probes", PROBES))
        value = {key: item for key, item in value.items() if key != "probes"}
    try:
        model = SuiteModel.model_validate(value)
    except ValidationError as error:
        early += validation_errors(document, error, SuiteModel)
        known = _without_unknown(value, error)
        if known is None:
            return None, early
        model = known
    reading = _Reading(document, source, model, early)
    suite = _compose(reading)
    return (None if reading.errors else suite), reading.errors


def _without_unknown(value: dict[str, object], error: ValidationError) -> SuiteModel | None:
    """The suite without its unknown keys, so that the rest is checked too; ``None`` if more is wrong."""
    unknown = {each["loc"][0] for each in error.errors() if each["type"] == "extra_forbidden" and len(each["loc"]) == 1}
    try:
        return SuiteModel.model_validate({key: item for key, item in value.items() if key not in unknown})
    except ValidationError:
        return None


PROBES = "write the cases as rows, with a tag column such as 'family', and score them with contains or regex"


def _compose(reading: _Reading) -> Suite:
    model = reading.model
    rows = _rows(reading)
    made = _cases(reading, rows)
    built = _scorers(reading)
    if made:
        _check_fit(reading, made, built)
    cases = tuple(one.case for one in (sample(made, model.sample.n, model.sample.seed) if model.sample else made))
    cautions = (
        [one.scorer.suite_warning(cases) for one in built if isinstance(one.scorer, WarnsAboutSuite)] if cases else []
    )
    suite = with_digest(
        Suite(
            name=model.suite,
            kind=model.kind or ("regression" if model.against else "metric"),
            path=reading.source.path,
            digest="",
            cases=cases,
            params=model.params,
            scorers=tuple(one.scorer for one in built),
            when={one.scorer.name: one.when for one in built if one.when},
            slices=(*dict.fromkeys((*model.slices, *model.tags, *model.groups)),),
            cluster=model.cluster,
            repeat=model.repeat,
            gate=tuple(model.gate),
            gate_lines=tuple(reading.document.line_of(("gate", at)) for at in range(len(model.gate))),
            seed=model.seed,
            warnings=(*(caution for caution in cautions if caution), *duplicate_prompts.duplicate_warnings(cases)),
            description=model.description,
            entries={one.scorer.name: ScorerEntry(one.kind, one.options) for one in built},
            data=tuple(reading.data),
        )
    )
    lines = _check_gate(reading, suite)
    return replace(suite, notices=(*inert_keys(reading.document, INERT_IN_SUITES), *lines))


def _rows(reading: _Reading) -> list[Row]:
    rows: list[Row] = []
    for at, name in enumerate(reading.model.data):
        source = reading.source
        try:
            text = read_text(source.path.parent / name, source.root, most=MOST_ROW_BYTES, budget=source.budget)
        except FileRefused as error:
            missing = isinstance(error.__cause__, FileNotFoundError)
            wrong = f"there is no file {name!r}" if missing else f"{name!r} {error.wrong}"
            reading.wrong(("data", at), wrong, error.known or "paths are relative to the suite's file")
            continue
        found, wrongs = read_rows(source.path.parent / name, text)
        rows += found
        reading.data.append(DataFile(name, hashlib.sha256(text.encode()).hexdigest(), len(found)))
        reading.errors += _shortened(wrongs)
        if len(rows) > MOST_ROWS:
            reading.wrong(("data", at), f"there are more than {MOST_ROWS:,} rows", "split the suite")
            return []
    return rows


def _cases(reading: _Reading, rows: list[Row]) -> list[CaseOfRow]:
    model = reading.model
    template = [one.model_dump() for one in model.messages or []]
    if model.prompt is not None:
        template = [{"role": "user", "content": model.prompt}]
    tags = {**{name: name for name in model.slices if name not in model.groups}, **model.tags}
    recipe = Recipe(template, model.system, model.vars, tags, _groups(reading), model.cluster)
    made, wrong = make_cases(rows, recipe)
    reading.errors += _shortened(wrong)
    if made:
        _check_columns(reading, made, tags)
    return made


def _groups(reading: _Reading) -> dict[str, tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Tag → (column, group → values), of ``groups: {devices: {of: product, camera+doorbell: [camera, doorbell]}}``."""
    groups: dict[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {}
    for tag, raw in reading.model.groups.items():
        members = {name: value if isinstance(value, list) else [value] for name, value in raw.items() if name != "of"}
        if not isinstance(raw.get("of"), str):
            reading.wrong(("groups", tag), "the column is missing", "such as: of: product")
        elif not members or any(isinstance(one, dict | list) for values in members.values() for one in values):
            reading.wrong(("groups", tag), "the groups and their values are missing", "such as: small: [hub, bulb]")
        else:
            groups[tag] = (raw["of"], {name: tuple(str(one) for one in values) for name, values in members.items()})
    return groups


def _check_columns(reading: _Reading, made: list[CaseOfRow], tags: Mapping[str, str]) -> None:
    columns = {column for one in made for column in columns_of(one.row)} - {"messages"}
    fields = {field for one in made for field in expected_object(one.case.expected) or {}} - columns
    known = "columns: " + ", ".join(sorted(columns))
    known += f"; fields of the expected object: {', '.join(sorted(fields))}" if fields else ""
    for tag, column in tags.items():
        if not any(tag_values(one.case, tag) for one in made):
            slices = reading.model.slices
            at = ("tags", tag) if tag in reading.model.tags else ("slices", slices.index(tag))
            reading.wrong(at, f"no row has the column {column!r}", known)
    for tag in reading.model.groups:
        if not any(tag_values(one.case, tag) for one in made):
            reading.wrong(("groups", tag), "no row lies in any of its groups", known)
    if reading.model.cluster and not any(one.case.cluster for one in made):
        reading.wrong(("cluster",), f"no row has the column {reading.model.cluster!r}", known)


def _scorers(reading: _Reading) -> list[BuiltScorer]:
    built: list[BuiltScorer] = []
    for at, entry in enumerate(reading.model.score):
        try:
            one = build_entry(entry, read=reading.source.read, variables=reading.model.vars, at=at)
        except WrongEntry as error:
            reading.wrong(("score", at, *error.at), error.wrong, error.known)
            continue
        if one.scorer.name in {other.scorer.name for other in built}:
            reading.wrong(("score", at), f"two scorers have the name {one.scorer.name!r}", "give one another 'name'")
        built.append(one)
    return built


def _check_fit(reading: _Reading, made: list[CaseOfRow], built: list[BuiltScorer]) -> None:
    """Check that every case has a scorer and what its scorers need, unless an invalid scorer is the reason."""
    known = {tag for one in made for tag in one.case.tags}
    strange = [(one, tag) for one in built for tag in one.when if tag not in known]
    for one, tag in strange:
        at = ("score", one.at, one.kind, "when", tag)
        reading.wrong(at, f"'when' names the tag {tag!r}, which no row has", nearest(tag, known))
    whole = not strange and len(built) == len(reading.model.score)
    reading.errors += _shortened(
        [wrong for one in made if (wrong := _unfit(one, built, whole=whole)) is not None],
    )


def _unfit(made: CaseOfRow, built: list[BuiltScorer], *, whole: bool) -> Diagnostic | None:
    scorers = [one.scorer for one in built if applies(one.when, made.case)]
    name = made.case.case_id
    if whole and not scorers:
        return made.row.diagnostic(f"no scorer measures the case {name!r}", "see 'when'")
    for scorer in scorers:
        problem = scorer.case_problem(made.case) if isinstance(scorer, ChecksCases) else None
        if problem:
            return made.row.diagnostic(f"the case {name!r} {problem}", f"for the scorer {scorer.name!r}")
    return None


def _check_gate(reading: _Reading, suite: Suite) -> list[Diagnostic]:
    """Check every gate line, against the suite only if there is no other error; returns the notices."""
    sound = not reading.errors
    waiting: list[tuple[tuple[str | int, ...], str]] = []
    for at, text in enumerate(suite.gate):
        try:
            line = parse(text)
        except GateLineError as error:
            reading.wrong(("gate", at), f"{text!r}: {error.wrong}", error.known)
            continue
        if sound and (wrong := validate_line(suite, line)) is not None:
            reading.wrong(("gate", at), f"{text!r}: {wrong[0]}", wrong[1])
        elif line.family in UNDECIDED_FAMILIES and is_external(suite, line):
            waiting.append((("gate", at), text))
    return list(undecided_lines(reading.document, waiting))


def _shortened(errors: list[Diagnostic]) -> list[Diagnostic]:
    """The first errors of a file of rows, and the number of the others."""
    if len(errors) <= MOST_OF_A_KIND:
        return errors
    last = errors[MOST_OF_A_KIND]
    more = len(errors) - MOST_OF_A_KIND
    return [*errors[:MOST_OF_A_KIND], Diagnostic(last.file, last.line, "", f"and {more} more errors from here on")]
