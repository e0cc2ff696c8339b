"""Checks the prices of a project: whose each one is, and that no two say different things of the same time."""

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.domain.errors import nearest


def wrong_prices(file: ProjectFile) -> Iterator[FieldError]:
    """Entries for no deployment or model, or for both, two prices of the same day, and two of the same machine."""
    yield from _machines(file)
    models = {section.model for section in file.deployments.values()}
    seen: dict[tuple[str, str | None], str] = {
        (name, None): f"deployments.{name}.price" for name, section in file.deployments.items() if section.price
    }
    for at, entry in enumerate(file.prices):
        target = entry.deployment or entry.model
        if target is None or (entry.deployment and entry.model):
            yield FieldError(("prices", at), "needs either a deployment or a model", "model: openai/gpt-4.1-mini")
            continue
        if entry.deployment and entry.deployment not in file.deployments:
            known = nearest(entry.deployment, file.deployments)
            yield FieldError(("prices", at, "deployment"), f"there is no deployment {entry.deployment!r}", known)
        if entry.model and entry.model not in models:
            known = nearest(entry.model, models)
            yield FieldError(("prices", at, "model"), f"no deployment has the model {entry.model!r}", known)
        if (earlier := seen.get((target, entry.since))) is not None:
            when = f"from {entry.since} on" if entry.since else "without a day"
            yield FieldError(("prices", at), f"{earlier} is also the price of {target!r} {when}", "since: 2026-12-01")
        seen[target, entry.since] = f"prices[{at}]"


def _machines(file: ProjectFile) -> Iterator[FieldError]:
    """Deployments at one address whose prices of an hour differ."""
    hours: dict[str, tuple[str, Decimal]] = {}
    for name, section in file.deployments.items():
        if section.price is None or section.price.gpu_hour is None:
            continue
        first, usd = hours.setdefault(urlsplit(section.base_url or "").netloc, (name, section.price.gpu_hour))
        if usd != section.price.gpu_hour:
            wrong = f"{first!r} is at the same address, where an hour costs {usd}"
            yield FieldError(("deployments", name, "price", "gpu_hour"), wrong, f"{usd}")
