"""Writes metrics in Prometheus' text format 0.0.4, with a HELP and a TYPE line for each family."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

MEDIA_TYPE = "text/plain; version=0.0.4"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of a histogram's buckets, in seconds; one more bucket has what is longer."""

Samples = list[tuple[str, float | list[float]]]
"""Written labels, each after a comma, with a value. That of a histogram is its counts by bucket, and then its sum."""
Family = tuple[str, str, Samples]
"""A metric: its name, its kind, and its samples."""


def exposition(groups: Iterable[tuple[str, Iterable[Family]]], meanings: Mapping[str, str]) -> str:
    """The text of ``/metrics``. Each group has labels that all of its samples get; ``meanings``: the HELP by name."""
    kinds: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for common, families in groups:
        for name, kind, samples in families:
            kinds.setdefault(name, kind)
            own = lines.setdefault(name, [])
            for labels, value in samples:
                own.extend(_lines(f"fairtrial_{name}", f"{common}{labels}".removeprefix(","), value))
    heads = {
        name: f"# HELP fairtrial_{name} {meanings.get(name, '')}\n# TYPE fairtrial_{name} {kind}"
        for name, kind in kinds.items()
    }
    return "".join("\n".join([head, *lines[name]]) + "\n" for name, head in heads.items())


def label(**values: str) -> str:
    """Labels of a sample, escaped."""
    return "".join(f',{name}="{_quoted(value)}"' for name, value in values.items())


def _lines(name: str, labels: str, value: float | list[float]) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
        return
    *counts, total = value
    for bound, count in zip((*BOUNDS, "+Inf"), accumulate(counts), strict=True):
        yield f'{name}_bucket{{{labels},le="{bound}"}} {count:.0f}'
    yield f"{name}_sum{{{labels}}} {total}"
    yield f"{name}_count{{{labels}}} {sum(counts):.0f}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
