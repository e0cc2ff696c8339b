"""Reads a gate from its file or text: suites, further lines and approvers; reports all errors at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluators.criteria.grammar import GateLine, GateLineError, Rule, parse
from evaluators.criteria.metric_catalogue import measure_of
from evaluators.criteria.validation import FAMILIES, homeless_lines, is_external, validate_external_line, validate_line
from evaluators.loading import suite_reader
from evaluators.loading.suite_file import Place, search
from evaluators.suite import Suite
from fairtrial.config.file import yaml_file
from fairtrial.config.file.errors import validation_errors
from fairtrial.config.file.project_files import Budget, project_root
from fairtrial.config.file.yaml_file import Document
from fairtrial.domain.accounts import APPROVERS, ROLES, Role
from fairtrial.domain.errors import ConfigError, Diagnostic, nearest
from fairtrial.domain.names.look_alikes import has_invisible
from fairtrial.domain.promises import RUN_MAX_AGE_SECONDS
from fairtrial.domain.settings import Duration
from fairtrial.domain.verdicts.verdict import MOST_SUITES

YAML_ENDINGS = (".yaml", ".yml")
MOST_LETTERS, MOST_LINES, MOST_REASON = 200, 200, 500
"""Limits for a gate's name, suites and lines, because control also judges gates that other people send."""
ExternalLine = tuple[str, GateLine]
"""A line, as text and parsed, whose evidence does not come from a run."""
Listed = tuple[str, Suite]
"""The name or path under which a gate lists a suite, and the suite."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A parsed gate: its suites, the rules on their runs, and the lines on other evidence.

    ``notices``: keys and lines, here and in the suites, that have no effect in this version. ``listed``: the name or
    path by which the gate lists each suite. ``unplaced``: lines of the gate that no known suite measures, while one of
    its suites is unknown. `GateModel` explains the other fields.
    """

    name: str
    path: Path
    suites: tuple[Suite, ...]
    rules: tuple[Rule, ...]
    external: tuple[ExternalLine, ...] = ()
    notices: tuple[Diagnostic, ...] = ()
    listed: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    experiment: str | None = None
    max_age_seconds: float = RUN_MAX_AGE_SECONDS
    approvers: tuple[Role, ...] = ()
    self_approval: bool = False
    form_only: str = ""
    may_equal_base: bool = False


class GateModel(BaseModel):
    """The content of the file as written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Literal[1]
    gate: str = Field(min_length=1, max_length=MOST_LETTERS)
    suites: list[str] = Field(default_factory=list, max_length=MOST_SUITES)
    """The suites whose own lines count, by name or path."""
    require: list[str] = Field(default_factory=list, max_length=MOST_LINES)
    """Further lines."""
    approvers: list[str] = Field(default_factory=list, max_length=50)
    """The roles that must approve a SHIP."""
    self_approval: bool = False
    """Whether the approval of the person who asked for the verdict, or who promotes, counts."""
    form_only: str | None = Field(default=None, min_length=1, max_length=MOST_REASON)
    """Why no line has to measure what was answered; without it, one has to."""
    may_equal_base: bool | Literal["yes", "no"] = False
    """Whether a candidate that answers exactly as its base may ship."""
    experiment: str | None = Field(default=None, min_length=1, max_length=MOST_LETTERS)
    """The experiment whose frozen plan decides the lines on live traffic; `candidate` is the candidate's newest."""
    max_age: Duration = RUN_MAX_AGE_SECONDS
    """How old a run may be, as `14d`, or in seconds."""


@dataclass(slots=True)
class _Reading:
    """Collects what is read, and its errors. ``broken``: a suite is unusable; it may measure the lines ``unplaced``."""

    document: Document
    model: GateModel
    path: Path
    budget: Budget
    errors: list[Diagnostic] = field(default_factory=list)
    broken: bool = False
    unplaced: list[str] = field(default_factory=list)

    def wrong(self, place: Place, wrong: str, known: str = "") -> None:
        """Add an error at a place of the file."""
        self.errors.append(self.document.diagnostic(place, wrong, known))


def load(path: Path) -> Gate:
    """Load a gate file; raises `ConfigError` with all errors, including those of its suites."""
    budget = Budget()
    document = yaml_file.load_one(path, budget=budget)
    reading = _Reading(document, _model(document), path, budget)
    listed = list(_suites(reading))
    return _composed(reading, listed, [line for _, suite in listed for line in _own_lines(reading, suite)])


def of_text(text: str, suites: Mapping[str, Sequence[Suite | None]], *, name: str = "gate") -> Gate:
    """Read a gate from text, without opening a file. Raises `ConfigError` with all errors, which name it ``name``.

    ``suites`` gives the suites for each name that the gate lists; ``None`` is an unknown suite. A line that no known
    suite measures is then not an error, because the unknown suite may measure it; it becomes ``unplaced``.
    """
    document = yaml_file.parse_one(text.removeprefix("\ufeff"), name)
    reading = _Reading(document, _model(document), Path(name), Budget())
    listed = list(_given(reading, suites))
    return _composed(reading, listed, [_line(suite, text) for _, suite in listed for text in suite.gate])


def _model(document: Document) -> GateModel:
    if isinstance(document.value, dict) and "suite" in document.value:
        known = f"a gate lists its suites: 'gate: NAME', and 'suites: [{document.value['suite']}]'"
        raise ConfigError([document.diagnostic(("suite",), "this is a suite, not a gate", known)])
    try:
        return GateModel.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(validation_errors(document, error, GateModel)) from error


def _composed(reading: _Reading, listed: Sequence[Listed], own: Sequence[Rule | ExternalLine]) -> Gate:
    """Build the gate; ``own`` are the lines of its suites."""
    names, suites = tuple(name for name, _ in listed), tuple(suite for _, suite in listed)
    lines = [*own, *_required(reading, suites)]
    _check_approvers(reading, reading.model)
    reason = " ".join((reading.model.form_only or "").split())
    if reading.model.form_only is not None and (not reason.strip(".") or has_invisible(reason)):
        reading.wrong(("form_only",), "must be a reason in visible text")
    if not (reading.errors or lines or reading.broken):
        wrong = "the gate has no rule: neither its suites nor 'require' have a line, so it cannot decide anything"
        reading.wrong(("gate",), wrong)
    if reading.errors:
        raise ConfigError(reading.errors)
    notices = tuple(_notices(reading.document, reading.model, suites))
    model = reading.model
    return Gate(
        model.gate,
        reading.path,
        suites,
        *_sorted(lines),
        notices,
        names,
        tuple(reading.unplaced),
        model.experiment,
        model.max_age,
        tuple(role for role in ROLES for approver in model.approvers if approver == role),
        model.self_approval,
        reason,
        model.may_equal_base in (True, "yes"),
    )


def _check_approvers(reading: _Reading, model: GateModel) -> None:
    for at, name in enumerate(model.approvers):
        if name in APPROVERS:
            continue
        if name in ROLES:
            reading.wrong(("approvers", at), f"the role {name!r} may not approve", f"did you mean {APPROVERS[0]!r}?")
        else:
            reading.wrong(("approvers", at), f"{name!r} is not a role", nearest(name, APPROVERS))


def _notices(document: Document, model: GateModel, suites: Sequence[Suite]) -> Iterator[Diagnostic]:
    families = [(parse(text).family, ("require", at), text) for at, text in enumerate(model.require)]
    if model.experiment is None:
        yield from homeless_lines(document, [(place, text) for family, place, text in families if family == "live"])
    for suite in suites:
        yield from suite.notices


def gate_of(suite: Suite) -> Gate:
    """A gate that consists of one suite and its own lines."""
    return Gate(suite.name, suite.path, (suite,), *_sorted([_line(suite, text) for text in suite.gate]))


def _line(suite: Suite, text: str) -> Rule | ExternalLine:
    line = parse(text)
    return (text, line) if is_external(suite, line) else Rule(text, line, suite, suite.name)


def _sorted(lines: Sequence[Rule | ExternalLine]) -> tuple[tuple[Rule, ...], tuple[ExternalLine, ...]]:
    """The lines on runs, and the lines on other evidence."""
    rules = tuple(line for line in lines if isinstance(line, Rule))
    return rules, tuple(line for line in lines if not isinstance(line, Rule))


def _names(reading: _Reading) -> Iterator[tuple[int, str]]:
    """The names that the gate lists, without duplicates."""
    names = reading.model.suites
    for i, name in enumerate(names):
        if name in names[:i]:
            reading.wrong(("suites", i), f"{name!r} is listed twice")
        else:
            yield i, name


def _given(reading: _Reading, given: Mapping[str, Sequence[Suite | None]]) -> Iterator[Listed]:
    """The suites that the caller gives for the listed names; the two must match."""
    for i, name in _names(reading):
        if name not in given:
            known = f"sent: {', '.join(given) or 'none'}"
            reading.wrong(("suites", i), f"no digest of the suite {name!r} was sent", known)
        reading.broken = reading.broken or None in given.get(name, ())
        yield from ((name, suite) for suite in given.get(name, ()) if suite is not None)
    for name in given:
        if name not in reading.model.suites:
            reading.wrong(("suites",), f"a digest of the suite {name!r} was sent, but the gate does not list it")


def _suites(reading: _Reading) -> Iterator[Listed]:
    root = project_root(reading.path)
    nearby = search(reading.path.parent, root=root, budget=reading.budget, exclude=reading.path)
    known = nearby.suites
    for i, name in _names(reading):
        as_path = name.endswith(YAML_ENDINGS)
        file = (reading.path.parent / name) if as_path else known.get(name)
        if file is None or not file.exists():
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
            if nearby.unreadable:
                hint += f"; unreadable files: {', '.join(file.name for file in nearby.unreadable[:12])}"
            reading.wrong(("suites", i), f"suite {name!r} does not exist", hint)
            continue
        try:
            suites = suite_reader.load(file, root=root, budget=reading.budget)
        except ConfigError as error:
            reading.errors.extend(error.errors)
            reading.broken = True
            continue
        yield from ((name, suite) for suite in suites if as_path or suite.name == name)


def _own_lines(reading: _Reading, suite: Suite) -> Iterator[Rule | ExternalLine]:
    for text, line_number in zip(suite.gate, suite.gate_lines, strict=True):
        wrong = validate_line(suite, parse(text))
        if wrong is not None:
            reading.errors.append(Diagnostic(str(suite.path), line_number, "gate", f"{text!r}: {wrong[0]}", wrong[1]))
            continue
        yield _line(suite, text)


def _required(reading: _Reading, suites: Sequence[Suite]) -> Iterator[Rule | ExternalLine]:
    for i, text in enumerate(reading.model.require):
        try:
            line = parse(text)
        except GateLineError as error:
            reading.wrong(("require", i), f"{text!r}: {error.wrong}", error.known)
            continue
        if line.family in FAMILIES.names() and not any(_has_metric(suite, line.metric) for suite in suites):
            wrong = validate_external_line(line)
            if wrong is not None:
                reading.wrong(("require", i), f"{text!r}: {wrong[0]}", wrong[1])
            yield text, line
            continue
        rule = _rule(text, line, suites, reading.model.gate)
        if isinstance(rule, Rule):
            yield rule
        elif reading.broken:
            reading.unplaced.append(text)
        else:
            reading.wrong(("require", i), f"{text!r}: {rule[0]}", rule[1])


def _has_metric(suite: Suite, metric: str) -> bool:
    """Whether the suite measures it, by the metric's name alone or after the suite's own name."""
    name, _, rest = metric.partition(".")
    return suite.stat(metric) is not None or (name == suite.name and measure_of(suite, rest) is not None)


def _rule(text: str, line: GateLine, suites: Sequence[Suite], gate: str) -> Rule | tuple[str, str]:
    """A line of the gate for the suite that measures it: ``<suite>.<metric>``, or a metric that only one suite has."""
    for suite in suites:
        if line.family == suite.name:
            line = replace(line, metric=line.metric.partition(".")[2])
            return validate_line(suite, line) or Rule(text, line, suite, gate)
    fitting = [suite for suite in suites if validate_line(suite, line) is None]
    if len(fitting) == 1:
        return Rule(text, line, fitting[0], gate)
    if fitting:
        names = ", ".join(f"{suite.name}.{line.metric}" for suite in fitting)
        return f"{line.metric!r} is measured by several suites", f"write one of {names}"
    nearest = validate_line(suites[0], line) if len(suites) == 1 else None
    return nearest or (f"no suite measures {line.metric!r}", f"suites: {', '.join(s.name for s in suites) or 'none'}")
