"""Ranks label issues with cleanlab. Runs in an environment that has it, and imports nothing of fairtrial.

Run: ``python cleanlab_issues.py FILE``. The file is JSON with ``texts`` and ``labels``; for each representation of the
texts, the rows that cleanlab flags are printed as JSON, the most suspect first.
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


def main() -> None:
    """Print the ranked rows of each representation."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _, labels = np.unique(np.array(given["labels"]), return_inverse=True)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    ranked = {}
    for name, features in (("words", words), ("words and letters", make_union(words, letters))):
        model = make_pipeline(features, LogisticRegression(C=10, max_iter=1_000))
        shares = cross_val_predict(model, given["texts"], labels, cv=folds, method="predict_proba")
        issues = find_label_issues(labels, shares, return_indices_ranked_by="normalized_margin", n_jobs=1)
        ranked[name] = [int(row) for row in issues]
    print(json.dumps(ranked))


if __name__ == "__main__":
    main()
