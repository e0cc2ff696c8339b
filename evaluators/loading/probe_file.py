"""Reads a family of probes that a project defines in a YAML file: templates, slots, seed rows and scorers."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evaluators.loading.scorers import SCORERS, WrongEntry, build_entry
from evaluators.loading.suite_file import Place, ProbeFileModel, SuiteFile, SuiteModel, SuiteReading
from evaluators.loading.template import PLACE, WHOLE, render
from evaluators.probes.probe import OWN_ROWS, Probe, Source, ask
from evaluators.probes.rows import DIRECTION_OPTIONS, Draw, changed_rows, direction_of
from evaluators.suite import DataFile
from fairtrial.config.file import yaml_file
from fairtrial.config.file.errors import validation_errors
from fairtrial.config.file.project_files import MOST_YAML_BYTES, Budget, project_root
from fairtrial.config.file.yaml_file import Document
from fairtrial.domain.errors import ConfigError, Diagnostic, nearest
from fairtrial.domain.wording import counted

MOST_COMBINATIONS = 10_000
OWN_TEXT = "text"
"""The slot for the text of a suite's own row, in families of kind invariance and directional."""
USUAL_SCORE: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "invariance": ({"keep": {}},),
    "directional": ({"direction": {}},),
}


def read_probe_file(reading: SuiteReading, name: str, place: Place) -> Probe | None:
    """The family of the file that the suite names at ``place``; errors go to the reading."""
    document = _document(reading, name, place)
    if document is None:
        return None
    try:
        model = ProbeFileModel.model_validate(document.value)
    except ValidationError as error:
        reading.errors += validation_errors(document, error, ProbeFileModel)
        return None
    seeds = [row.columns for row in reading.rows_of(model.rows, place)] if model.rows else [{}]
    before = len(reading.errors)
    _check_names(reading, document, model, seeds)
    _check_direction(reading, document, model)
    score = _score(reading, document, model)
    if len(reading.errors) > before:
        return None
    family = _Family(model, seeds)
    rows = family.copies if model.kind in OWN_ROWS else family.rows
    return Probe(model.probe, model.kind, model.summary, rows, score)


def inspect(path: Path) -> tuple[str, list[Diagnostic]]:
    """A summary of a valid family; raises `ConfigError` with all errors of its file."""
    document = yaml_file.load_one(path)
    model = SuiteModel(suite="probe", probes=[{"file": path.name}])
    reading = SuiteReading(document, SuiteFile(path, project_root(path), Budget()), model, [])
    probe = read_probe_file(reading, path.name, ())
    if probe is None or reading.errors:
        raise ConfigError(reading.errors)
    if probe.kind in OWN_ROWS:
        return f"{probe.name} ({probe.kind}): changes the cases of a suite", []
    cases = len(probe.rows(Source(seed=0, count=MOST_COMBINATIONS)))
    return f"{probe.name} ({probe.kind}): {counted(cases, 'case')} at most", []


def _document(reading: SuiteReading, name: str, place: Place) -> Document | None:
    if (text := reading.text_of(name, place, most=MOST_YAML_BYTES)) is None:
        return None
    reading.data.append(DataFile(name, hashlib.sha256(text.encode()).hexdigest(), 0))
    try:
        return yaml_file.parse_one(text, str(reading.source.path.parent / name))
    except ConfigError as error:
        reading.errors += error.errors
        return None


def _check_names(
    reading: SuiteReading, document: Document, model: ProbeFileModel, seeds: Sequence[Mapping[str, Any]]
) -> None:
    """Check that each ``$name`` is a slot, a column of the seed rows, or the own row's text."""
    own = model.kind in OWN_ROWS
    known = {*model.slots, *(seeds[0] if seeds else ()), *([OWN_TEXT] if own else ())}
    places: list[tuple[Place, Any]] = [(("expected",), model.expected), (("columns",), model.columns)]
    for at, template in enumerate(model.templates):
        places.append((("templates", at), [template.text, template.expected, template.columns]))
        if own and OWN_TEXT not in _names(template.text):
            wrong = f"a template of kind {model.kind} must name ${OWN_TEXT}, the text of the suite's own row"
            reading.errors.append(document.diagnostic(("templates", at), wrong))
    for place, value in places:
        for name in sorted(_names(value) - known):
            reading.errors.append(document.diagnostic(place, f"${name} is not a slot", nearest(name, known)))


def _check_direction(reading: SuiteReading, document: Document, model: ProbeFileModel) -> None:
    if model.kind != "directional":
        if model.direction:
            reading.errors.append(document.diagnostic(("direction",), "only the kind directional has a direction"))
        return
    strange = [key for key in model.direction if key not in DIRECTION_OPTIONS]
    try:
        direction_of(model.direction)
    except ValueError as error:
        reading.errors.append(document.diagnostic(("direction",), str(error)))
    for key in strange:
        near = nearest(key, DIRECTION_OPTIONS)
        reading.errors.append(document.diagnostic(("direction", key), "unknown field", near))


def _score(reading: SuiteReading, document: Document, model: ProbeFileModel) -> tuple[Mapping[str, Any], ...]:
    """The entries, each as one scorer with a mapping of options."""
    if not model.score and model.kind in USUAL_SCORE:
        return tuple(USUAL_SCORE[model.kind])
    if not model.score:
        known = "such as: contains: {name: refuses, any: [sorry]}"
        reading.errors.append(document.diagnostic((), "'score' is missing", known))
    entries = []
    for at, entry in enumerate(model.score):
        try:
            built = build_entry(entry, variables={}, read=reading.source.read)
        except WrongEntry as error:
            reading.errors.append(document.diagnostic(("score", at, *error.at), error.wrong, error.known))
            continue
        options = next(iter(entry.values())) if isinstance(entry, Mapping) else None
        if not isinstance(options, Mapping):
            short = str(SCORERS.get(built.kind.replace("_", "-")).short)
            options = {} if options is None else {short: options}
        entries.append({built.kind: dict(options)})
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class _Family:
    """A valid file with its seed rows."""

    model: ProbeFileModel
    seeds: Sequence[Mapping[str, Any]]

    def rows(self, source: Source) -> list[dict[str, Any]]:
        """Cases of all templates in turn, each with its combinations of slots and seed rows in a drawn order."""
        drawn = [self._drawn(source.seed, number) for number in range(1, len(self.model.templates) + 1)]
        made: list[dict[str, Any]] = []
        while drawn and len(made) < source.count:
            for family_rows in list(drawn):
                next_row = next(family_rows, None)
                if next_row is None:
                    drawn.remove(family_rows)
                elif len(made) < source.count:
                    made.append(self._row(source, *next_row))
        return made

    def copies(self, source: Source) -> list[dict[str, Any]]:
        """Changed copies of the suite's own rows: each with one of the templates, drawn."""
        model = self.model

        def change(text: str, draw: Draw) -> str:
            template = draw.one(model.templates)
            slots = {name: draw.one(values) for name, values in model.slots.items()}
            return render(template.text, {**draw.one(self.seeds), **slots, OWN_TEXT: text})

        made = changed_rows(source, model.probe, change, model.severity)
        return [{**row, "direction": direction_of(model.direction)} for row in made] if model.direction else made

    def _drawn(self, seed: int, number: int) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
        """The template's number with each combination, as its number and its values."""
        template = self.model.templates[number - 1]
        used = _names([template.text, template.expected, template.columns, self.model.expected, self.model.columns])
        slots = {name: values for name, values in self.model.slots.items() if name in used}
        total = min(prod(map(len, slots.values())) * len(self.seeds), MOST_COMBINATIONS)
        for combination in Draw(seed, f"{self.model.probe}/{number}").shuffled(range(total)):
            left, values = combination, dict(self.seeds[combination % len(self.seeds)])
            left //= len(self.seeds)
            for name, options in slots.items():
                values[name] = options[left % len(options)]
                left //= len(options)
            yield number, combination, values

    def _row(self, source: Source, number: int, combination: int, values: Mapping[str, Any]) -> dict[str, Any]:
        model, template = self.model, self.model.templates[number - 1]
        expected = template.expected if template.expected is not None else model.expected
        row = {
            **values,
            **_filled({**model.columns, **template.columns}, values),
            **ask(source, render(template.text, values)),
            "id": f"{model.probe}/{number}-{combination + 1}",
            "family": model.probe,
            "technique": template.technique or f"template {number}",
            "severity": template.severity or model.severity,
            "seed_id": f"{model.probe}/{values.get('id', f'{number}-{combination + 1}')}",
        }
        return row if expected is None else {**row, "expected": _filled(expected, values)}


def _names(value: Any) -> set[str]:
    """The names in a text, or in all texts inside a value."""
    if isinstance(value, dict | list):
        return {name for item in (value.values() if isinstance(value, dict) else value) for name in _names(item)}
    if not isinstance(value, str):
        return set()
    return {str(match[2] or match[3]) for match in PLACE.finditer(value) if match[2] or match[3]}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """The value with its names filled in; a text that is exactly ``$name`` becomes that value."""
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, str):
        return value
    whole = WHOLE.fullmatch(value)
    return values[whole[1]] if whole and whole[1] in values else render(value, values)
