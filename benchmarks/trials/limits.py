"""On which data each method of two arms fails: the trial that shows it, and what the library does instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A method, the data on which it errs, the figure's trial and measure, and what there is instead."""

    method: str
    data: str
    trial: str
    measure: str
    instead: str


UNBOUNDED = "`always_valid` refuses values without bounds; `Amounts` has them"
LIMITS = (
    Limit(
        "`mean_difference`, uncapped, watched",
        "equal mean costs, 2 % of one arm at 25 times the cost: a difference",
        "tails-limit-10",
        "before",
        UNBOUNDED,
    ),
    Limit(
        "the same as a guardrail",
        "more expensive by exactly the margin of 20 %: safe",
        "tails-limit-10",
        "old safe",
        "`cost_guardrail`, two lines",
    ),
    Limit(
        "a mean capped at a frozen amount, without unseen units",
        "the same costs, limit 30: a difference",
        "tails-limit-30",
        "alone",
        "`mean_difference` with `within` counts three unseen units at the bound",
    ),
    Limit(
        "`mean_difference` with `within`",
        "the same costs, limit 30: a difference",
        "tails-limit-30",
        "two",
        "keeps its promise; amounts above the limit count as the limit",
    ),
    Limit(
        "the mean's guardrail alone",
        "1 % of the users run away: safe",
        "cost-runaway",
        "old safe",
        "`cost_guardrail`: the share above the limit",
    ),
    Limit(
        "`ratio_difference`, uncapped, watched",
        "0.2 % bots with 500 requests: a difference",
        "heavy-bots",
        "before",
        "`capped_requests`, cap 50",
    ),
    Limit(
        "the same",
        "Pareto(1.1) requests a user: a difference",
        "heavy-pareto",
        "before",
        "`capped_requests`, cap 50",
    ),
    Limit(
        "a ratio of capped requests, without unseen users",
        "bots with 50 requests in one arm only: a difference",
        "heavy-one-arm",
        "alone",
        "`ratio_difference` with `cap` counts three unseen users at the cap",
    ),
    Limit(
        "feedback so far",
        "one arm's content users answer later: a difference",
        "feedback-later",
        "so far",
        "`Feedback` of complete windows, `feedback_difference`",
    ),
    Limit(
        "complete windows, who answered",
        "fewer of one arm's content users answer: a difference",
        "feedback-content",
        "complete",
        "`feedback_difference`",
    ),
    Limit(
        "the same and missing as no, unless the response is found to differ",
        "10 % content, 10 % answer, in one arm 6 % of the content: a difference",
        "feedback-rare",
        "untested",
        "`feedback_difference` asks for missing as yes as well",
    ),
    Limit(
        "`feedback_difference`",
        "in one arm some content users answer less and as many others more",
        "feedback-crossed",
        "decided",
        "nothing but asking everyone: no analysis sees it while the response is alike",
    ),
    Limit(
        "`rate_difference`, `ratio_difference` by request",
        "users who keep sending, requests as units: a difference",
        "ratio-50/50",
        "requests",
        "users as units",
    ),
)
