"""No name or path that a caller sends becomes a file that control reads or writes."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from fastapi.routing import APIRoute, iter_route_contexts

from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.control_app import client, shared_router
from tests.fixtures.for_each import for_each

CANARY = "a-secret-beside-the-store"
TRAVERSALS = ("..\\..\\secret.txt", "../../secret.txt", "..%2f..%2fsecret.txt", "....//secret.txt", "/etc/passwd")
PARAMETER = re.compile(r"\{[^}]+\}")


def paths_with_names() -> list[tuple[str, str]]:
    """Method and path of each route that takes a name in its path."""
    contexts = iter_route_contexts(shared_router().routes)
    routes = [
        (context.path, context.original_route) for context in contexts if isinstance(context.original_route, APIRoute)
    ]
    return [(method, path) for path, route in routes for method in route.methods or () if "{" in path]


@for_each("traversal", TRAVERSALS)
async def test_cve_2023_6977_a_name_that_leads_to_a_file_reads_none(
    background: BackgroundWork, tmp_path: Path, traversal: str
) -> None:
    (tmp_path / "secret.txt").write_text(CANARY)
    routes = paths_with_names()
    assert len(routes) > 15
    async with client(background) as http:
        for method, path in routes:
            answer = await http.request(method, PARAMETER.sub(lambda _: quote(traversal, safe="%"), path))
            assert answer.status_code == 303 or 400 <= answer.status_code < 500, (method, path, answer.status_code)
            assert CANARY not in answer.text and "root:" not in answer.text


async def test_cve_2026_2033_a_name_that_leads_elsewhere_writes_no_file(
    background: BackgroundWork, tmp_path: Path
) -> None:
    def outside() -> set[Path]:
        return {path for path in tmp_path.rglob("*") if "fairtrial.duckdb" not in str(path)}

    before, above = outside(), set(tmp_path.parent.iterdir())
    async with client(background) as http:
        for traversal in TRAVERSALS:
            await http.post("/api/keys", json={"name": traversal})
            gate = f"version: 1\ngate: '{traversal}'\nsuites: ['{traversal}']\n"
            named = {"suite": traversal, "digest": "0" * 32, "listed": traversal, "file": traversal}
            body = {"gate": gate, "suites": [named], "candidate": "tuned", "baseline": "base"}
            await http.post("/api/verdicts", json=body)
            wish = {"suite": traversal, "candidate": traversal, "baseline": traversal, "size": 1}
            await http.post("/api/reviews/queues", json=wish)
            await http.post("/api/store/backups", json={"dest": traversal.removeprefix("/")})
            await http.post("/api/accounts", json={"name": traversal, "role": "reviewer"})
    assert outside() == before
    assert set(tmp_path.parent.iterdir()) == above
