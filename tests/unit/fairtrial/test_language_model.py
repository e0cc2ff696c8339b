"""The unpacked language model gives what the package's gives, and nothing but time depends on its file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from fairtrial import language_model
from fairtrial.domain.answers.signals import LANGUAGES
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT
from tests.fixtures.training_data.reports import sound_rows

RANKED = """
import json, sys
from fairtrial.language_model import identifier
print(json.dumps(identifier().rank(sys.argv[1])))
"""
GERMAN = "Wie bekomme ich mein Geld zurück?"


def texts() -> list[str]:
    """Rows, and all texts of the guides, whole and by line, which have code, tables and other scripts."""
    rows = [row["messages"][1]["content"] for row in sound_rows(200, seed=3)]
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "how-to").glob("*.md"))]
    lines = [line for page in pages for line in page.splitlines()]
    other = [GERMAN, "Votre commande est en route.", "Заказ в пути.", "ご注文は配送中です", "", "\ud800 ?", "42"]
    return [*rows, *pages, *lines, *other]


@contextmanager
def cached_in(folder: Path) -> Iterator[Path]:
    """The model of a process that starts now, with its cache in this folder; the path of the unpacked model."""
    loaded = (language_model.identifier, language_model._unpacked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        for function in loaded:
            function.cache_clear()
        yield language_model.unpacked_path()
    for function in loaded:
        function.cache_clear()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with cached_in(tmp_path_factory.mktemp("cache")) as path:
        language_model.identifier()
    return path


@for_each("languages", {"all": (), "ours": LANGUAGES})
def test_the_unpacked_model_gives_the_same_languages_and_scores(unpacked: Path, languages: str) -> None:
    some = {"all": (), "ours": LANGUAGES}[languages]
    package = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    package.set_languages(some or None)
    written = unpacked.stat()
    with cached_in(unpacked.parents[2]):
        ours = language_model.identifier(some)
    assert [text for text in texts() if ours.rank(text) != package.rank(text)] == []
    assert unpacked.stat() == written


@pytest.mark.release("stories")
@for_each("damage", ["a changed byte", "half of it", "nothing in it"])
def test_a_damaged_file_is_replaced(unpacked: Path, tmp_path: Path, damage: str) -> None:
    with cached_in(tmp_path / damage) as path:
        path.parent.mkdir(parents=True)
        shutil.copyfile(unpacked, path)
        with path.open("r+b") as file:
            if damage == "a changed byte":
                file.seek(20_000_000)
                file.write(bytes([file.read(1)[0] ^ 1]))
            else:
                file.truncate(unpacked.stat().st_size // 2 if damage == "half of it" else 0)
        assert language_model.identifier().classify(GERMAN)[0] == "de"
    assert path.read_bytes() == unpacked.read_bytes() and list(path.parent.iterdir()) == [path]


@pytest.mark.release("stories")
@for_each("obstacle", ["a folder in its place", "no folder"])
def test_without_a_file_the_model_is_in_memory(tmp_path: Path, obstacle: str) -> None:
    with cached_in(tmp_path / obstacle) as path:
        if obstacle == "no folder":
            (tmp_path / obstacle).write_text("a file, so that no folder can be made here")
        else:
            (path / "its content").mkdir(parents=True)
        assert language_model.identifier().classify(GERMAN)[0] == "de"
        assert not path.is_file()


@pytest.mark.release("stories")
def test_several_processes_unpack_it_at_the_same_time(unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RANKED, GERMAN]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(2)]
    answers = [json.loads(process.communicate()[0]) for process in processes]
    assert answers[0] == answers[1] and answers[0][0][0] == "de"
    (path,) = tmp_path.rglob("*.npy")
    assert path.read_bytes() == unpacked.read_bytes() and list(path.parent.iterdir()) == [path]


def test_many_texts_at_once_have_the_probabilities_of_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "BLOCK", 3)
    texts = [GERMAN, "", "Where is my parcel?", "ДЕ МОЯ ПОСИЛКА?", "荷物はどこですか", "\ud800", GERMAN * 40, "12"]
    shares = language_model.shares_of(texts, LANGUAGES)
    for text, found in zip(texts, shares.tolist(), strict=True):
        alone = dict(language_model.identifier(LANGUAGES).rank(text))
        assert dict(zip(LANGUAGES, found, strict=True)) == pytest.approx(alone, abs=1e-5)


def test_no_text_has_no_probabilities() -> None:
    assert language_model.shares_of([], LANGUAGES).shape == (0, len(LANGUAGES))
