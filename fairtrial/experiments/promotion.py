"""Defines what a promotion serves, which control stays after it, and which edits of the file would replace it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fairtrial.api.experiment_answers import FileEdit
from fairtrial.config.plan.hashes import digest
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Experiment, Plan, Route, Variant
from fairtrial.domain.settings import KeptControl, duration_seconds
from fairtrial.domain.wording import counted

Promotions = Mapping[str, Mapping[str, Any]]
"""The evidence of the promotions in force, by experiment."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML does not read as text."""

LEAST_SHARE, MOST_SHARE = 1, 50
"""The limits of the share in percent."""
LEAST_DAYS, MOST_DAYS = 1, 90
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


def definition(plan: Plan, variant: Variant) -> dict[str, str]:
    """What identifies what a variant serves: the digests of its deployment and of its overrides."""
    return {
        "deployment_digest": plan.deployments[variant.deployment].digest,
        "overrides_digest": digest([variant.system_prompt, variant.params]),
    }


def chosen_treatment(experiment: Experiment, name: str | None) -> Variant:
    """The variant to promote, by default the only treatment; raises `BadRequest`, which names the treatments."""
    treatments = [treatment for treatment in experiment.variants if treatment.name != experiment.control]
    known = ", ".join(treatment.name for treatment in treatments)
    where = f"experiments.{experiment.name}"
    if name is None:
        if len(treatments) == 1:
            return treatments[0]
        raise BadRequest(
            f"{where}: say which variant to promote, with --variant NAME (known: {known})", param="variant"
        )
    if named := [treatment for treatment in treatments if treatment.name == name]:
        return named[0]
    if name == experiment.control:
        raise BadRequest(
            f"{where}: {name} is the control; end the experiment instead (known: {known})", param="variant"
        )
    raise BadRequest(f"{where}: there is no variant {name!r} (known: {known})", param="variant")


def refused_promotions(promotions: Promotions, before: Plan | None, new: Plan) -> dict[str, str]:
    """One sentence for each promoted variant that an edit would replace while a route leads to its experiment.

    ``promotions``: by the rows of the store. If these lack one, that of ``before``, the published plan, is compared.
    """
    refusals: dict[str, str] = {}
    for name, experiment in new.experiments.items():
        variant = promoted_variant(experiment)
        if variant is None or not _routes(new, name):
            continue
        promoted = promotions.get(name) or _published(before, name, variant)
        changes = [] if promoted is None else list(_changes(promoted, new, experiment, variant))
        old = None if before is None else before.experiments.get(name)
        if old is not None and old.kept_control is not None and experiment.kept_control and old.salt != experiment.salt:
            changes.append("assign all users anew while a control is kept")
        if changes:
            serves = "everyone" if experiment.serves else "everyone but the kept control"
            refusals[name] = (
                f"{variant} is promoted and serves {serves}, but this would "
                f"{' and '.join(changes)}. Roll it back first (fairtrial experiment rollback {name} --why …), or write "
                "the routes without the experiment."
            )
    return refusals


def file_edit(plan: Plan, experiment: Experiment) -> FileEdit | None:
    """The edit of the project file after a promotion; ``None`` without one."""
    control = experiment.kept_control
    if control is not None and experiment.state in ("running", "paused"):
        return FileEdit(
            (), f"Leave the project file as it is until {until_words(control)}. The control is kept until then."
        )
    if experiment.serves is None:
        return None
    name, variant = experiment.name, experiment.variant(experiment.serves)
    routes = _routes(plan, name)
    if not routes:
        note = f"No route leads to {name} any more, so the promotion has no effect; experiments.{name} can be removed."
        return FileEdit((), note, in_force=False)
    own = [
        word
        for word, has in (("a system prompt", variant.system_prompt is not None), ("params", variant.params))
        if has
    ]
    if own:
        return FileEdit(
            (),
            f"{variant.name} has {' and '.join(own)}, which a route to a deployment can't have. So keep "
            f"experiments.{name} in the project file; the promotion stays in force.",
        )
    lines = ("routes:", *(f"  {_text(route.name)}: {{{', '.join(_fields(route, variant))}}}" for route in routes))
    return FileEdit(
        lines,
        f"Write this into the project file; experiments.{name} can be removed then. The promotion stays in force until "
        "the file says the same.",
    )


def _published(before: Plan | None, name: str, variant: str) -> dict[str, str] | None:
    """The definition of a promoted variant in the published plan."""
    experiment = None if before is None else before.experiments.get(name)
    if before is None or experiment is None or promoted_variant(experiment) != variant:
        return None
    return definition(before, experiment.variant(variant))


def promoted_variant(experiment: Experiment) -> str | None:
    """The variant that a promotion serves to everyone, or to everyone but the control that is kept."""
    control = experiment.kept_control
    return control.variant if control is not None and experiment.state in ("running", "paused") else experiment.serves


def _changes(promoted: Mapping[str, Any], new: Plan, experiment: Experiment, name: str) -> Iterator[str]:
    variant = next((each for each in experiment.variants if each.name == name), None)
    if variant is None:
        yield "remove it"
        return
    now = definition(new, variant)
    if now["deployment_digest"] != promoted["deployment_digest"]:
        yield "give it another model"
    if now["overrides_digest"] != promoted["overrides_digest"]:
        yield "give it another system prompt or other params"


def _routes(plan: Plan, experiment: str) -> list[Route]:
    return [route for route in plan.routes.values() if route.experiment == experiment]


def _fields(route: Route, variant: Variant) -> Iterator[str]:
    """The fields of a route that serves the variant's deployment."""
    yield f"deployment: {_text(variant.deployment)}"
    fallbacks = [_text(fallback) for fallback in variant.fallbacks or route.fallbacks if fallback != variant.deployment]
    if fallbacks:
        several = ", ".join(fallbacks)
        yield f"fallback: {several if len(fallbacks) == 1 else f'[{several}]'}"
    if route.hold != "first_byte":
        yield f"hold: {route.hold}"
    if route.data != "any":
        yield f"data: {route.data}"


def _text(name: str) -> str:
    """A name as YAML: a double-quoted string of JSON is one, too."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
    return name if plain else json.dumps(name, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class KeptTerms:
    """The ``share`` of the units in percent that stays on the control, and for how many ``days``."""

    share: float
    days: float


def kept_terms(share: str | None, keep_for: str | None) -> KeptTerms | None:
    """What a promotion asks for, ``None`` if it keeps no control; raises `BadRequest`, which names the limits."""
    if share is None and keep_for is None:
        return None
    if share is None or keep_for is None:
        missing, option = ("keep_control", "--keep-control 5%") if share is None else ("keep_for", "--for 14d")
        raise BadRequest(
            f"{missing}: a control is kept at a share for a time, such as 5% for 14d ({option} is missing)",
            param=missing,
        )
    percent, days = _PERCENT.fullmatch(share.strip()), _days(keep_for)
    if percent is None or not LEAST_SHARE <= Decimal(percent[1]) <= MOST_SHARE:
        raise BadRequest(
            f"keep_control: {share!r} is not a share from {LEAST_SHARE}% to {MOST_SHARE}% (write --keep-control 5%)",
            param="keep_control",
        )
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise BadRequest(
            f"keep_for: {keep_for!r} is not a time from {LEAST_DAYS}d to {MOST_DAYS}d (write --for 14d)",
            param="keep_for",
        )
    return KeptTerms(float(percent[1]), days)


def _days(text: str) -> float:
    try:
        return duration_seconds(text) / 86_400
    except ValueError:
        return 0.0


def kept_control(experiment: Experiment, variant: str, terms: KeptTerms, *, now_us: int) -> KeptControl:
    """The control that stays: its units with the lowest arm buckets, so that no unit comes back to the control.

    Units that are not enrolled have the control, too, so that the share is one of all units. Raises `BadRequest` for a
    share that the control does not have, and for an experiment without guardrails.
    """
    where, control = f"experiments.{experiment.name}", experiment.variant(experiment.control)
    if not experiment.watched:
        raise BadRequest(f"{where}: it has no guardrail, so a kept control would show no harm", param="keep_control")
    if terms.share > control.weight:
        raise BadRequest(
            f"{where}: {control.name} has {control.weight:g} % of the split, so at most {control.weight:g}% can stay "
            "without a user who comes back to it",
            param="keep_control",
        )
    before = [earlier for earlier in experiment.variants if earlier.name < control.name]
    first = float(sum((Decimal(repr(earlier.weight)) for earlier in before), Decimal()))
    until_us = now_us + round(terms.days * DAY_US)
    return KeptControl(variant, terms.share, first, until_us, experiment.segment, terms.days)


def kept_words(control: KeptControl) -> str:
    """What stays, such as ``control kept at 5 % until 19 Feb 2027, 08:00 UTC``."""
    return f"control kept at {control.share:g} % until {until_words(control)}"


def until_words(control: KeptControl) -> str:
    """The time until which the control is kept."""
    until = datetime.fromtimestamp(control.until_us // 1_000_000, UTC)
    return f"{until.day} {until:%b %Y, %H:%M} UTC"


def days_words(days: float) -> str:
    return counted(round(days), "day") if days == round(days) else f"{days:g} days"


def over_words(period: KeptControl, control: str, declined: str) -> str:
    """Why the experiment ends as promoted. ``declined``: the proven declines that did not roll back; may be empty."""
    proven = declined or "no harm is proven"
    days = days_words(period.days)
    return f"{control} was kept at {period.share:g} % for {days}, and {proven}; {period.variant} serves everyone"


def refused_while_kept(name: str, control: KeptControl) -> str:
    """Why nothing can be promoted or changed while a control is kept."""
    return (
        f"experiments.{name}: {control.variant} is promoted already, {kept_words(control)}. End that first (fairtrial "
        f"experiment end {name} --why …), or roll it back (fairtrial experiment rollback {name} --why …)"
    )
