"""Checks experiments (arms, shares, stages, metrics and margins) and the names of routes and metrics."""

from collections.abc import Iterator
from decimal import Decimal

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ExperimentSection, ProjectFile, in_order
from fairtrial.config.rules.deployments import Names, repeated_fallbacks, unknown, wrong_name
from fairtrial.config.rules.metrics import EXAMPLES, better_of, is_share, method_of, unknown_metric
from fairtrial.domain.decision.shadow import MEASURES, OWN
from fairtrial.domain.errors import control_character, nearest
from fairtrial.domain.metrics import CATALOGUE, parse_margin
from fairtrial.domain.settings import SPLIT, Enrolment, Guardrail

Path = tuple[str | int, ...]
UNSTATED = "it decides an experiment, so users without this feedback count as missing at random"
UNSTATED_HINT = "write missing: at_random, or missing: worst_case if those who are silent may differ between the arms"
PAIR = 2
STOPS = ("pause_at", "kill_at", "stop_margin")
"""The keys of a guardrail with a decline that stops."""


def wrong_experiments(file: ProjectFile, names: Names) -> Iterator[FieldError]:
    """Everything about experiments that can be checked without data."""
    for name, experiment in file.experiments.items():
        path = ("experiments", name)
        yield from wrong_name(path, name)
        yield from _variants(path, experiment, names, names.variants[name])
        yield from _split(path, experiment, names.variants[name])
        if experiment.enroll is not None:
            yield from _stages((*path, "enroll"), experiment.enroll)
        yield from _metrics(path, experiment, file)
        yield from _sources((*path, "sources"), experiment)
    yield from _salts(file)


def wrong_metrics(file: ProjectFile) -> Iterator[FieldError]:
    """A feedback key must have one kind of value, because the gateway checks it."""
    kinds: dict[str, str] = {}
    for name, metric in file.metrics.items():
        kind = kinds.setdefault(metric.key, metric.kind)
        if kind != metric.kind:
            known = f"another metric declares it as {kind}"
            yield FieldError(
                ("metrics", name, "kind"), f"the feedback {metric.key!r} can't be {metric.kind} too", known
            )
        if metric.range is not None and not (metric.kind == "number" and metric.range[0] < metric.range[1]):
            hint = "only numbers have one" if metric.kind != "number" else "write the lower end first, as [1, 5]"
            yield FieldError(("metrics", name, "range"), f"{list(metric.range)} can't be the range of its values", hint)


def unstated_missing(file: ProjectFile) -> Iterator[FieldError]:
    """Warnings about feedback that decides an experiment and does not state what missing values count as."""
    deciding = {
        section.metric
        for experiment in file.experiments.values()
        for section in (experiment.primary, *(experiment.guardrails or ()))
        if section is not None
    }
    for name, metric in file.metrics.items():
        if metric.missing is None and f"feedback.{metric.key}" in deciding:
            yield FieldError(("metrics", name), UNSTATED, UNSTATED_HINT)


def _variants(
    path: Path, experiment: ExperimentSection, names: Names, variants: frozenset[str]
) -> Iterator[FieldError]:
    for name, variant in experiment.variants.items():
        yield from wrong_name((*path, "variants", name), name)
        fields = [
            ("deployment", variant.deployment),
            *(("fallback", fallback) for fallback in in_order(variant.fallback)),
        ]
        for field, deployment in fields:
            if deployment not in names.deployments:
                yield unknown((*path, "variants", name, field), "deployment", deployment, names.deployments)
        yield from repeated_fallbacks((*path, "variants", name), variant.fallback)
    if experiment.control not in variants:
        yield unknown((*path, "control"), "variant", experiment.control, variants)
    shadow = experiment.shadow
    if shadow is not None and shadow.variant not in variants:
        yield unknown((*path, "shadow", "variant"), "variant", shadow.variant, variants)
    elif shadow is not None and shadow.variant == experiment.control:
        yield FieldError((*path, "shadow", "variant"), "the control answers already", "name another variant")


def _split(path: Path, experiment: ExperimentSection, variants: frozenset[str]) -> Iterator[FieldError]:
    split = experiment.split
    for name in split.keys() - variants:
        yield FieldError((*path, "split", name), f"the variant {name!r} does not exist", nearest(name, variants))
    for name in sorted(variants - split.keys()):
        yield FieldError((*path, "split"), f"the variant {name!r} has no share")
    total = sum((Decimal(repr(share)) for share in split.values()), Decimal())
    if split.keys() == variants and total != 100:
        shares = " + ".join(f"{share:g}" for share in split.values())
        yield FieldError((*path, "split"), f"the shares must add up to 100, not {total.normalize():f}", shares)


def _stages(path: Path, enroll: Enrolment) -> Iterator[FieldError]:
    if any(later <= earlier for earlier, later in zip(enroll.stages, enroll.stages[1:], strict=False)):
        stages = ", ".join(f"{stage:g}" for stage in enroll.stages)
        yield FieldError((*path, "stages"), "each stage must be more than the one before", stages)
    for index, stage in enumerate(enroll.approve):
        if stage not in enroll.stages:
            known = "stages: " + ", ".join(f"{percent:g}" for percent in enroll.stages)
            yield FieldError((*path, "approve", index), f"{stage:g} is not one of the stages", known)


def _metrics(path: Path, experiment: ExperimentSection, file: ProjectFile) -> Iterator[FieldError]:
    primary = experiment.primary
    if primary is not None:
        where = (*path, "primary")
        yield from _metric(where, primary.metric, file)
        yield from _unfollowed(where, primary.metric, experiment, file)
        yield from _margin((*where, "mde"), primary.mde, primary.metric, file)
        yield from _cap(where, primary.metric, primary.cap, file)
    if experiment.looks == "planned" and "looks" in experiment.model_fields_set:
        yield from _planned_looks(path, experiment, file)
    seen: set[str] = set()
    for index, guardrail in enumerate(experiment.guardrails or ()):
        where = (*path, "guardrails", index)
        yield from _metric(where, guardrail.metric, file)
        yield from _unfollowed(where, guardrail.metric, experiment, file)
        yield from _margin((*where, "margin"), guardrail.margin, guardrail.metric, file)
        for key in STOPS:
            written = getattr(guardrail, key)
            if written is not None:
                yield from _margin((*where, key), written, guardrail.metric, file, zero=True)
        yield from _cap(where, guardrail.metric, guardrail.cap, file)
        yield from _stops(where, guardrail, file)
        if guardrail.metric in seen:
            yield FieldError((*where, "metric"), f"{guardrail.metric} has two guardrails")
        seen.add(guardrail.metric)


def _sources(path: Path, experiment: ExperimentSection) -> Iterator[FieldError]:
    """Shares of the error level that don't add up to 1, sources that don't exist, and those without what they need."""
    if not experiment.sources:
        return
    total = sum((Decimal(repr(share)) for share in experiment.sources.values()), Decimal())
    if total != 1:
        shares = " + ".join(f"{share:g}" for share in experiment.sources.values())
        yield FieldError(path, f"the shares must add up to 1, not {total.normalize():f}", shares)
    if SPLIT not in experiment.sources:
        yield FieldError(path, "the users of the split have no share", "add split")
    if experiment.primary is None or experiment.primary.require != "superior":
        yield FieldError(path, "sources answer whether a variant is better", "declare primary with require: superior")
    if len(experiment.variants) > PAIR:
        yield FieldError(path, "sources compare one treatment with the control", "remove the other variants")
    for name in experiment.sources:
        if wrong := _wrong_source(name, shadowed=experiment.shadow is not None):
            yield FieldError((*path, name), *wrong)


def _wrong_source(name: str, *, shadowed: bool) -> tuple[str, str] | None:
    family, _, measure = name.partition(".")
    if family == "suite":
        return "a suite can't be a source in this version", "write its line in the gate, which every release must pass"
    if family == "shadow" and measure and not shadowed:
        return "the experiment copies no request, so there are no pairs", "declare shadow:"
    if family == "shadow" and MEASURES.get(measure, OWN).better == "neither":
        return f"{measure} is neither better nor worse if it is longer", "name a scorer of the route"
    if name == SPLIT or (family == "shadow" and measure):
        return None
    return f"the source {name!r} does not exist", "split or shadow.NAME"


def _planned_looks(path: Path, experiment: ExperimentSection, file: ProjectFile) -> Iterator[FieldError]:
    """Planned looks are at shares of the units that the plan needs, which must be known at the start."""
    primary = experiment.primary
    if primary is None:
        yield FieldError((*path, "looks"), "there is no primary metric to look at", "declare primary:")
    elif not unknown_metric(primary.metric, file.metrics) and not is_share(primary.metric, file.metrics):
        yield FieldError((*path, "looks"), f"planned looks fit a share, and {primary.metric} is an amount")
    elif primary.baseline is None or not 0 < primary.baseline < 1:
        hint = "such as baseline: 62%"
        yield FieldError((*path, "primary", "baseline"), "planned looks need the control's level today", hint)


def _metric(path: Path, metric: str, file: ProjectFile) -> Iterator[FieldError]:
    unfit = unknown_metric(metric, file.metrics)
    if unfit is not None:
        yield FieldError((*path, "metric"), *unfit)


def _unfollowed(path: Path, metric: str, experiment: ExperimentSection, file: ProjectFile) -> Iterator[FieldError]:
    """What a unit does after a request can't be known of a unit that sends one, or without the texts to compare."""
    known = CATALOGUE.get(metric)
    if known is None or not known.is_late:
        return
    if experiment.unit == "request":
        yield FieldError((*path, "metric"), f"{metric} needs units that send several requests", "unit: user")
    elif known.per == "questions" and file.capture.bodies == "none":
        hint = "write capture: {bodies: redacted}, or use requests.regenerate_rate"
        yield FieldError((*path, "metric"), f"{metric} compares texts, and capture.bodies is none", hint)


def _cap(path: Path, metric: str, cap: float | None, file: ProjectFile) -> Iterator[FieldError]:
    if cap is None or unknown_metric(metric, file.metrics):
        return
    method = method_of(metric, file.metrics)
    if method not in ("amount", "events"):
        yield FieldError((*path, "cap"), f"{metric} has nothing to cap", "costs, tokens and shares of requests have")
    elif method == "events" and cap < 1:
        yield FieldError((*path, "cap"), f"no unit has {cap:g} requests", "1 or more")


def _stops(path: Path, guardrail: Guardrail, file: ProjectFile) -> Iterator[FieldError]:
    """A pause comes before a kill. A share that should be high has no relative margin, because its level is unknown."""
    if unknown_metric(guardrail.metric, file.metrics):
        return
    written = {key: getattr(guardrail, key) for key in ("margin", *STOPS) if getattr(guardrail, key) is not None}
    try:
        margins = {key: parse_margin(text, zero=key in STOPS) for key, text in written.items()}
    except ValueError:
        return
    new = [key for key in ("pause_at", "kill_at") if key in written]
    if "stop_margin" in written and new:
        text = f"it can't stand beside {' and '.join(new)}, which replaced it"
        yield FieldError((*path, "stop_margin"), text, "remove stop_margin")
    pause, kill = margins.get("pause_at"), margins.get("kill_at", margins["margin"])
    if pause is not None and pause.relative == kill.relative and pause.value > kill.value:
        text = (
            f"a pause at {written['pause_at']} would come after the kill at {written.get('kill_at', guardrail.margin)}"
        )
        yield FieldError((*path, "pause_at"), text, "pause_at must be at most kill_at, which is the margin by default")
    upwards = better_of(guardrail.metric, file.metrics) == "higher"
    if upwards and method_of(guardrail.metric, file.metrics) == "events":
        for key, margin in margins.items():
            if margin.relative and margin.value:
                yield FieldError((*path, key), f"the {key} of {guardrail.metric} must be in points", "write it as 1pp")


def _margin(path: Path, text: str, metric: str, file: ProjectFile, *, zero: bool = False) -> Iterator[FieldError]:
    try:
        margin = parse_margin(text, zero=zero)
    except ValueError as error:
        yield FieldError(path, str(error), EXAMPLES)
        return
    if margin.value and not margin.relative and not unknown_metric(metric, file.metrics):
        if not is_share(metric, file.metrics):
            yield FieldError(path, f"percentage points fit a share, and {metric} is an amount", "write it as 20%")
        elif margin.value > 1:
            yield FieldError(path, f"{text} is more than 100% of a share")


def _salts(file: ProjectFile) -> Iterator[FieldError]:
    """Two experiments with the same salt would assign units to the same arms, which would confound their effects."""
    owners: dict[str, str] = {}
    for name, experiment in file.experiments.items():
        salt = experiment.salt or name
        if salt in owners:
            wrong = f"the salt {salt!r} is also that of {owners[salt]!r}: a unit would get the same arm in both"
            yield FieldError(("experiments", name, "salt"), wrong)
        owners.setdefault(salt, name)


def wrong_names(file: ProjectFile) -> Iterator[FieldError]:
    """Routes and metrics with a control character in their name; deployments and arms have a stricter rule."""
    for section, names in (("routes", file.routes), ("metrics", file.metrics)):
        for name in names:
            if (odd := control_character(name)) is not None:
                wrong = f"the name {name!r} contains the control character {odd}"
                yield FieldError((section,), wrong, "use visible characters")
