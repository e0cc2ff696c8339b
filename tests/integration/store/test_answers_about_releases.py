"""What the present program answers about each release's project is what was recorded."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends

from fairtrial.domain.verdicts import verdict_json
from gateway.control.auth.authorization import anyone
from tests.fixtures.releases import stored_documents
from tests.fixtures.releases.answers import KINDS, Answers, Opened, answers, opened, route_answers, routes
from tests.fixtures.releases.plain_answers import changes, differences
from tests.fixtures.releases.record import COMMAND, recorded
from tests.fixtures.releases.unpacked import recorded as recorded_requests, releases

NEWEST = releases()[-1]
EARLIER = pytest.mark.release("upgrades")
TEXTS = "/api/suites/{suite_digest}/texts/{text_digest}"


@functools.cache
def present(release: str) -> Answers:
    """The answers of now, computed once for all cases."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), release) as project:
        return answers(project)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Opened]:
    with opened(tmp_path, NEWEST) as project:
        yield project


def changed(kind: str, now: dict[str, Any], release: str = NEWEST) -> list[str]:
    """What differs from what is recorded, in the files that are answered now."""
    before = {name: value for name, value in recorded(release, kind).items() if name in now}
    return changes(before, now, command=COMMAND)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "release", [pytest.param(name, marks=() if name == NEWEST else EARLIER) for name in releases()]
)
def test_what_is_answered_about_a_release_has_not_changed(release: str, kind: str) -> None:
    changed_lines = changes(recorded(release, kind), present(release)[kind], command=COMMAND)
    assert not changed_lines, f"if each of these is meant, run `{COMMAND}`:\n" + "\n".join(changed_lines)


def test_every_route_has_an_answer_about_the_newest_release() -> None:
    assert [name for kind in ("json", "arrow") for name, value in recorded(NEWEST, kind).items() if not value] == []


def test_each_request_in_the_journal_is_in_the_store_once(project: Opened) -> None:
    """The one request of the erased unit is in the store alone, under another id."""
    rows = [request_id for (request_id,) in project.background.database.rows("SELECT request_id FROM requests")]
    journal = recorded_requests(project.config)
    assert len(rows) == len(set(rows)) == len(journal) + 1 > 1_000
    assert journal < set(rows)


def test_a_renamed_key_in_a_stored_record_is_reported(project: Opened) -> None:
    with project.background.database.transaction() as cursor:
        cursor.execute("""UPDATE suite_texts SET text = replace(text, '"repeat":', '"repeats":')""")
    now = route_answers(project, project.app, [TEXTS])["json"]
    endings = [line.rpartition(".")[2] for line in changed("json", now)]
    assert endings == ["repeat: recorded 1, now missing", "repeats: not recorded, now 1"] * (len(endings) // 2)
    assert endings


def test_a_renamed_field_in_what_is_written_is_reported(project: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    background, encode = project.background, verdict_json.encode
    monkeypatch.setattr(verdict_json, "encode", lambda verdict: encode(verdict).replace(b'"headline":', b'"title":'))
    digests = stored_documents.digests(background.database, background.publisher, project.config)
    lines = changed("digests", project.plain(digests))
    assert len(lines) == background.database.rows("SELECT count(*) FROM verdicts")[0][0]
    assert all(".verdict written again: recorded " in line for line in lines)


def test_a_new_route_is_reported_with_the_command_that_records_it(project: Opened) -> None:
    app = project.app
    app.add_api_route("/api/news", lambda: {"rows": []}, dependencies=[Depends(anyone)])
    assert "/api/news" in routes(app)
    now = route_answers(project, app, ["/api/news"])["json"]
    assert changed("json", now) == [f"news.json: this is not recorded; run `{COMMAND}`"]


def test_a_new_route_with_an_unknown_parameter_says_where_to_give_it_a_value(project: Opened) -> None:
    with pytest.raises(AssertionError, match=r"/api/news/\{day\}: say in .*asked_routes which day to ask for"):
        route_answers(project, project.app, ["/api/news/{day}"])


def test_each_kind_of_difference_is_reported_with_its_place() -> None:
    old = {"a": [1, {"b": "x"}], "c": 1.0, "d": 1, "e": None, "f": 0.1}
    new = {"a": [1, {"b": "y"}, 3], "c": 1.0 + 1e-12, "d": 1.0, "f": 0.1001, "g": True}
    assert list(differences(old, new, "route")) == [
        "route.a: recorded 2 items, now 3",
        'route.a[1].b: recorded "x", now "y"',
        "route.d: recorded 1, now 1.0",
        "route.e: recorded null, now missing",
        "route.f: recorded 0.1, now 0.1001",
        "route.g: not recorded, now true",
    ]
