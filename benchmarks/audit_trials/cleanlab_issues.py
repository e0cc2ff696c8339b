"""Ranks label issues with cleanlab. Runs in an environment that has it, and imports nothing of fairtrial.

Run: ``python cleanlab_issues.py FILE``. The file is JSON with ``texts`` and ``labels``. The rows that cleanlab flags
are printed as JSON, the most suspect first. Its model is a logistic regression on words, pairs of words and letters.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer


def main() -> None:
    """Print the ranked rows."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _, labels = np.unique(np.array(given["labels"]), return_inverse=True)
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True),
    )
    model = make_pipeline(features, Normalizer(), LogisticRegression(C=10, max_iter=100))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    shares = cross_val_predict(model, given["texts"], labels, cv=folds, method="predict_proba")
    issues = find_label_issues(labels, shares, return_indices_ranked_by="normalized_margin", n_jobs=1)
    ranked = [int(row) for row in issues]
    print(json.dumps(ranked))


if __name__ == "__main__":
    main()
