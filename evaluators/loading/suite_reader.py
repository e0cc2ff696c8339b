"""Reads a suite file: returns its suites, or raises all its errors at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evaluators.clusters import duplicate_warnings
from evaluators.criteria.grammar import GateLineError, parse
from evaluators.criteria.validation import INERT_IN_SUITES, inert_keys, validate_line
from evaluators.loading.cases import CaseOfRow, CaseRecipe, columns_of, make_cases, sample
from evaluators.loading.probe_cases import TAGS, family_entries, limited, with_probes
from evaluators.loading.probe_entries import ProbeUse, read_probes
from evaluators.loading.rows import MOST_ROWS, FileRow
from evaluators.loading.scorers import BuiltScorer, WrongEntry, build_entry
from evaluators.loading.suite_file import EMPTY, Place, SuiteFile, SuiteModel, SuiteReading, shortened
from evaluators.scoring.answer_text import expected_object
from evaluators.scoring.scorer import ChecksCases, WarnsAboutSuite
from evaluators.suite import (
    FAMILY_TAG,
    KIND_TAG,
    OWN,
    ScorerEntry,
    Suite,
    applies,
    dominant_cluster,
    tag_values,
    with_digest,
)
from fairtrial.config.file.errors import validation_errors
from fairtrial.config.file.project_files import Budget, project_root
from fairtrial.config.file.yaml_file import Document, load as load_yaml
from fairtrial.config.rules.params import wrong_param
from fairtrial.domain.errors import ConfigError, Diagnostic, nearest


def load(
    path: Path, *, root: Path | None = None, budget: Budget | None = None, columns: Mapping[str, str] = EMPTY
) -> list[Suite]:
    """Load every suite of the file; raises `ConfigError` with all errors of the file and its rows.

    ``root`` and ``budget`` are as in `yaml_file.load`; files that the suite names must be in its project's folder.
    ``columns`` adds to the suite's ``map``.
    """
    suites: list[Suite] = []
    errors: list[Diagnostic] = []
    budget = budget or Budget()
    documents = load_yaml(path, root=root, budget=budget)
    if not documents:
        raise ConfigError([Diagnostic(str(path), 1, "", "the file is empty", "a suite begins with 'suite: NAME'")])
    for document in documents:
        suite, wrong = _read(document, SuiteFile(path, project_root(path), budget), columns)
        errors += wrong
        if suite is not None and suite.name in {earlier.name for earlier in suites}:
            errors.append(document.diagnostic(("suite",), f"{suite.name!r} is the name of another suite of this file"))
        elif suite is not None:
            suites.append(suite)
    if errors:
        raise ConfigError(errors)
    return suites


def inspect(path: Path, columns: Mapping[str, str] = EMPTY) -> tuple[str, list[Diagnostic]]:
    """A summary of valid suites, and their notices and warnings; raises `ConfigError` with all errors."""
    suites = load(path, columns=columns)
    notices = [notice for suite in suites for notice in suite.notices]
    notices += [Diagnostic(str(path), 1, suite.name, warning) for suite in suites for warning in suite.warnings]
    return "; ".join(suite.in_words for suite in suites), notices


def _read(document: Document, source: SuiteFile, columns: Mapping[str, str]) -> tuple[Suite | None, list[Diagnostic]]:
    value = document.value
    if not isinstance(value, dict):
        return None, [document.diagnostic((), "a suite must be a mapping of keys to values")]
    if "suites" in value and "suite" not in value:
        return None, [
            document.diagnostic(("suites",), "this is a gate, not a suite", "judge by it: fairtrial gate FILE")
        ]
    early: list[Diagnostic] = []
    try:
        model = SuiteModel.model_validate(value)
    except ValidationError as error:
        early += validation_errors(document, error, SuiteModel)
        known = _without_unknown(value, error)
        if known is None:
            return None, early
        model = known
    reading = SuiteReading(document, source, model.model_copy(update={"map": {**model.map, **columns}}), early)
    suite = _compose(reading)
    return (None if reading.errors else suite), reading.errors


def _without_unknown(value: dict[str, object], error: ValidationError) -> SuiteModel | None:
    """The suite without its unknown keys, so that the rest is checked too; ``None`` if more is wrong."""
    unknown = {each["loc"][0] for each in error.errors() if each["type"] == "extra_forbidden" and len(each["loc"]) == 1}
    try:
        return SuiteModel.model_validate({key: item for key, item in value.items() if key not in unknown})
    except ValidationError:
        return None


def _compose(reading: SuiteReading) -> Suite:
    model = reading.model
    _check_params(reading)
    recipe = _recipe(reading)
    uses = read_probes(reading)
    made = _cases(reading, recipe)
    built = _scorers(reading, uses)
    if made and not uses:
        _check_fit(reading, made, built)
    drawn = sample(made, model.sample.n, model.sample.seed) if model.sample else made
    if uses:
        drawn = with_probes(reading, drawn, recipe, uses)
        _check_fit(reading, drawn, built)
    cases = tuple(row.case for row in drawn)
    cautions = [
        scorer.scorer.suite_warning(cases) for scorer in built if cases and isinstance(scorer.scorer, WarnsAboutSuite)
    ]
    suite = with_digest(
        Suite(
            name=model.suite,
            kind=model.kind or ("edges" if uses else "regression" if model.against else "metric"),
            path=reading.source.path,
            digest="",
            cases=cases,
            params=model.params,
            scorers=tuple(scorer.scorer for scorer in built),
            when={scorer.scorer.name: scorer.when for scorer in built if scorer.when},
            slices=(*dict.fromkeys((*model.slices, *model.tags, *model.groups, *([FAMILY_TAG] if uses else []))),),
            cluster=model.cluster,
            repeat=model.repeat,
            gate=tuple(model.gate),
            gate_lines=tuple(reading.document.line_of(("gate", at)) for at in range(len(model.gate))),
            seed=model.seed,
            warnings=(
                *(caution for caution in cautions if caution),
                *duplicate_warnings(cases),
                *dominant_cluster(cases),
            ),
            description=model.description,
            entries={scorer.scorer.name: ScorerEntry(scorer.kind, scorer.options) for scorer in built},
            data=tuple(reading.data),
        )
    )
    _check_gate(reading, suite)
    notices = list(inert_keys(reading.document, INERT_IN_SUITES))
    if model.sample is not None and made and model.sample.n > len(made):
        wrong = f"there are only {len(made):,} cases, so all are taken"
        notices.append(reading.document.diagnostic(("sample", "n"), wrong))
    return replace(suite, notices=tuple(notices))


def _check_params(reading: SuiteReading) -> None:
    for name, value in reading.model.params.items():
        if (wrong := wrong_param(name, value)) is not None:
            reading.wrong(("params", name), *wrong)


def _rows(reading: SuiteReading) -> list[FileRow]:
    rows: list[FileRow] = []
    for at, name in enumerate(reading.model.data):
        rows += reading.rows_of(name, ("data", at), reading.model.map)
        if len(rows) > MOST_ROWS:
            reading.wrong(("data", at), f"there are more than {MOST_ROWS:,} rows", "split the suite")
            return []
    for column in [name for name in reading.model.map if name not in reading.columns]:
        reading.wrong(("map", column), f"no row has the column {column!r}", nearest(column, reading.columns))
    return rows


def _recipe(reading: SuiteReading) -> CaseRecipe:
    model = reading.model
    template = [message_model.model_dump() for message_model in model.messages or []]
    if model.prompt is not None:
        template = [{"role": "user", "content": model.prompt}]
    ours = {*model.groups, *(TAGS if model.probes else ())}
    tags = {**{name: name for name in model.slices if name not in ours}, **model.tags}
    return CaseRecipe(model, template, tags, _groups(reading))


def _cases(reading: SuiteReading, recipe: CaseRecipe) -> list[CaseOfRow]:
    made, wrong = make_cases(_rows(reading), recipe)
    reading.errors += shortened(wrong)
    if made:
        _check_columns(reading, made, recipe.tags)
    return made


def _groups(reading: SuiteReading) -> dict[str, tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Tag → (column, group → values), of ``groups: {devices: {of: product, camera+doorbell: [camera, doorbell]}}``."""
    groups: dict[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {}
    for tag, raw in reading.model.groups.items():
        members = {name: value if isinstance(value, list) else [value] for name, value in raw.items() if name != "of"}
        if not isinstance(raw.get("of"), str):
            reading.wrong(("groups", tag), "the column is missing", "such as: of: product")
        elif not members or any(isinstance(value, dict | list) for values in members.values() for value in values):
            reading.wrong(("groups", tag), "the groups and their values are missing", "such as: small: [hub, bulb]")
        else:
            groups[tag] = (raw["of"], {name: tuple(str(value) for value in values) for name, values in members.items()})
    return groups


def _check_columns(reading: SuiteReading, made: list[CaseOfRow], tags: Mapping[str, str]) -> None:
    columns = {column for row in made for column in columns_of(row.row)} - {"messages"}
    fields = {field for row in made for field in expected_object(row.case.expected) or {}} - columns
    known = "columns: " + ", ".join(sorted(columns))
    known += f"; fields of the expected object: {', '.join(sorted(fields))}" if fields else ""
    for tag, column in tags.items():
        if not any(tag_values(row.case, tag) for row in made):
            slices = reading.model.slices
            at = ("tags", tag) if tag in reading.model.tags else ("slices", slices.index(tag))
            reading.wrong(at, f"no row has the column {column!r}", known)
    for tag in reading.model.groups:
        if not any(tag_values(row.case, tag) for row in made):
            reading.wrong(("groups", tag), "no row lies in any of its groups", known)
    if reading.model.cluster and not any(row.case.cluster for row in made):
        reading.wrong(("cluster",), f"no row has the column {reading.model.cluster!r}", known)


def _scorers(reading: SuiteReading, uses: Sequence[ProbeUse]) -> list[BuiltScorer]:
    """The scorers of the suite, and those of its probes."""
    built: list[BuiltScorer] = []
    for at, entry in enumerate(reading.model.score):
        scorer = _scorer(reading, ("score", at), entry, built)
        if scorer is not None:
            built.append(limited(scorer) if uses else scorer)
    for at, entry in family_entries(reading, uses):
        scorer = _scorer(reading, ("probes", at), entry, built)
        built += [scorer] if scorer is not None else []
    return built


def _scorer(reading: SuiteReading, place: Place, entry: Any, built: Sequence[BuiltScorer]) -> BuiltScorer | None:
    try:
        scorer = build_entry(entry, read=reading.source.read, variables=reading.model.vars, place=place)
    except WrongEntry as error:
        reading.wrong((*place, *error.at) if place[0] == "score" else place, error.wrong, error.known)
        return None
    if scorer.scorer.name in {earlier.scorer.name for earlier in built}:
        reading.wrong(place, f"two scorers have the name {scorer.scorer.name!r}", "give one another 'name'")
    return scorer


def _check_fit(reading: SuiteReading, made: list[CaseOfRow], built: list[BuiltScorer]) -> None:
    """Check that every case has a scorer and what its scorers need, unless an invalid scorer is the reason."""
    known = {tag for row in made for tag in row.case.tags}
    strange = [(scorer, tag) for scorer in built for tag in scorer.when if tag not in known]
    for scorer, tag in strange:
        if scorer.place[0] == "score":
            at = (*scorer.place, scorer.kind, "when", tag)
            reading.wrong(at, f"'when' names the tag {tag!r}, which no row has", nearest(tag, known))
    whole = not strange and sum(built_scorer.place[0] == "score" for built_scorer in built) == len(reading.model.score)
    exempt = OWN if not reading.model.score else None
    checking = [(one, one.scorer if isinstance(one.scorer, ChecksCases) else None) for one in built]
    reading.errors += shortened(
        [wrong for row in made if (wrong := _unfit(row, checking, whole=whole, exempt=exempt)) is not None],
    )


def _unfit(
    made: CaseOfRow, checking: Sequence[tuple[BuiltScorer, ChecksCases | None]], *, whole: bool, exempt: str | None
) -> Diagnostic | None:
    """``exempt``: the kind of cases that need no scorer, because only their changed copies are measured."""
    scorers = [(built.scorer, checks) for built, checks in checking if applies(built.when, made.case)]
    name = made.case.case_id
    if whole and not scorers and (exempt is None or made.case.tags.get(KIND_TAG) != exempt):
        return made.row.diagnostic(f"no scorer measures the case {name!r}", "see 'when'")
    for scorer, checks in scorers:
        problem = None if checks is None else checks.case_problem(made.case)
        if problem:
            return made.row.diagnostic(f"the case {name!r} {problem}", f"for the scorer {scorer.name!r}")
    return None


def _check_gate(reading: SuiteReading, suite: Suite) -> None:
    """Check every gate line, against the suite only if there is no other error."""
    sound = not reading.errors
    for at, text in enumerate(suite.gate):
        try:
            line = parse(text)
        except GateLineError as error:
            reading.wrong(("gate", at), f"{text!r}: {error.wrong}", error.known)
            continue
        if sound and (wrong := validate_line(suite, line)) is not None:
            reading.wrong(("gate", at), f"{text!r}: {wrong[0]}", wrong[1])
