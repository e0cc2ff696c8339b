"""Loads a project: reads `fairtrial.yaml`, checks it as a whole, warns about inert keys, and compiles the plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from fairtrial.config.file.environment import interpolate, substituted
from fairtrial.config.file.errors import MAX_ERRORS, FieldError, independent, validate
from fairtrial.config.file.project_files import MOST_PROMPT_BYTES, MOST_YAML_BYTES, Budget, read_text
from fairtrial.config.file.schema import GatewaySection, ProjectFile, ReleasesSection
from fairtrial.config.file.yaml_file import Document, Step, load_one
from fairtrial.config.layout import Layout
from fairtrial.config.plan.compile import compile_plan
from fairtrial.config.plan.live_state import Live
from fairtrial.config.plan.price_book import DatedPrice, price_book
from fairtrial.config.plan.published import refuse_unsound
from fairtrial.config.releases import NO_GATES, ReleaseGates
from fairtrial.config.rules import deployments
from fairtrial.config.rules.alarms import wrong_alarms
from fairtrial.config.rules.experiments import unstated_missing, wrong_experiments, wrong_metrics, wrong_names
from fairtrial.config.rules.headers import wrong_headers
from fairtrial.config.rules.lineage import lineage_warnings, wrong_lineage
from fairtrial.config.rules.params import wrong_params
from fairtrial.config.rules.prices import wrong_prices
from fairtrial.domain.errors import ConfigError, Diagnostic, nearest
from fairtrial.domain.limits.alarm_settings import NO_TARGETS, AlarmSettings
from fairtrial.domain.limits.server_settings import BodyRate
from fairtrial.domain.names.addresses import Address, parse_address
from fairtrial.domain.plan import Plan
from fairtrial.domain.settings import FeedbackKind
from fairtrial.safe_files import FileRefused

Read = dict[tuple[str, str], tuple[Path, str]]
"""The file and text of each system prompt, by experiment and variant."""

KeyPath = tuple[Step, ...]
ANY = "*"
NOTHING = "nothing in this version acts on it"
INERT: Mapping[str, str] = {
    "metrics.*.per": f"{NOTHING}: units are averaged, each by its own mean",
}
"""Keys, with `*` for a name or a list entry, and what to know. A key also covers everything inside it."""

DECIDED = "the primary metric decides by itself, so a guardrail on it stops nothing"


@dataclass(frozen=True, slots=True)
class Project:
    """The content of one `fairtrial.yaml`.

    ``files``: the file and its prompts, to watch for changes. ``feedback``: the kind of each feedback key that a metric
    reads. ``warnings``: findings that are not errors, such as keys without effect; `check` and `up` print them.
    ``control_proxies``: `control.trusted_proxies`. ``substituted``: the environment variables whose values are in it.
    ``release_gates``: the files of the official gates. ``alarms``: who gets messages, with templates of secrets.
    ``probe_tokens``: `control.probe_tokens_per_day`. ``price_books``: the prices of each deployment.
    ``route_scorers``: the entries of scorers of each route.
    """

    path: Path
    root: Path
    plan: Plan
    layout: Layout
    gateway: GatewaySection
    control: Address
    control_body: BodyRate
    dashboard: Address
    feedback: Mapping[str, FeedbackKind]
    files: tuple[Path, ...]
    warnings: tuple[Diagnostic, ...] = ()
    control_proxies: tuple[str, ...] = ()
    substituted: Mapping[str, str] = field(default_factory=dict, repr=False)
    release_gates: ReleaseGates = NO_GATES
    alarms: AlarmSettings = NO_TARGETS
    probe_tokens: int = 0
    price_books: Mapping[str, tuple[DatedPrice, ...]] = field(default_factory=dict)
    route_scorers: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def load_project(path: Path, environ: Mapping[str, str], live: Mapping[str, Live] | None = None) -> Project:
    """Read and check a project; raises `ConfigError` with all errors at once, in the order of the file.

    ``live``: stage, state and segment by experiment, from the store, which override the file.
    """
    document = load_one(path)
    root = path.absolute().parent
    file, prompts = _checked(document, root, environ)
    plan = compile_plan(file, {place: text for place, (_, text) in prompts.items()}, live or {})
    refuse_unsound(plan)
    if unpriced := [wrong.at(document) for wrong in _unpriced_shadows(plan)]:
        raise ConfigError(unpriced)
    return Project(
        path=path.absolute(),
        root=root,
        plan=plan,
        layout=Layout(root / Path(file.store.path).expanduser(), file.store.memory_mb),
        gateway=file.gateway,
        control=parse_address(file.control.bind),
        control_body=BodyRate(file.control.body_grace, file.control.min_body_rate),
        dashboard=parse_address(file.dashboard.bind),
        feedback={metric.key: metric.kind for metric in file.metrics.values()},
        files=(path.absolute(), *dict.fromkeys(source for source, _ in prompts.values())),
        warnings=tuple(_warnings(document, file, root)),
        control_proxies=file.control.trusted_proxies,
        substituted=substituted(document.value, environ, keep=_is_secret),
        release_gates=NO_GATES if file.releases is None else _release_gates(file.releases, root),
        alarms=replace(file.alarms, dashboard_url=file.alarms.dashboard_url or parse_address(file.dashboard.bind).url),
        probe_tokens=file.control.probe_tokens_per_day,
        price_books={name: price_book(file, name, section) for name, section in file.deployments.items()},
        route_scorers={name: tuple(route.scorers) for name, route in file.routes.items()},
    )


def _unpriced_shadows(plan: Plan) -> Iterator[FieldError]:
    """Shadows with a limit in dollars that can't be kept, because the price of the candidate is unknown."""
    for name, experiment in plan.experiments.items():
        if (rule := experiment.shadow) is not None and rule.limit.in_dollars:
            deployment = experiment.variant(rule.variant).deployment
            if not plan.deployments[deployment].newest_price.known:
                wrong = f"is in dollars, and the price of {deployment!r} is unknown"
                known = f"deployments.{deployment}.price, requests_per_day or tokens_per_day"
                yield FieldError(("experiments", name, "shadow", "limit"), wrong, known)


def _warnings(document: Document, file: ProjectFile, root: Path) -> Iterator[Diagnostic]:
    errors = (*deployments.access_warnings(file), *lineage_warnings(file, root), *unstated_missing(file))
    yield from (wrong.at(document) for wrong in errors)
    yield from project_warnings(document)


def _checked(document: Document, root: Path, environ: Mapping[str, str]) -> tuple[ProjectFile, Read]:
    value, unset = interpolate(document.value, environ, keep=_is_secret)
    file, misshapen = validate(value, document.value)
    first = [*unset, *independent(misshapen, unset)]
    if file is None:
        raise ConfigError([wrong.at(document) for wrong in first])
    prompts: Read = {}
    rules = chain(
        _rules(file, _names(document.value)),
        _prompts(file, root, prompts),
        _files(file, root),
        wrong_lineage(file, root),
        wrong_alarms(file, environ),
    )
    errors = list(islice(rules, MAX_ERRORS))
    wrongs = [*first, *independent(errors, first)]
    if wrongs:
        raise ConfigError([wrong.at(document) for wrong in wrongs])
    return file, prompts


def _rules(file: ProjectFile, names: deployments.Names) -> Iterator[FieldError]:
    yield from wrong_names(file)
    yield from deployments.wrong_deployments(file, names)
    yield from deployments.wrong_routes(file, names)
    yield from wrong_metrics(file)
    yield from wrong_experiments(file, names)
    yield from wrong_params(file)
    yield from wrong_prices(file)
    yield from wrong_headers(file)
    yield from deployments.wrong_services(file, names)
    yield from deployments.wrong_access(file)
    yield from deployments.wrong_cors(file)


def _is_secret(path: tuple[Step, ...]) -> bool:
    """Whether this is a key, a password or a secret URL, which stays a template that its reader fills."""
    return path[:1] + path[2:] == ("deployments", "api_key") or (
        path[:2] == ("alarms", "targets") and path[3:] in (("url",), ("secret",), ("smtp", "password"))
    )


def _names(value: dict[str, Any]) -> deployments.Names:
    experiments = _mapping(value.get("experiments"))
    return deployments.Names(
        deployments=frozenset(_mapping(value.get("deployments"))),
        experiments=frozenset(experiments),
        variants={name: frozenset(_mapping(_mapping(entry).get("variants"))) for name, entry in experiments.items()},
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _release_gates(section: ReleasesSection, root: Path) -> ReleaseGates:
    return ReleaseGates(
        None if section.gate is None else root / section.gate,
        {name: root / gate for name, gate in section.routes.items()},
        {name: root / gate for name, gate in section.experiments.items()},
    )


def _declared_gates(section: ReleasesSection) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each file of a gate with its place in the section."""
    if section.gate is not None:
        yield ("gate",), section.gate
    for part, gates in (("routes", section.routes), ("experiments", section.experiments)):
        for name, gate in gates.items():
            yield (part, name), gate


def _unknown_releases(file: ProjectFile) -> Iterator[FieldError]:
    """Gates of routes or experiments that the file does not declare."""
    assert file.releases is not None
    for part, gates, known in (
        ("routes", file.releases.routes, file.routes),
        ("experiments", file.releases.experiments, file.experiments),
    ):
        for name in gates:
            if name not in known:
                yield FieldError(("releases", part, name), f"there is no {part[:-1]} {name!r}", nearest(name, known))


def _files(file: ProjectFile, root: Path) -> Iterator[FieldError]:
    """Paths that name no fitting file."""
    for place, gate in _declared_gates(file.releases) if file.releases is not None else ():
        try:
            read_text(root / gate, root, most=MOST_YAML_BYTES)
        except FileRefused as error:
            known = error.known or "a gate's file beside this one"
            yield FieldError(("releases", *place), f"{gate!r} {error.wrong}", known)
    yield from _unknown_releases(file) if file.releases is not None else ()
    store = root / Path(file.store.path).expanduser()
    if store.exists() and not store.is_file():
        wrong = "is a folder" if store.is_dir() else "is not a regular file"
        yield FieldError(("store", "path"), f"{file.store.path!r} {wrong}", "the name of a file, fairtrial.duckdb")


def _prompts(file: ProjectFile, root: Path, read: Read) -> Iterator[FieldError]:
    """Read each system prompt into ``read``. A file that is unreadable or outside the project is an error."""
    budget = Budget()
    for experiment, section in file.experiments.items():
        for name, variant in section.variants.items():
            if variant.system_prompt is None:
                continue
            place = ("experiments", experiment, "variants", name, "system_prompt")
            source = root / variant.system_prompt
            try:
                text = read_text(source, root, most=MOST_PROMPT_BYTES, budget=budget)
            except FileRefused as error:
                yield FieldError(place, f"{variant.system_prompt!r} {error.wrong}", error.known or "beside this file")
                continue
            if not text.strip():
                yield FieldError(place, f"{variant.system_prompt!r} is empty")
            read[experiment, name] = (source, text)


def project_warnings(document: Document) -> list[Diagnostic]:
    """All warnings, in the order of the file. Each key is reported once, at its first place."""
    return sorted([*_inert_keys(document), *_guarded_primaries(document)])


def _inert_keys(document: Document) -> Iterator[Diagnostic]:
    for pattern, effect in INERT.items():
        places = list(_places(document.value, tuple(pattern.split("."))))
        if places:
            yield document.diagnostic(places[0], effect, _others(len(places) - 1))


def _guarded_primaries(document: Document) -> Iterator[Diagnostic]:
    """Guardrails on the primary metric, which stop nothing."""
    for place in _places(document.value, ("experiments", ANY, "guardrails", ANY, "metric")):
        primary = _at(document.value, place[:2]).get("primary")
        if isinstance(primary, dict) and primary.get("metric") == _at(document.value, place):
            yield document.diagnostic(place, DECIDED, "requests.attempt_error_rate also counts failures")


def _others(number: int) -> str:
    return f"and at {number} other place{'' if number == 1 else 's'}" if number else ""


def _places(value: Any, pattern: KeyPath, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every place in the file that matches the pattern."""
    if not pattern:
        yield path
        return
    step, rest = pattern[0], pattern[1:]
    for key in _keys(value) if step == ANY else [key for key in _keys(value) if key == step]:
        yield from _places(value[key], rest, (*path, key))


def _keys(value: Any) -> list[Step]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value
