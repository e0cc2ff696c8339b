"""Renders docs/reference/metrics.md from the declared metrics of the gateway and of control."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control import metrics as control
from gateway.metrics import BOUNDS, PREFIX, Declared
from gateway.proxy.routes import metrics as proxy
from scripts.reference.markdown import code, codes, page, prose, table

INTRO = """\
The gateway and control answer `GET /metrics` in Prometheus' text format, for anyone who reaches their addresses.
[Watch with Prometheus](../how-to/watch-with-prometheus.md) has a configuration and rules for alerts. Times are in
seconds. Counters begin at 0 when their process starts, except those that count rows of the store."""
GATEWAY = """\
Any worker of the gateway answers for all of them; the values of the others may be a second old. Each sample has the
label `worker`. `route` is a route of the plan in force, and empty for other names that callers sent. `variant` is what
served, and empty outside of experiments. `status` is a class, such as `2xx`. Tokens and cost include those of failed
attempts, fallbacks and probes."""
CONTROL = """\
No label names an experiment, a unit or a person. `by` is `control` for what control did by itself, and `others` for
people and commands."""


def metrics_page() -> str:
    """The page."""
    bounds = f"The buckets of histograms end at {', '.join(f'{bound:g}' for bound in BOUNDS)} seconds."
    sections = [("The gateway", GATEWAY, proxy.DECLARED), ("Control", CONTROL, control.DECLARED)]
    parts = [part for title, text, declared in sections for part in (f"## {title}", text, _metrics(declared))]
    return page("Metrics", INTRO, bounds, *parts)


def _metrics(declared: Mapping[str, Declared]) -> str:
    rows = [
        (code(f"{PREFIX}{name}"), metric.kind, codes(metric.labels), prose(metric.meaning))
        for name, metric in declared.items()
    ]
    return table(("metric", "type", "labels", "meaning"), rows)
