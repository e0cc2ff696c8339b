"""Old answers leave the cache, and a run that has it open is not disturbed."""

from __future__ import annotations

from pathlib import Path

from evaluators.engine.answer_cache import AnswerCache, AnswerKey, prune_answers
from fairtrial.domain.run import Answer

DAY_US = 86_400_000_000


def fill(folder: Path, digest: str, *days: int) -> None:
    for day in days:
        cache = AnswerCache(folder, digest, scope="s", now_us=day * DAY_US)
        cache.put(AnswerKey(f"q{day}"), Answer(text="Paris", fingerprint="f"))
        cache.close()


def found(folder: Path, digest: str, day: int) -> bool:
    cache = AnswerCache(folder, digest, scope="s", now_us=99 * DAY_US)
    try:
        return cache.find(AnswerKey(f"q{day}"), "f") is not None
    finally:
        cache.close()


def test_answers_older_than_the_days_go_and_others_stay(tmp_path: Path) -> None:
    fill(tmp_path, "a", 1, 2, 30)
    fill(tmp_path, "b", 1)
    assert prune_answers(tmp_path, before_us=20 * DAY_US, dry_run=True) == 3
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 3
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 0
    assert [found(tmp_path, "a", day) for day in (1, 2, 30)] == [False, False, True]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_cache_that_a_run_has_open_is_left_for_the_next_time(tmp_path: Path) -> None:
    fill(tmp_path, "a", 1)
    running = AnswerCache(tmp_path, "a", scope="s", now_us=DAY_US)
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 0
    running.put(AnswerKey("q2"), Answer(text="Rome", fingerprint="f"))
    running.close()
    assert prune_answers(tmp_path, before_us=DAY_US) == 0
    assert [found(tmp_path, "a", day) for day in (1, 2)] == [True, True]


def test_the_oldest_files_go_once_all_are_too_large(tmp_path: Path) -> None:
    import os

    for place, digest in enumerate("abc"):
        fill(tmp_path, digest, 1)
        (new,) = [path for path in tmp_path.iterdir() if path.stat().st_mtime > 100]
        os.utime(new, (place, place))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert prune_answers(tmp_path, before_us=0, largest=size // 2) == 2
    assert [found(tmp_path, digest, 1) for digest in "abc"] == [False, False, True]
