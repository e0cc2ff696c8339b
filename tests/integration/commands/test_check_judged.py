"""`fairtrial check --ask` asks deployments that serve users and were judged whether they still answer as then."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.services import command, gate_project
from tests.fixtures.upstream.server import FakeUpstream


def test_check_asks_a_judged_deployment_within_its_tokens(tmp_path: Path) -> None:
    project = gate_project.write_gate_project(tmp_path)
    file = project / "fairtrial.yaml"
    with FakeUpstream() as fake:
        text = file.read_text().replace("127.0.0.1:9", f"127.0.0.1:{fake.port}").replace("parent: base", "params: {}")
        file.write_text(text.replace("bot: {deployment: base}", "bot: {deployment: tuned}"))
        nobody = asked(project)
        for target in ("base", "tuned"):
            gate_project.record(project, target, 190)
        gate = ("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base")
        assert command.fairtrial(*gate, cwd=project).returncode in (0, 3)
        first, second = asked(project), asked(project)
        file.write_text(file.read_text() + "control: {probe_tokens_per_day: 0}\n")
        none = asked(project)
    assert nobody == []
    assert [(ask["deployment"], ask["score"]) for ask in (*first, *second)] == [("tuned", None), ("tuned", 0.0)]
    assert all(0 < ask["tokens"] <= 20_000 for ask in (*first, *second))
    assert none == []


def asked(project: Path) -> list[dict[str, object]]:
    """What the command prints about judged deployments."""
    checked = command.fairtrial("check", "--ask", "--json", cwd=project, timeout=300)
    assert checked.returncode == 0, checked.stderr
    found: list[dict[str, object]] = json.loads(checked.stdout)["files"][0]["judged"]
    return found
