"""Declares metrics and writes their values as Prometheus text.

The library only writes: its own counters are of one process, and those of several need a file write for each count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "fairtrial_"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of a histogram's buckets, in seconds; one more bucket has what is longer."""

Samples = Sequence[tuple[tuple[str, ...], float | list[float]]]
"""The values of labels, with a number, or the list of a `histogram`."""
Values = dict[str, Samples]
"""The samples of metrics by name."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric. ``labels``: the names of its labels."""

    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


def histogram() -> list[float]:
    """A count for each bucket and for what is longer, and then the sum."""
    return [0] * (len(BOUNDS) + 2)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(
    declared: Mapping[str, Declared],
    groups: Iterable[tuple[tuple[str, ...], Values]],
    labels: tuple[str, ...] = (),
) -> bytes:
    """The text of ``/metrics``. Each group begins with its values of ``labels``, which all of its samples get."""
    groups = list(groups)
    return generate_latest(_Families(_family(name, metric, groups, labels) for name, metric in declared.items()))


def _family(
    name: str, metric: Declared, groups: Iterable[tuple[tuple[str, ...], Values]], labels: tuple[str, ...]
) -> Metric:
    full, names = f"{PREFIX}{name}", (*labels, *metric.labels)
    samples = [((*group, *own), value) for group, values in groups for own, value in values.get(name, ())]
    if metric.kind == "histogram":
        histograms = HistogramMetricFamily(full, metric.meaning, labels=names)
        for at, value in samples:
            assert isinstance(value, list)
            *counts, total = value
            buckets = zip(map(str, (*BOUNDS, "+Inf")), accumulate(counts), strict=True)
            histograms.add_metric(at, list(buckets), total)
        return histograms
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    numbers = kind(full, metric.meaning, labels=names)
    for at, value in samples:
        assert not isinstance(value, list)
        numbers.add_metric(at, value)
    return numbers
