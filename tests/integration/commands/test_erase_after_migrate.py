"""An erasure reaches the request by which `fairtrial migrate` asked whether the old model still answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from evaluators.loading.suite_reader import load
from fairtrial.config.project import load_project
from fairtrial.store.core.database import Database
from fairtrial_cli.main import fairtrial
from fairtrial_cli.processes.private_gateway import project_gateway
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import fairtrial_json
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing, last
from tests.fixtures.upstream.server import Script

COUNT = 20
BODIES = "SELECT request_id, request_body FROM payloads WHERE contains(request_body, ?)"


def reply(body: dict[str, Any], _: int) -> str | Script:
    return "refund" if "messages" in body and last(body) else failing(404)


@pytest.mark.release("stories")
def test_an_erasure_after_a_migration_leaves_no_copy_of_the_units_texts(tmp_path: Path) -> None:
    with ScriptedUpstream(reply) as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        path.write_text(path.read_text().replace("routes:\n", "routes:\n  direct: {deployment: base}\n", 1))
        project = load_project(path, {})
        with project_gateway(project) as url:
            for number in range(COUNT):
                texts = [{"role": "user", "content": f"ticket of heron{number:03} please"}]
                asked = {"model": "direct", "user": f"customer-{number}", "messages": texts}
                assert httpx.post(f"{url}/chat/completions", json=asked).status_code == 200
        options = ["--from-traffic", str(COUNT), "--config", str(path), "--json"]
        done = CliRunner().invoke(fairtrial, ["migrate", "base", "tuned", *options])
        assert done.exit_code in (0, 1, 3, 4), done.output
    case = load(project.layout.traffic_suites / "traffic-base.yaml")[0].cases[0]
    number = int(json.dumps([dict(message) for message in case.messages]).partition("heron")[2][:3])
    database = Database.open(project.layout)
    assert len(database.rows(BODIES, [f"heron{number:03}"])) >= 4, "the customer's, the probe's, and one of each model"
    database.close()
    erased = fairtrial_json("store", "erase-unit", f"customer-{number}", cwd=tmp_path)
    assert any("review export" in export for export in erased["exports"])
    database = Database.open(project.layout)
    assert database.rows(BODIES, [f"heron{number:03}"]) == []
    assert len(database.rows(BODIES, ["heron"])) > 0
    database.close()
    held = [str(file) for file in tmp_path.rglob("*") if file.is_file() and b"heron%03d" % number in file.read_bytes()]
    assert held == []
