"""Texts become vectors whose product is their similarity, without any download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluators.training_data.similarity.containment import embedders, similarities

TEXTS = (
    "hallway lights flicker",
    "flickering lights hallways",
    "who painted the ceiling",
    "",
)


def test_inflected_words_are_alike_and_an_empty_text_is_like_nothing() -> None:
    vectors = embedders()[0].vectors(TEXTS)
    found = np.array(list(similarities(vectors, vectors)))
    assert np.allclose(np.diag(found)[:3], 1) and not found[3].any()
    assert found[0, 1] > 0.5 > found[0, 2]


def test_wordllama_knows_other_words_for_the_same_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wordllama")
    monkeypatch.setenv("HOME", str(tmp_path))
    llama = embedders()[1]
    vectors = llama.vectors(("how can i get my money back", "how do i obtain a refund of my money", TEXTS[2], ""))
    found = np.array(list(similarities(vectors[:1], vectors[1:])))[0]
    assert found[0] > found[1] + 0.1 and not any(tmp_path.iterdir())
    assert llama.reads("How can I get my money back, please?") and not llama.reads("Wie bekomme ich mein Geld zurück?")
