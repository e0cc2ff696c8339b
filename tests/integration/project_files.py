"""A project on free ports, for tests that run the real services."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress
from pathlib import Path

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(20_000 + WORKER % 8, 32_768, 8)
"""Below those that systems give to whoever asks for any, and for each of pytest's workers others."""

TEMPLATE = """\
version: 1
deployments:
  base: {{model: openai/base, base_url: "{upstream}/v1"}}
  tuned: {{model: openai/tuned, base_url: "{upstream}/v1", parent: base}}
routes:
  support-bot: {{experiment: tuned-vs-base, fallback: base}}
metrics:
  resolved: {{from: feedback, key: resolved, kind: boolean}}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants:
      base: {{deployment: base}}
      tuned: {{deployment: tuned}}
    split: {{base: 50, tuned: 50}}
    primary: {{metric: feedback.resolved, require: superior, mde: 3pp}}
gateway: {{bind: "127.0.0.1:{gateway}", workers: {workers}}}
control: {{bind: "127.0.0.1:{control}"}}
dashboard: {{bind: "127.0.0.1:{dashboard}"}}
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that nothing else takes before a service that is given them listens."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found


def write_project(folder: Path, *, upstream: str = "http://127.0.0.1:9", workers: int = 2) -> Path:
    """`fairtrial.yaml` with an experiment between two deployments of one upstream, on free ports."""
    gateway, control, dashboard = free_ports(3)
    path = folder / "fairtrial.yaml"
    path.write_text(
        TEMPLATE.format(upstream=upstream, gateway=gateway, control=control, dashboard=dashboard, workers=workers)
    )
    return path
