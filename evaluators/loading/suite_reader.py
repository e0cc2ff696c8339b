"""Reads a suite file: `load` gives its suites or raises with every mistake, `check` gives the mistakes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from evaluators.criteria.grammar import parse
from evaluators.criteria.grammar_hints import GateLineError
from evaluators.criteria.notices import INERT_IN_SUITES, inert_keys, undecided
from evaluators.criteria.validation import UNDECIDED, is_elsewhere, unfit
from evaluators.loading.cases import Made, Recipe, columns_of, make_cases, sample
from evaluators.loading.rows import MOST_ROW_BYTES, MOST_ROWS, Row, read_rows
from evaluators.loading.scorers import Built, WrongEntry, build_entry
from evaluators.loading.suite_schema import SuiteModel
from evaluators.results import duplicate_prompts
from evaluators.scoring.json_answer import expected_object
from evaluators.scoring.scorer import Cautious, Particular
from evaluators.suite import DataFile, ScorerEntry, Suite, applies, sealed, tag_values
from fairtrial.config.file.errors import mistakes_of, nearest
from fairtrial.config.file.project_files import MOST_YAML_BYTES, Budget, FileRefused, project_root, read_text
from fairtrial.config.file.yaml_file import Document
from fairtrial.config.file.yaml_file import load as load_yaml
from fairtrial.domain.errors import ConfigError, Mistake

MOST_OF_A_KIND = 20
"""So many mistakes of one file of rows are shown; a wrong column is wrong in every row."""


def load(path: Path, *, root: Path | None = None, budget: Budget | None = None) -> list[Suite]:
    """Every suite of the file; raises `ConfigError` with all mistakes of the file and of the rows that it names.

    ``root`` and ``budget``: those of `yaml_file.load`; what the suite names lies in its own project's folder.
    """
    suites: list[Suite] = []
    mistakes: list[Mistake] = []
    budget = budget or Budget()
    documents = load_yaml(path, root=root, budget=budget)
    if not documents:
        raise ConfigError([Mistake(str(path), 1, "", "the file is empty", "a suite begins with 'suite: NAME'")])
    for document in documents:
        suite, wrong = _read(document, Source(path, project_root(path), budget))
        mistakes += wrong
        if suite is not None and suite.name in {other.name for other in suites}:
            mistakes.append(document.mistake(("suite",), f"{suite.name!r} is the name of another suite of this file"))
        elif suite is not None:
            suites.append(suite)
    if mistakes:
        raise ConfigError(mistakes)
    return suites


def check(path: Path) -> list[Mistake]:
    """Every mistake of the file and of the rows that it names, in order; empty if there is none."""
    try:
        load(path)
    except ConfigError as error:
        return list(error.mistakes)
    return []


def inspect(path: Path) -> tuple[str, list[Mistake]]:
    """What the sound suites are, in a few words, and what to know of them; raises `ConfigError` with all mistakes."""
    suites = load(path)
    notices = [notice for suite in suites for notice in suite.notices]
    notices += [Mistake(str(path), 1, suite.name, warning) for suite in suites for warning in suite.warnings]
    return "; ".join(suite.in_words for suite in suites), notices


@dataclass(frozen=True, slots=True)
class Source:
    """The suite's file, the folder that the files it names must lie in, and what may still be read."""

    path: Path
    root: Path
    budget: Budget

    def read(self, name: str) -> str:
        """The text of a small file that a scorer names; raises `FileRefused`."""
        return read_text(self.path.parent / name, self.root, most=MOST_YAML_BYTES, budget=self.budget)


@dataclass(slots=True)
class _Reading:
    """One document on its way to a suite: what is wrong is collected, and nothing stops at the first mistake."""

    document: Document
    source: Source
    model: SuiteModel
    mistakes: list[Mistake]
    data: list[DataFile] = field(default_factory=list)

    def wrong(self, at: tuple[str | int, ...], wrong: str, known: str = "") -> None:
        self.mistakes.append(self.document.mistake(at, wrong, known))


def _read(document: Document, source: Source) -> tuple[Suite | None, list[Mistake]]:
    value = document.value
    if not isinstance(value, dict):
        return None, [document.mistake((), "a suite must be a mapping of names to values")]
    early: list[Mistake] = []
    if "probes" in value:
        early.append(document.mistake(("probes",), "probes can't be run by this version", PROBES))
        value = {key: item for key, item in value.items() if key != "probes"}
    try:
        model = SuiteModel.model_validate(value)
    except ValidationError as error:
        early += mistakes_of(document, error, SuiteModel)
        known = _without_unknown(value, error)
        if known is None:
            return None, early
        model = known
    reading = _Reading(document, source, model, early)
    suite = _compose(reading)
    return (None if reading.mistakes else suite), reading.mistakes


def _without_unknown(value: dict[str, object], error: ValidationError) -> SuiteModel | None:
    """The suite without its unknown keys, so that the rest is checked in the same go; ``None`` if more is wrong."""
    unknown = {each["loc"][0] for each in error.errors() if each["type"] == "extra_forbidden" and len(each["loc"]) == 1}
    try:
        return SuiteModel.model_validate({key: item for key, item in value.items() if key not in unknown})
    except ValidationError:
        return None


PROBES = "write the cases as rows, tagged by a column such as 'family', and score them with contains or regex"


def _compose(reading: _Reading) -> Suite:
    model = reading.model
    rows = _rows(reading)
    made = _cases(reading, rows)
    built = _scorers(reading)
    if made:
        _check_fit(reading, made, built)
    cases = tuple(one.case for one in (sample(made, model.sample.n, model.sample.seed) if model.sample else made))
    cautions = [one.scorer.caution(cases) for one in built if isinstance(one.scorer, Cautious)] if cases else []
    suite = sealed(
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
            warnings=(*(caution for caution in cautions if caution), *duplicate_prompts.cautions(cases)),
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
        reading.mistakes += _shortened(wrongs)
        if len(rows) > MOST_ROWS:
            reading.wrong(("data", at), f"there are more than {MOST_ROWS:,} rows", "split the suite")
            return []
    return rows


def _cases(reading: _Reading, rows: list[Row]) -> list[Made]:
    model = reading.model
    template = [one.model_dump() for one in model.messages or []]
    if model.prompt is not None:
        template = [{"role": "user", "content": model.prompt}]
    tags = {**{name: name for name in model.slices if name not in model.groups}, **model.tags}
    recipe = Recipe(template, model.system, model.vars, tags, _groups(reading), model.cluster)
    made, wrong = make_cases(rows, recipe)
    reading.mistakes += _shortened(wrong)
    if made:
        _check_columns(reading, made, tags)
    return made


def _groups(reading: _Reading) -> dict[str, tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Tag → (column, group → values), of ``groups: {devices: {of: product, camera+doorbell: [camera, doorbell]}}``."""
    groups: dict[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {}
    for tag, raw in reading.model.groups.items():
        members = {name: value if isinstance(value, list) else [value] for name, value in raw.items() if name != "of"}
        if not isinstance(raw.get("of"), str):
            reading.wrong(("groups", tag), "say of which column", "such as: of: product")
        elif not members or any(isinstance(one, dict | list) for values in members.values() for one in values):
            reading.wrong(("groups", tag), "name its groups and their values", "such as: small: [hub, bulb]")
        else:
            groups[tag] = (raw["of"], {name: tuple(str(one) for one in values) for name, values in members.items()})
    return groups


def _check_columns(reading: _Reading, made: list[Made], tags: Mapping[str, str]) -> None:
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


def _scorers(reading: _Reading) -> list[Built]:
    built: list[Built] = []
    for at, entry in enumerate(reading.model.score):
        try:
            one = build_entry(entry, read=reading.source.read, variables=reading.model.vars, at=at)
        except WrongEntry as error:
            reading.wrong(("score", at, *error.at), error.wrong, error.known)
            continue
        if one.scorer.name in {other.scorer.name for other in built}:
            reading.wrong(("score", at), f"two scorers are called {one.scorer.name!r}", "give one a 'name'")
        built.append(one)
    return built


def _check_fit(reading: _Reading, made: list[Made], built: list[Built]) -> None:
    """Every case has what its scorers need, and is measured by one, unless a wrong scorer is why it is not."""
    known = {tag for one in made for tag in one.case.tags}
    strange = [(one, tag) for one in built for tag in one.when if tag not in known]
    for one, tag in strange:
        at = ("score", one.at, one.kind, "when", tag)
        reading.wrong(at, f"'when' names the tag {tag!r}, which no row has", nearest(tag, known))
    whole = not strange and len(built) == len(reading.model.score)
    reading.mistakes += _shortened(
        [wrong for one in made if (wrong := _unfit(one, built, whole=whole)) is not None],
    )


def _unfit(made: Made, built: list[Built], *, whole: bool) -> Mistake | None:
    scorers = [one.scorer for one in built if applies(one.when, made.case)]
    name = made.case.case_id
    if whole and not scorers:
        return made.row.mistake(f"no scorer measures the case {name!r}", "see 'when'")
    for scorer in scorers:
        unfit = scorer.unfit(made.case) if isinstance(scorer, Particular) else None
        if unfit:
            return made.row.mistake(f"the case {name!r} {unfit}", f"for the scorer {scorer.name!r}")
    return None


def _check_gate(reading: _Reading, suite: Suite) -> list[Mistake]:
    """Every gate line can be read, and, if nothing else is wrong, measures what the suite has; gives the notices."""
    sound = not reading.mistakes
    waiting: list[tuple[tuple[str | int, ...], str]] = []
    for at, text in enumerate(suite.gate):
        try:
            line = parse(text)
        except GateLineError as error:
            reading.wrong(("gate", at), f"{text!r}: {error.wrong}", error.known)
            continue
        if sound and (wrong := unfit(suite, line)) is not None:
            reading.wrong(("gate", at), f"{text!r}: {wrong[0]}", wrong[1])
        elif line.family in UNDECIDED and is_elsewhere(suite, line):
            waiting.append((("gate", at), text))
    return list(undecided(reading.document, waiting))


def _shortened(mistakes: list[Mistake]) -> list[Mistake]:
    """The first mistakes of a file of rows, and how many more there are."""
    if len(mistakes) <= MOST_OF_A_KIND:
        return mistakes
    last = mistakes[MOST_OF_A_KIND]
    more = len(mistakes) - MOST_OF_A_KIND
    return [*mistakes[:MOST_OF_A_KIND], Mistake(last.file, last.line, "", f"and {more} more mistakes from here on")]
