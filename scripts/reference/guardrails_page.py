"""Renders docs/reference/guardrails.md: the two stops, and the defaults of each metric of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.domain.metrics import CATALOGUE, DEFAULT_GUARDRAILS, Method
from fairtrial.domain.plan import Experiment, FeedbackMetric
from fairtrial.domain.settings import Guardrail
from fairtrial.experiments.analysis.freeze import metric_plans
from fairtrial.experiments.metric_plan import MetricPlan
from scripts.reference.markdown import code, page, table

INTRO = """\
A [guardrail](../glossary.md#guardrail-margin) is a metric that must not get worse by more than its margin. Control
tests each one whenever data arrive, and every statement is [valid at any time](../glossary.md#always-valid).
[What each state says and does](experiment-states.md) is a separate page.

{statements}

- A decline is a change for the worse: more errors, a higher cost, or fewer answers that follow the schema.
- Once the experiment has continued, the same guardrail does not pause again in this segment. It still stops beyond
  `kill_at`.
- A decline that nobody accepts is a HOLD. An accepted decline within the margin can become *safe* and ship.
- With `signal: pause`, a decline beyond `kill_at` pauses instead of stopping. It is a BLOCK all the same.
- `stop_margin` is the former name of `kill_at`. It can't stand beside `pause_at` or `kill_at`. Frozen plans keep
  theirs."""

STATEMENTS = (
    (
        "a decline of more than [`pause_at`](../glossary.md#pause_at-kill_at) is proven",
        "pauses the experiment with an alarm; `resume --why …` accepts the decline",
        "5 % over all guardrails and treatments",
    ),
    (
        "a decline of more than `kill_at` is proven",
        "stops the experiment for good; `rearm` starts the next attempt",
        "5 % over all guardrails and treatments",
    ),
    (
        "the decline is proven to be smaller than `margin`",
        "nothing; the metric is *safe*, which a SHIP needs",
        "5 % for each guardrail, halved by each attempt",
    ),
)
TABLE = """\
## Default guardrails and their margins

An experiment without the key `guardrails` has those marked *yes*. A guardrail in the file states its margin; if it
states no `pause_at` or `kill_at`, they follow from the margin as in this table. The page is generated from the
catalogue and from the function that freezes a plan."""

NEXT = """\
## What a user does next

Four rates need no feedback. Control finds what a [unit](../glossary.md#unit) did after each request of the
experiment, half an hour later, outside the request's path. Like every rate they belong to the variant of the
unit's first request.

| metric | of | counts |
|---|---|---|
| `requests.asked_again_rate` | questions | another question within 10 minutes has similar words |
| `requests.regenerate_rate` | all requests | the same prompt comes again within 10 minutes, without automatic retries |
| `requests.left_after_error_rate` | all requests | nobody answered it, and the unit sends nothing for 30 minutes |
| `requests.continued_rate` | questions | something else comes within 30 minutes; this is good |

- A *question* is the user's message that ends a request, with at least three different words. A tool's result is none.
- Words are cut to five letters and hashed with the store's secret. The similarity is twice the number of shared words,
  divided by the words of both. From 0.28 on, the question counts as asked again. No text is kept for this; the hashes
  are deleted when the outcome is known.
- A request is compared with the next eight of its unit. Until its half hour is over, it counts as one that was not
  asked again, not repeated, not left and continued.
- First hours and first 24 hours of a unit count half an hour later than those of other rates. First requests alone are
  not read.
- There is no history from before an experiment. State the `baseline`.

On 500 pairs of messages from shipped dialogues, half of which had no part in choosing the threshold, precision is
97 % and recall 86 %. Of all follow-ups, 2.7 % are counted. Questions that differ only in a name, a
number or a negation are counted in 86 % of cases, in both variants alike. Two equal arms are called different in
0.7 % of 2,000 trials. All figures: `python benchmarks/outcomes.py`."""

RATES = """\
## How a rate of requests is decided

Each unit counts once, by its [share](../glossary.md#unit-share) of bad requests. The rate is the mean of these shares
over the units. A user with 200 requests therefore counts as much as a user with one.

| statement | which requests of a unit | when the unit counts |
|---|---|---|
| pause and stop | those of its first hour | one hour after its first request |
| pause and stop | its first request alone | at once |
| pause, by units with a bad request | all | from its first bad request on |
| *safe*, and a rate as the primary metric | those of its first 24 hours | 24 hours after its first request |

With `unit: request` each request is a unit and counts at once. Only complete windows count. The evidence is a
[betting e-process](../glossary.md#betting-e-process), which is exact: it needs no cap, no minimum and no history. Pause
and stop take the mean of two such e-values, by first hours and by first requests. The
pause takes the mean of that and of the [conversion e-process](../glossary.md#conversion), which begins with
five units of the treatment that have a bad request. With a `pause_at` above 0 the shares decide alone.

How many units an arm needs until *safe*, with a margin of one point and one request from each unit, by simulation:

| errors in both arms | median | safe by 600 | by 1,500 | by 3,000 |
|---|---|---|---|---|
| 0 | 547 | 100 % | 100 % | 100 % |
| 0.1 % | 547 | 60 % | 99 % | 100 % |
| 0.5 % | 946 | 23 % | 76 % | 97 % |
| 1 % | 1,551 | 20 % | 48 % | 88 % |
| 2 % | 3,021 | 9 % | 23 % | 49 % |

At a difference of exactly one point, 1.3 to 2.0 % are wrongly called safe. Where the control has 2 % errors or more,
choose a wider margin. `fairtrial experiment plan` computes which one would do.

## Each request weighing the same

A unit with many requests can suffer while most units do not. Let one in 50 users send 200 requests, and let their
errors rise from 1 to 30 %. That is 21 points by request, and 0.6 points by user. So the
[request-weighted](../glossary.md#request-weighted) difference stands beside every rate, over the same complete windows
of 24 hours. It decides in two ways.

*The plain difference*, without a cap, must be within the margin. Otherwise the guardrail is not *safe*, and a gate is
HOLD. It says, for example: "by request tuned is 16 points worse (18.1 % of 11,210 requests against 2.1 % of 10,950
requests); 15 users are behind it". These units carry two thirds of the treatment's excess of bad requests. The plain
difference proves nothing, so it never pauses, stops or latches anything. More users can bring it back within the
margin.

Where at most three units carry two thirds of the excess, the line names them by the pseudonyms in the store. An admin
may accept them:

<!-- not run: the pseudonym is an example -->
```sh
fairtrial experiment approve tuned-vs-base --unit 3f2a9c --why "our nightly test bot"
```

The dashboard has the button *Accept named users*. Accepted units stay in all sums, and the guardrail is *safe* if the
difference without them is within the margin. Status, page, gate, verdict and export repeat who accepted which unit,
when and why. An acceptance covers no unit that becomes heavy later, and it ends with its segment. It keeps the
pseudonym, also after the unit's data are erased.

*The test* shows whether the difference is proven to be worse than the margin (1 % over all rates and treatments). Then
the experiment pauses, and a gate is HOLD; nothing is latched. A test needs a bound, so a unit counts in it with at most
`cap` requests, 50 by default. Earlier traffic sets no cap.

Status, page and gate also show the share of the requests that the heaviest 1 % of the units send.

| users, and what happens to their errors | safe by shares alone | safe at 600 users an arm | at 1,500 | at 3,000 |
|---|---|---|---|---|
| 0.5 % send 300 requests a day, 1 → 40 % | 100 % | 2.5 % | 0.5 % | 0 |
| 0.3 % send 500, 1 → 40 % | 100 % | 7.8 % | 1.5 % | 0 |
| 1 % send 100, 1 → 40 % | 97 % | 0.5 % | 0 | 0 |
| 2 % send 40, 1 → 40 % | 11 % | 0 | 0 | 0 |

The others send 7 requests, of which 1 % fail; *by shares alone* is by 3,000 users an arm. With 600 users an arm and
0.3 % heavy ones, an arm often has none yet. Equal arms are held in at most 0.5 % of trials with usual, heavy or Pareto
numbers of requests, and need as many users until *safe* as before. Let 0.3 % of the users be bots with 500 requests, of
which 40 % fail in both arms. By chance one arm has more bots. Then 9.5 % of equal arms are held at 600 users, all by at
most three named users, and 36 % at 3,000, of which 58 % name them. Each figure is from 400 trials, with a standard
error of at most 2.5 points (4.1 for the last one): `python benchmarks/decisions.py --only heavy`.

This is since rules 7. By rules 6 the shown difference has the cap of the test, which earlier traffic can lower,
and *safe* does not need it.

## A level

A gate line such as `live.requests.error_rate <= 5%` is about the treatment alone. It uses the shares of the first 24
hours, with a bound from a mixture of binomial likelihoods (Beta(1/2, 1/2)), valid at any time. The bound works without
any error: 0 of 600 units are at most 1.12 %, and 0 of 1,507 are at most 0.48 %.

## A cost

Costs and tokens have two lines: the mean up to a frozen `cap`, and the share of units above the cap. As a guardrail
either one stops, and both must be safe. As a primary metric, *better* and *not worse* need both: the capped mean, and
a share above the cap that is proven to be less than one point larger. Either one suffices for *worse*. Otherwise the
answer is *cannot tell*, and names the line that disagrees.

`fairtrial check` and `fairtrial experiment plan` refuse a cost if a variant has [no price](providers.md#prices). On a
machine of your own it counts once the [hour is settled](providers.md#own-machines). A small variant has a colder cache.
If the cached shares of the last week differ by ten points, and one variant has less than 80 % of another's requests,
costs and latencies are *undecided*. An even split mends it, or a cache salt for each variant.

If 500 or more users are known from the 14 days before the start, what each cost then explains a part of the mean
([CUPED](../glossary.md#cuped)). The start freezes this. It needs `unit: user`, and the share above the cap stays as
it is.

## Requests that a breaker kept away

They do not show harm. For rates of errors, calls, rejections and fallbacks they count as bad requests of the treatment
in *safe*, in levels, and in the request-weighted difference.
[The rules](experiment-states.md#requests-that-a-breaker-keeps-away) are with the states."""

DECIDED_BY: dict[Method, str] = {
    "shares": "each unit's share of bad requests",
    "amount": "the mean up to a cap, and the share of units above it",
    "quantile": "the quantile over requests, clustered by unit",
    "feedback": "one value for each unit, with missing values filled in every way",
    "given": "whether a unit gave feedback",
}
FEEDBACK = FeedbackMetric("KEY", "boolean")
FEEDBACK_MARGIN = "2pp"


def guardrails_page() -> str:
    """The page."""
    heads = ("metric", "what it counts", "margin", "pause_at", "kill_at", "by default", "decided by")
    statements = table(("statement", "what control does", "error probability"), STATEMENTS)
    return page("Guardrails", INTRO.format(statements=statements), RATES, NEXT, f"{TABLE}\n\n{table(heads, _rows())}")


def _rows() -> Iterator[tuple[str, ...]]:
    for name, metric in CATALOGUE.items():
        if metric.decides:
            watched = "yes" if name in DEFAULT_GUARDRAILS else ""
            yield (code(name), metric.what, code(metric.margin), *_stops(name, metric.margin), watched, _method(name))
    for name, what in (("feedback.KEY", "the feedback KEY"), ("feedback.KEY.given", "units that gave the feedback")):
        yield (code(name), what, "as stated", *_stops(name, FEEDBACK_MARGIN), "", _method(name, FEEDBACK_MARGIN))


def _stops(name: str, margin: str) -> tuple[str, str]:
    """What pauses and what kills by default, in words."""
    plan = _plan(name, margin)
    kill = "the margin" if (plan.stop, plan.stop_relative) == (plan.margin, plan.relative) else f"{plan.stop:g}"
    pause = "any decline" if plan.pause == 0 else "`kill_at`" if not plan.pauses_earlier else f"{plan.pause:g}"
    return pause, kill


def _method(name: str, margin: str = "") -> str:
    return DECIDED_BY[_plan(name, margin or CATALOGUE[name].margin).method]


def _plan(name: str, margin: str) -> MetricPlan:
    """What a start freezes for a guardrail that states its margin alone."""
    experiment = Experiment(
        "", "", "user", "", (), "", 100.0, guardrails=(Guardrail(name, margin),), feedback=(FEEDBACK,)
    )
    (found,) = metric_plans(experiment)
    return found
