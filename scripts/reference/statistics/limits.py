"""On which data each method fails, with the figure: the table of docs/reference/statistics.md."""

from __future__ import annotations

LIMITS: tuple[tuple[str, str, str], ...] = (
    (
        "tango",
        "0/1 cases that stand alone; it knows no clusters",
        "each question twice 12 % wrong passes, five times 23 %; the gate uses `score_mean` there",
    ),
    (
        "score_mean",
        "a loss that is larger than `within` says; few clusters of which one is much larger than the others",
        "at most 7 % by enumeration of gains and losses of 28, 54 and 100 cases; otherwise it says less, never more",
    ),
    (
        "clustered_mean",
        "few cases differ; losses only; few clusters, or clusters of unlike sizes; a relative margin on 0/1 cases",
        "24 % wrong passes with 54 cases of which few lose everything; 24 % in mixed clusters; 25 to 56 % for `by 5%` "
        "and `by 2%` with 28 cases. No gate line uses it",
    ),
    (
        "sign_flip",
        "two equal means whose differences are skewed; it tests that each difference is as likely the other way",
        "shown beside an interval, which decides",
    ),
    (
        "jackknife_corpus",
        "medians and other quantiles; a figure without a `reach` whose rare kinds weigh more than a case of a mean",
        "macro figures and BLEU: see [the gate's figures](../gate_validity.md)",
    ),
    (
        "bootstrap_corpus",
        "figures that hang on few cases: macro recall and macro F1 with rare labels",
        "11 % wrong passes with 20 positives, 8 to 9 % with 80 and 200. Gate lines use it for latency only",
    ),
    (
        "paired_bootstrap",
        "few differences, and many of 0",
        "84 % covered where 90 % are promised, with 40 differences of which three in four are 0; shown, never decisive",
    ),
    (
        "clustered_effect",
        "a look before ten clusters are unlike the most common one, which it refuses",
        "15 % wrong passes without that rule, at most 3.8 % with it",
    ),
)
"""Function, data on which it fails, and how far."""
