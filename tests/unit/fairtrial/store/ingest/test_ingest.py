"""Every whole line of a journal gets into the store exactly once, whatever dies in between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.journal.segment import names, segment_name
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest import ingest as ingest_module
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.ingest.segment_archive import compress
from tests.fixtures.store import samples

COUNT = "SELECT count(*), count(DISTINCT request_id) FROM requests"


def test_events_of_every_kind_become_rows(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(
        samples.exposed(
            1, request_body="{}", tags={"team": "a"}, attempts=[samples.attempt_of(1, cost_usd="0.000123")]
        ),
        samples.feedback(1),
        samples.run(),
        samples.case_result(),
        samples.score(),
        samples.suite(),
    )
    assert ingester.catch_up().rows == 6
    tables = ("requests", "payloads", "attempts", "feedback", "runs", "results", "scores", "suite_texts")
    for table in tables:
        assert database.rows(f"SELECT count(*) FROM {table}") == [(1,)], table
    ((cost, tags),) = database.rows("SELECT cost_usd::VARCHAR, tags FROM requests")
    assert (cost, tags) == ("0.000123000", {"team": "a"})
    writer.close()


def test_a_second_pass_brings_only_what_is_new(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    assert ingester.catch_up().rows == 1
    assert ingester.catch_up().rows == 0
    writer.append(samples.request(2))
    assert ingester.catch_up().rows == 1
    assert database.rows(COUNT) == [(2, 2)]
    writer.close()


def test_unknown_cost_stays_unknown(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.record(1))
    writer.close()
    ingester.catch_up()
    assert database.rows("SELECT cost_usd, latency_ms, tokens_in FROM requests") == [(None, None, None)]


def test_a_reopened_store_goes_on_where_it_stopped(layout: Layout) -> None:
    writer = JournalWriter(layout.journal, writer="w")
    for round_ in range(3):
        writer.append(samples.request(2 * round_), samples.request(2 * round_ + 1))
        database = Database.open(layout)
        Ingester(database, lambda: samples.NOW).catch_up()
        assert database.rows(COUNT) == [(2 * round_ + 2, 2 * round_ + 2)]
        database.close()
    writer.close()


def test_a_finished_segment_is_put_away_and_a_live_one_stays(database: Database, ingester: Ingester) -> None:
    dead, live = (JournalWriter(database.layout.journal, writer=name) for name in ("dead", "live"))
    dead.append(samples.request(1))
    live.append(samples.request(2))
    dead.close()
    ingester.catch_up()
    (segment,) = names(database.layout.journal)
    assert segment.name.endswith("-live.jsonl")
    (done,) = names(database.layout.journal / "done")
    assert done.name.endswith("-dead.jsonl")
    live.close()


def test_a_torn_last_line_of_a_dead_writer_is_rejected_and_nothing_else(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    (path,) = names(database.layout.journal)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(samples.request(2))[:40])
    assert ingester.catch_up() == ingest_module.IngestResult(rows=1)
    writer.close()
    assert ingester.catch_up().rejects == 1
    assert database.rows(COUNT) == [(1, 1)]
    assert database.rows("SELECT why FROM rejects") == [("torn: its writer died",)]


def test_broken_and_unknown_lines_are_rejected_and_the_others_come_in(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    (path,) = names(database.layout.journal)
    with path.open("ab") as file:
        # by hand: no gateway writes such a line
        file.write(b'{"kind":"request"}\n{"kind":"dream","v":1}\nnot json\n\xff\xfe\n{"kind":"request","v":0}\n')
    writer.append(samples.request(2))
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (2, 5)
    ((first, size),) = database.rows("SELECT min(why), min(bytes) FROM rejects WHERE why LIKE '%dream%'")
    assert (first.startswith("unknown kind 'dream'"), size) == (True, 23)
    assert database.rows(COUNT) == [(2, 2)]
    writer.close()


def test_deeply_nested_lines_are_rejected_and_the_others_come_in(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    (path,) = names(database.layout.journal)
    known = msgspec.json.encode(samples.request(3)).removesuffix(b"}")
    with path.open("ab") as file:
        for depth in (500, 100_000):
            nested = b"[" * depth + b"]" * depth
            file.writelines(
                # by hand: no gateway writes such a line
                (b'{"kind":%b}\n' % nested, b'{"x":%b,"kind":"run"}\n' % nested, b'%b,"x":%b}\n' % (known, nested))
            )
    writer.append(samples.request(2))
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (3, 5)
    assert database.rows(COUNT) == [(3, 3)]
    assert database.rows("SELECT count(*) FROM rejects WHERE why LIKE '%nested too deeply%'") == [(2,)]
    writer.close()


def test_what_is_no_regular_file_is_reported_and_the_other_segments_come_in(
    database: Database, ingester: Ingester
) -> None:
    folder = database.layout.journal
    os.mkfifo(folder / "0-pipe.jsonl")
    os.mkfifo(folder / "0-pipe.jsonl.zst")
    (folder / "0-folder.jsonl").mkdir()
    (folder / "0-zero.jsonl").symlink_to("/dev/zero")
    (folder / "0-nowhere.jsonl").symlink_to("nowhere")
    (folder / "0-nested.jsonl").write_bytes(b'{"writer":' + b"[" * 100_000 + b"\n")
    writer = JournalWriter(folder, writer="w")
    writer.append(samples.request(1))
    done = ingester.catch_up()
    assert done.rows == 1
    assert [wrong.rpartition("/")[2].partition(" (")[0] for wrong in done.unreadable] == [
        "0-folder.jsonl: can't be read: it is a folder",
        "0-nested.jsonl: the first line is not a journal header",
        "0-nowhere.jsonl: can't be read",
        "0-pipe.jsonl: can't be read: it is not a regular file",
        "0-zero.jsonl: can't be read: it is not a regular file",
    ]
    assert Ingester(database, lambda: samples.NOW).lag_bytes() >= 0
    writer.close()


def test_one_line_that_the_database_can_not_take_does_not_stop_the_rest(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(*(samples.request(number, at_us=2**63 - 1 if number == 5 else number) for number in range(12)))
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (11, 1)
    assert database.rows(COUNT) == [(11, 11)]
    writer.close()


def test_what_is_put_aside_keeps_no_text_of_a_body(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1, at_us=2**63 - 1, request_body="my secret"))
    (path,) = names(database.layout.journal)
    with path.open("ab") as file:
        # by hand: no gateway writes such a line
        file.write(b'{"kind":"request","request_body":"my secret"}\n{"kind":"request","request_body":"my sec')
    writer.close()
    assert ingester.catch_up().rejects == 3
    assert "secret" not in str(database.rows("SELECT * FROM rejects"))
    assert "my sec" not in str(database.rows("SELECT * FROM rejects"))


def test_what_a_killed_owner_left_to_insert_is_swept_away(database: Database, layout: Layout) -> None:
    left = layout.folder / "ingest" / "1-request.jsonl"
    left.write_text("a body")
    Ingester(database, lambda: samples.NOW)
    assert not left.exists()


def test_a_segment_that_can_not_be_read_does_not_keep_the_others_out(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, open_ = (JournalWriter(database.layout.journal, writer=name) for name in ("closed", "open"))
    closed.append(samples.request(1))
    open_.append(samples.request(2))
    real = ingest_module.has_writer

    def refused(path: Path) -> bool:
        if path.name.endswith("-closed.jsonl"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(ingest_module, "has_writer", refused)
    done = ingester.catch_up()
    assert done.rows == 1
    assert "Permission denied" in done.unreadable[0]
    closed.close()
    open_.close()


def test_rows_and_offset_commit_together_or_not_at_all(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    monkeypatch.setattr(ingest_module, "RECORD_OFFSETS", "SELECT error('power cut'), ?, ?, ?, ?")
    with pytest.raises(Exception, match="power cut"):
        ingester.catch_up()
    monkeypatch.undo()
    assert database.rows(COUNT) == [(0, 0)]
    assert Ingester(database, lambda: samples.NOW).catch_up().rows == 1
    assert database.rows(COUNT) == [(1, 1)]
    writer.close()


def test_a_segment_sealed_but_not_yet_moved_is_not_read_again(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    writer.close()
    ingester.catch_up()
    (done,) = names(database.layout.journal / "done")
    done.rename(database.layout.journal / done.name)
    assert Ingester(database, lambda: samples.NOW).catch_up().rows == 0
    assert names(database.layout.journal) == []
    assert database.rows(COUNT) == [(1, 1)]


def test_a_segment_of_a_newer_version_is_left_alone_and_named(database: Database, ingester: Ingester) -> None:
    path = database.layout.journal / "018f-future.jsonl"
    # by hand: no gateway writes such a line
    path.write_bytes(b'{"kind":"journal","v":99,"writer":"w","pid":1,"at_us":1}\n{"kind":"request"}\n')
    done = ingester.catch_up()
    assert done.rows == 0
    assert "newer than this program" in done.unreadable[0]
    assert path.exists()


@pytest.mark.parametrize("at", ["while its writer runs", "after it was archived", "compressed"])
def test_a_copy_of_a_segment_under_another_name_counts_once(database: Database, ingester: Ingester, at: str) -> None:
    journal = database.layout.journal
    writer = JournalWriter(journal, writer="w")
    writer.append(*(samples.request(number) for number in range(150)))
    (path,) = names(journal)
    if at != "while its writer runs":
        writer.close()
        ingester.catch_up()
        path = journal / "done" / path.name
    if at == "compressed":
        assert compress(path, lambda _: False)
        path = path.with_name(f"{path.name}.zst")
    copy = journal / path.name.replace("-w.", "-copy.")
    shutil.copy(path, copy)
    (unreadable,) = ingester.catch_up().unreadable
    assert unreadable.startswith(f"{segment_name(copy)}: ") and segment_name(path) in unreadable
    assert (database.rows(COUNT), copy.exists()) == ([(150, 150)], True)
    copy.unlink()
    assert ingester.catch_up().unreadable == ()
    writer.close()


def test_a_segment_of_an_earlier_release_names_no_file_and_is_read(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    writer.close()
    (path,) = names(database.layout.journal)
    header, *lines = path.read_bytes().splitlines(keepends=True)
    fields = msgspec.json.decode(header)
    del fields["name"]
    path.with_name("earlier.jsonl").write_bytes(b"".join((msgspec.json.encode(fields), b"\n", *lines)))
    path.unlink()
    assert ingester.catch_up().rows == 1


def test_an_event_of_a_newer_version_stays_in_its_segment_with_all_that_follows(
    database: Database, ingester: Ingester
) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    (path,) = names(database.layout.journal)
    before = path.stat().st_size
    with path.open("ab") as file:
        # by hand: no gateway writes such a line
        file.write(b'{"kind":"request","v":3}\n')
    writer.append(samples.request(2))
    writer.close()
    for _ in range(2):
        done = ingester.catch_up()
        assert "request: version 3 is newer than this program" in done.unreadable[0]
        assert database.rows(COUNT) == [(1, 1)]
    assert names(database.layout.journal) == [path], "neither sealed nor put away"
    assert database.rows("SELECT max(position), count(*) FROM offsets") == [(before, 1)]
    assert database.rows("SELECT count(*) FROM rejects") == [(0,)]
    again = Ingester(database, lambda: samples.NOW)
    assert again.catch_up().rows == 0
    with path.open("r+b") as file:  # what a newer program would read there
        # by hand: no gateway writes such a line
        text = file.read().replace(b'{"kind":"request","v":3}\n', b" " * 24 + b"\n")
        file.seek(0)
        file.write(text)
    assert Ingester(database, lambda: samples.NOW).catch_up().rows == 1
    assert database.rows(COUNT) == [(2, 2)]


def test_a_segment_that_a_newer_program_has_begun_to_ingest_is_left_alone(
    database: Database, ingester: Ingester
) -> None:
    path = database.layout.journal / "018f-future.jsonl"
    # by hand: no gateway writes such a line
    header = b'{"kind":"journal","v":99,"writer":"w","pid":1,"at_us":1}\n'
    path.write_bytes(header + b'{"kind":"request","half":"ingested"}\n')
    with database.transaction() as cursor:
        cursor.execute(ingest_module.RECORD_OFFSETS, [[path.name], [len(header)], False, samples.NOW])
    done = Ingester(database, lambda: samples.NOW).catch_up()
    assert (done.rows, done.rejects) == (0, 0)
    assert "journal version 99 is newer than this program" in done.unreadable[0]
    assert path.exists()


def test_feedback_finds_its_request_that_stands_before_an_event_of_a_newer_version(
    database: Database, ingester: Ingester
) -> None:
    early = JournalWriter(database.layout.journal, writer="feedback")
    early.append(samples.feedback(1, at_us=samples.NOW + 5, request_id="r-1"))
    early.close()
    ingester.catch_up()
    late = JournalWriter(database.layout.journal, writer="requests")
    late.append(samples.exposed(1), samples.record(2, v=3))
    late.close()
    for _ in range(2):
        ingester.catch_up()
    assert database.rows("SELECT attribution FROM feedback") == [("request",)]


@pytest.mark.parametrize("at_us", [-(10**18), 2**62])
def test_a_time_that_is_no_date_is_rejected_alone(database: Database, ingester: Ingester, at_us: int) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.record(1, at_us=at_us), samples.exposed(2))
    writer.close()
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (1, 1)
    assert database.rows("SELECT request_id FROM requests") == [("r-2",)]


def test_a_body_larger_than_a_chunk_comes_in_whole(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    body = "x" * (9 * 2**20)
    writer.append(samples.request(1, request_body=body))
    assert ingester.catch_up().rows == 1
    assert database.rows("SELECT length(request_body) FROM payloads") == [(len(body),)]
    writer.close()


def test_pruning_deletes_only_old_segments_that_were_put_away(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    writer.close()
    ingester.catch_up()
    (done,) = names(database.layout.journal / "done")
    written = done.stat().st_mtime_ns // 1000
    assert ingester.prune(written) == 0
    assert ingester.prune(written + 1) == 1


def test_lag_is_what_the_store_has_not_read_yet(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    assert ingester.lag_bytes() > 0
    ingester.catch_up()
    assert ingester.lag_bytes() == 0
    writer.close()


def test_the_store_reads_no_file_but_its_own(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(StoreError, match=r"^the store could not answer; see the log for the reason$"):
        database.rows(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    assert "disabled by configuration" in caplog.text
