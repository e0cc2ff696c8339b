"""The features of texts are those of scikit-learn's vectorizers, in any number of blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from evaluators.training_data.labels import text_features as features
from evaluators.training_data.labels.text_features import text_features
from tests.fixtures.training_data.reports import sound_rows

TEXTS = [
    *(str(row["messages"][1]["content"]) for row in sound_rows(120, seed=3)),
    *("我的订单什么时候到", "我的订单在哪里", "a a b", "a", "", "İstanbul'da mı?", "\ud800 lone", "naïve café"),
]


@pytest.mark.parametrize(("block", "most"), [(1_000, 50_000), (7, 50_000), (50, 90)])
def test_they_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch, block: int, most: int) -> None:
    monkeypatch.setattr(features, "BLOCK", block)
    monkeypatch.setattr(features, "MOST_TERMS", most)
    usual = {"min_df": 2, "sublinear_tf": True, "max_features": most}
    kinds = (
        TfidfVectorizer(analyzer="word", ngram_range=(1, 2), token_pattern=r"\S+", **usual),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), **usual),
    )
    expected = normalize(hstack([kind.fit_transform(TEXTS) for kind in kinds])).toarray()
    np.testing.assert_allclose(text_features(TEXTS).toarray(), expected, atol=1e-6)
