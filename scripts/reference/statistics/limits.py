"""Lists the data on which each method fails, for a table of docs/reference/statistics.md."""

from __future__ import annotations

LIMITS: tuple[tuple[str, str, str], ...] = (
    (
        "tango",
        "clustered 0/1 cases; it assumes independent cases",
        "12 % wrong passes with each question twice, 23 % with each five times; the gate uses `score_mean` there",
    ),
    (
        "score_mean",
        "a loss larger than `within`; few clusters of which one is much larger than the others",
        "at most 7 % by enumeration of gains and losses of 28, 54 and 100 cases; elsewhere it is conservative",
    ),
    (
        "clustered_effect",
        "`fixed`: few cases differ; losses only; few or unlike clusters; a relative margin on 0/1 cases",
        "24 % wrong passes with 54 cases of which few lose everything; 24 % in mixed clusters; 25 to 56 % for `by 5%` "
        "and `by 2%` with 28 cases. No gate line uses it",
    ),
    (
        "sign_flip",
        "two equal means with skewed differences; it tests whether both directions are equally likely",
        "shown beside an interval, which decides",
    ),
    (
        "jackknife_corpus",
        "medians and other quantiles; a statistic without a `reach` whose rare cases weigh more than a mean's",
        "macro averages and BLEU: see [the gate's figures](../gate_validity.md)",
    ),
    (
        "bootstrap_corpus",
        "statistics that depend on few cases: macro recall and macro F1 with rare labels",
        "11 % wrong passes with 20 positives, 8 to 9 % with 80 and 200. Gate lines use it for latency only",
    ),
    (
        "clustered_effect",
        "a look before ten clusters differ from the most common value; it refuses such a look",
        "15 % wrong passes without that rule, at most 3.8 % with it",
    ),
    (
        "share_evidence",
        "a level near the margin: 2 % errors in both arms and a margin of one point",
        "safe in 49 % of trials with 3,000 users an arm, 88 % at 1 % errors, all at 0; wrongly safe in at most 2.5 %",
    ),
    (
        "share_evidence",
        "harm to few units with many requests, because each unit weighs the same",
        "1 in 50 users with 200 requests whose errors rise from 1 to 30 %: 0.6 points by user, 21 by request; the "
        "request-weighted difference pauses",
    ),
    (
        "win_rate",
        "tastes of which few are extreme: six reviewers often include none of the few",
        "5 to 6 % wrong with 60 pairs where one in five differs much, 6 to 7.5 % with 150 pairs or a longer tail: see "
        "[the figures by number of reviewers](../how-to/run-a-review.md#what-it-can-decide)",
    ),
    (
        "share_level",
        "a limit close to the true level",
        "0 of 600 units: at most 1.12 %; 0 of 1,507: at most 0.48 %",
    ),
)
"""Function, data on which it fails, and how far."""
