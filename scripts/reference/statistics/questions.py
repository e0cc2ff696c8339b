"""Maps questions about data to functions, for the first table of docs/reference/statistics.md."""

from __future__ import annotations

QUESTIONS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Two arms of live traffic": (
        ("Did a **share** change: users who resolved, requests refused?", ("rate_difference",)),
        ("Did a **mean** change: cost or tokens of a user? With a heavy tail?", ("mean_difference", "Amounts")),
        ("The same, and I know the users from before (CUPED)", ("cuped_difference",)),
        ("A **rate over requests** where users were randomised", ("ratio_difference", "capped_requests")),
        ("**Feedback** that comes late, or not at all", ("Feedback", "feedback_difference")),
        ("Did **p95** latency change?", ("quantile_difference",)),
        ("Does the effect **wear off**, and how often does a steady one seem to?", ("line_ahead", "passing_share")),
    ),
    "How it is looked at": (
        (
            "**Whenever I like**, stopping when I know",
            ("always_valid", "asymptotic", "at_least", "at_most", "evidence"),
        ),
        ("**Once**, at a size that was fixed before", ("fixed",)),
        ("**A few times**, as planned before", ("spent_look",)),
        ("**Rare events**, exactly, at any time", ("conversion_evidence", "conversion_lift")),
        ("Is the **split** what was configured (SRM)?", ("srm_evidence", "srm_status")),
        (
            "A **rate over requests**, exactly, at any time, by each unit's share",
            ("share_evidence", "share_difference", "share_level"),
        ),
        ("Does a **guardrail** say harm, or safe?", ("guardrail", "relative_guardrail", "rare_guardrail")),
        ("The guardrail of **costs**", ("cost_guardrail",)),
        ("**Many questions** at once: a few; many slices", ("holm", "e_bh")),
    ),
    "Two models on the same cases": (
        ("Which **passes more** cases?", ("tango", "exact", "mid_p")),
        ("Is the candidate **not worse**?", ("classify_interval",)),
        ("Scores, and cases that come in **clusters**", ("score_mean", "sign_flip")),
        ("The suite **grows** and is looked at again", ("clustered_effect", "always_valid")),
        ("A statistic of the **whole suite**: F1, tokens per answer", ("jackknife_corpus", "bootstrap_corpus")),
        ("How much **longer** are the answers?", ("ratio_of_means",)),
        ("**One share** with its interval; exactly", ("wilson", "clopper_pearson")),
        ("Does a model **remember** texts that were planted in its training data?", ("tpr_at_fpr",)),
    ),
    "What people and judges say": (
        ("Which answer do people **prefer**, and by how much?", ("win_rate",)),
        ("The same, for **reviewers who lean** to one side or are strict", ("preference_model",)),
        ("The mean **rating** of pairs by several people", ("mean_rating",)),
        ("Do people **agree** enough to count?", ("alpha", "agreement_quality")),
        ("Is **one reviewer** unlike the others?", ("alpha_against_rest",)),
    ),
    "Before it starts": (
        ("**How long** does a trial take, and can it decide?", ("plan_trial", "Question", "Design")),
        ("How many **units** show it in one look?", ("size_of_shares", "size_of_means", "size_of_means_not_worse")),
        ("How many **pairs**?", ("size_of_pairs",)),
        ("Which **mix** of a split and pairs decides first?", ("cheapest_mix", "plan_mix")),
    ),
}
"""Questions by what they are about, each with the functions in the order in which one would read them."""
