"""Makes the headers that announce the last day of a deployment, once for each published plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime

from fairtrial.domain.plan import Ending, Published
from fairtrial.domain.promises import WARN_DAYS

Lines = tuple[bytes, ...]
REPLACED = (b"deprecation:", b"sunset:")
"""The starts of the lines that an upstream may send too."""


@dataclass(frozen=True, slots=True)
class EndingHeaders:
    """The header lines by deployment, and by experiment for callers that may not see which variant served.

    Those of an experiment are the same on each answer, because others would reveal the variant.
    """

    deployments: Mapping[str, Lines]
    experiments: Mapping[str, Lines]


def ending_headers(published: Published) -> EndingHeaders:
    """The headers of a plan, of which few deployments have any."""
    endings = published.endings or {}
    experiments: dict[str, Lines] = {}
    for experiment in published.plan.experiments.values():
        ends = [endings[arm.deployment] for arm in experiment.variants if arm.deployment in endings]
        if ends:
            experiments[experiment.name] = header_lines(min(ends, key=lambda ending: ending.last_day))
    return EndingHeaders({name: header_lines(ending) for name, ending in endings.items()}, experiments)


def header_lines(ending: Ending) -> Lines:
    """``Deprecation`` (RFC 9745) from the day of the first warning, and ``Sunset`` (RFC 8594) at the last day's end."""
    day = date.fromisoformat(ending.last_day)
    begin = datetime.combine(day - timedelta(days=max(WARN_DAYS)), time(), UTC)
    end = datetime.combine(day, time(23, 59, 59), UTC)
    lines = (
        b"deprecation: @%d\r\n" % begin.timestamp(),
        b"sunset: %b\r\n" % format_datetime(end, usegmt=True).encode(),
    )
    named = ending.successor
    return lines if named is None else (*lines, b"x-fairtrial-successor: %b\r\n" % named.encode())
