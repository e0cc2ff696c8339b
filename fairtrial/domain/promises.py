"""The numbers that decide: error levels, sizes, tolerances, ages, pauses and exit codes, each with reason and source.

Each number stands here once. `docs/reference/promises.md` is generated from the names, values and texts below.
"""

from collections.abc import Mapping
from typing import Literal

# Error levels

ALPHA = 0.05
"""The error probability of a gate, of a candidate's first attempt, and of all stops of one experiment. Source:
convention; ADRs 31 and 51."""
ONE_SIDED_95 = 0.90
"""The two-sided confidence level whose bounds are one-sided 95 % bounds. Source: 1 − 2 α."""
TWO_SIDED_95 = 0.95
"""The confidence level of an interval that is shown. Source: 1 − α."""
SPLIT_ALPHA = 0.01
"""The error probability that sound traffic fails the check of its split, strict because a false alarm invalidates the
experiment. Source: fairtrial's choice."""
LOST_ALPHA = 0.01
"""The error probability that equal losses of records invalidate an experiment, strict like the check of the split.
Source: ADR 67."""
LOST_ALARM = 0.05
"""From this p-value on, an alarm says that the arms seem to lose records unequally; it decides nothing. Source: ADR
67."""
BY_REQUEST_ALPHA = 0.01
"""The error probability of the request-weighted tests of all rates together, which pause and do not latch. Source: ADR
51."""
SLICE_ALPHA = 0.05
"""The false discovery rate of the slices of an experiment that are called worse. Source: ADR 108."""
LABEL_ALPHA = 0.01
"""The error probability of reporting any label of one field in sound training data. Source: ADR 43."""
POSITION_ALPHA = 0.01
"""The error probability of the alarm that reviewers prefer one side of the page, strict because it is looked at often.
Source: fairtrial's choice."""
MEMBERSHIP_FPR = 0.01
"""The false-positive rate at which members of the training data are detected, because an average hides a few certain
members. Source: Carlini et al. (2022), Membership Inference Attacks From First Principles."""
DROPS_ALPHA = 0.01
"""The error of "copies of a shadow are dropped by the length of their requests", which holds it. Source: ADR 112."""
MOST_DROPPED = 0.05
"""The share of a shadow's copies that may be dropped before it is held. Source: ADR 112."""
SHADOW_MARGIN = 0.05
"""The decline of a share within which a shadow's candidate is *not worse*, and its tau. Source: ADR 112."""
SHADOW_RATIO_MARGIN = 0.1
"""The same for latency and cost, as the logarithm of a ratio. Source: ADR 112."""
EQUALITY_ALPHA = 0.001
"""The error probability of calling the model of a deployment another one than its base, for all looks together, strict
because one adapter is asked often. Source: fairtrial's choice."""
SERVED_RUN_DAYS = 1_000
"""Days without a change after which, on average, daily probes of one deployment are first suspected by chance; so many
times more with more deployments. Source: fairtrial's choice; ADR 111."""
POWER = 0.8
"""The probability that a planned trial finds the planned effect, for all metrics together. Source: convention (Cohen
1988)."""
SLICE_POWER = 0.96
"""The probability with which a slice of its planned size is planned to be called worse. It must be called so in 95 % of
trials, and the approximation is up to .004 too high. Source: ADR 108."""
PLANNED_POWER = 0.95
"""The least power of planned looks when all planned units have come, because no look follows. Source: ADR 93."""

HARM_POWER = 0.9
"""The part of trials that must find a broken treatment before a plan says that it is found. Source: fairtrial's
choice."""

# Minimum sizes

MIN_UNITS = 30
"""Units that each arm needs before a look can decide, because the normal approximation is unreliable with fewer.
Source: ADR 14."""
MIN_PAIRS = 30
"""Pairs of a shadow after which its first sentence stands. Source: ADR 112."""
MIN_EVENTS = 10
"""Units with and without the event that each arm needs; with fewer, A/A tests at unequal splits err in 13 to 24 %.
Source: ADR 14."""
MIN_CONVERSIONS = 5
"""Conversions that the treatment needs before they can stop it. Source: fairtrial's choice."""
MIN_IN_ARM = 3
"""Units that each arm needs for a mean that earlier costs explain, so that a degree of freedom is left. Source:
definition."""
MIN_CLUSTERS = 2
"""Clusters that a comparison needs, because one cluster shows no variation. Source: definition."""
MIN_UNLIKE = 10
"""Clusters that must differ from the most common one before a look can decide; fewer show too little variation. Source:
simulation; without it, 15 % of looks pass wrongly."""
MIN_RESAMPLED = 8
"""Clusters that a bootstrap needs; with fewer it repeats the same few, and its interval is far too narrow. Source:
fairtrial's choice."""
MIN_DEFINED = 0.9
"""The share of resamples for which a statistic must be defined. Source: fairtrial's choice."""
MIN_SLICE_CASES = 5
"""Cases of a slice that is named, because one case would make a smaller one the worst. Source: fairtrial's choice."""
MIN_SLICE_UNITS = 200
"""Units of each arm that a slice by tag needs for a separate test. Source: ADR 108."""
CALIBRATION_ASKS = 7
"""Daily asks whose differences from the first one show the noise of a server before a change is looked for, one a day
of the week. Source: ADR 111."""
MIN_DONORS = 20
"""Cases with a donor that a shuffled control needs; with fewer it may fail by chance alone. Source: ADR 84."""
MIN_CONTROLS = 100
"""Texts that no training data had which a membership test needs, because fewer can't show a rate of 1 %. Source: 1 /
`MEMBERSHIP_FPR`."""
MIN_ITEMS = 10
"""Pairs that a win rate, a mean rating or an agreement needs, because its interval would cover most possible values.
Source: ADR 9."""
MIN_MODEL_ITEMS = 30
"""Judged pairs that an adjusted win rate needs; with fewer, its standard errors are too small. Source: fairtrial's
choice."""
MIN_PEOPLE = 3
"""Reviewers that count as clusters; with fewer, the variation between people is unknown. Source: ADR 9."""
IN_GENERAL = 6
"""Reviewers who speak for people in general; three with strong preferences agree by chance in 25 % of reviews. Source:
ADR 91."""
REVIEWED_PAIRS = 20
"""Reviewed pairs that a generated gate requires where no line measures what was answered. Source: fairtrial's
choice."""
SHARED_PAIRS = 12
"""The default minimum of pairs for two reviewers, because agreement needs ten and some stay unjudged. Source:
`MIN_ITEMS`."""
LEVEL_UNITS = 500
"""Units of the control that fix the level of a relative margin which nothing else has set. Source: fairtrial's
choice."""
LEVEL_OBSERVATIONS = 100
"""Earlier requests or feedbacks that a plan needs to take a rate as the control's level. Source: fairtrial's choice."""
SEEN_WEEKS = 2
"""Whole weeks that *better* needs, because a fading effect can't be seen before. Source: ADR 66."""

# Margins and tolerances

BORDER_NATS = 0.5
"""How far the two likeliest first tokens of a border probe may be apart: 38 % against 62 %. Source: fairtrial's
choice."""
EQUALITY_EXCESS = 0.05
"""The disagreement of two models beyond that within them which *same* excludes; 64 probes without any show it. Source:
the rule of three."""
ABOVE_CAP_MARGIN = 0.01
"""How much larger the share of units above the cap of a cost may be, because the capped mean can't see them. Source:
fairtrial's choice."""
REQUESTS_CAP = 50.0
"""The most requests of one unit that count in a request-weighted test, because a test needs a bound. Source: ADRs 36
and 90."""
HARM_TIMES = 5
"""A broken treatment has so many times the control's bad requests, when a plan says how soon it is found. Source:
fairtrial's choice."""
HARM_MARGINS = 4
"""The harm that a kept control must find is larger than the control's bad requests by at least so many margins. Source:
ADR 65."""
SLICE_SCALE = 0.1
"""τ of the tests of slices: ten points of a share, or 10 % of another metric's range or level. Source: ADR 108."""
LOOK_SCALE = 0.05
"""τ of a line without a margin: five points of a share, or 5 % of the baseline's mean. Source: fairtrial's choice."""
MOST_CAPPED_SHARE = 0.1
"""The share of units at the cap from which on a gate does not say how many requests a metric counted. Source:
fairtrial's choice."""
CARRIED = 2 / 3
"""The part of an excess of bad requests that the units behind it carry. Source: ADR 90."""
MOST_ACCEPTED = 3
"""Units behind an excess that are named, and can be accepted, at most. Source: ADR 90."""
MOST_KEPT_AWAY = 0.01
"""The share of the treatment's requests that a breaker may keep away before the experiment pauses. Source: ADR 50."""
LEAST_KEPT_AWAY = 20
"""Requests of the last hour that must have been kept away before the experiment pauses. Source: ADR 50."""
MEMORISATION_MARGIN = 0.05
"""The tolerated gap between trained and held-out texts, which are never drawn in exactly the same way. Source:
fairtrial's choice."""
GENERALISATION_MARGIN = 0.10
"""The tolerated gap between trained and unseen cases, because a model does a little better on what it was trained on.
Source: fairtrial's choice."""
MOST_CACHED = 0.02
"""The share of cached answers beyond which a run of the base does not count as an independent run. Source: fairtrial's
choice."""
POSITION_SHIFT = 0.2
"""The effect of the side of the page, in log odds, beyond which the alarm is raised: 5 points at 50 %. Source:
fairtrial's choice."""
GOOD_AGREEMENT = 0.8
"""Krippendorff's α from which on conclusions are reliable. Source: Krippendorff (2004), Content Analysis, 2nd ed., ch.
11."""
TENTATIVE_AGREEMENT = 0.667
"""Krippendorff's α from which on tentative conclusions are possible. Source: the same."""
NOT_MEASURED_AGREEMENT = 0.4
"""Krippendorff's α below which raters do not measure the same thing, and no decision uses it. Source: fairtrial's
choice."""
LOW_RATING = 2
"""A rating of this or less needs a comment with the reason. Source: fairtrial's choice."""
REUSED_CASES = 7
"""Judgements of one suite from which on a verdict warns that its cases are reused. Source: fairtrial's choice."""

SAME_QUESTION = 0.28
"""The similarity from which two questions are one in other words: twice the words that both have, divided by the words
of each. Source: ADR 114."""
QUESTION_WORDS = 3
"""The fewest different words of a question that is compared; "yes, please" is none. Source: ADR 114."""

# Ages

RUN_MAX_AGE_SECONDS = 14 * 86_400.0
"""The age after which a run can't decide, unless the gate says otherwise, because servers and prompts change. Source:
fairtrial's choice."""
CANDIDATE_DAYS = 14
"""For how long a gate counts the candidates that share its error level for lines `better`. Source: ADR 86."""
ATTEMPT_AGE_US = 90 * 86_400_000_000
"""For how long an earlier attempt of the same candidate divides the error level. Source: fairtrial's choice."""
HISTORY_US = 14 * 86_400_000_000
"""The traffic before a start that caps and explains costs, two whole weeks. Source: ADRs 36 and 68."""
MOST_WEEKS = 26
"""The longest plan that is proposed; after half a year, models, prompts and users differ too much. Source: fairtrial's
choice."""
WARN_DAYS = (7, 30, 90)
"""How many days before a deployment's last one `check` and alarms warn. Source: fairtrial's choice."""
CLAIM_US = 600_000_000
"""How long a pair is reserved for a reviewer after the last change. Source: fairtrial's choice."""
ASKED_AGAIN_US = 600_000_000
"""Within which time a question in other words asks again, or an equal prompt repeats one. Source: ADR 114."""
LEFT_US = 1_800_000_000
"""After which time without a request a unit has left; web analytics ends a session then. Source: ADR 114."""

# Pauses and clocks

PROBE_EVERY_SECONDS = 15.0
"""The interval between two probes of a deployment whose failures paused an experiment. Source: ADR 88."""
PROBE_ANSWER_SECONDS = 10.0
"""How long a deployment may take to answer such a probe. Source: fairtrial's choice."""
PROBES_IN_A_ROW = 4
"""Probes in a row that end the pause, because a server that answers half of them would only be paused again. Source:
ADR 88."""
CLOCK_TOLERANCE_US = 60_000_000
"""How far the wall clock and the boot-time clock may differ; more is a jump, because NTP slews both alike. Source: ADR
52."""
CLOCK_SILENCE_US = 86_400_000_000
"""How far the wall clock may be after the newest record at a start, without a fresh record that confirms it. Source:
ADR 52."""
CLOCK_FRESH_US = 3_600_000_000
"""How far a record may be from a wall clock that it confirms. Source: ADR 52."""
CLOCK_SETTLED_US = 600_000_000
"""How long a wall clock must run evenly after a reboot, so that NTP has set it. Source: ADR 52."""
CLOCK_CORRECTED_US = 86_400_000_000
"""How long a wall clock must run evenly after a jump, to be taken for a correction. Source: ADR 52."""

ALARM_PAUSE_SECONDS = 5.0
"""The first pause before the message of an alarm is sent again; each further one is twice as long. Source: fairtrial's
choice."""
LONGEST_ALARM_PAUSE_SECONDS = 300.0
"""The longest such pause, after which a receiver that is up again has the message. Source: fairtrial's choice."""
ALARM_ATTEMPTS = 300
"""Attempts after which a message is refused: about a day of silence. Source: fairtrial's choice."""

CACHE_POINTS = 0.10
"""The difference between the cached shares of two arms at which costs are not compared. Source: fairtrial's
choice."""
NARROWEST_UNITS = 1000
"""Units at which the interval of an amount without a planned size is narrowest. Source: fairtrial's choice."""
UNEQUAL_TRAFFIC = 0.8
"""Arms have unequal traffic if the smallest has less than this share of the largest. Source: fairtrial's choice."""

# Verdicts

DECIDED_BY: Mapping[Literal["pass", "cannot tell", "fail", "invalid"], Literal["SHIP", "HOLD", "BLOCK", "INVALID"]] = {
    "invalid": "INVALID",
    "fail": "BLOCK",
    "cannot tell": "HOLD",
    "pass": "SHIP",
}
"""The verdict that a result decides; unsound evidence outweighs harm, and harm outweighs doubt. Source: fairtrial's
choice."""
WORST_FIRST = tuple(DECIDED_BY)
"""The precedence of results: the worst one that a rule has decides the verdict. Source: the same."""
EXIT_CODES: Mapping[Literal["SHIP", "HOLD", "BLOCK", "INVALID"], int] = {"SHIP": 0, "BLOCK": 1, "HOLD": 3, "INVALID": 4}
"""The exit code of each verdict; 2 is that of a wrong command line or file. Source: fairtrial's choice."""
UNAPPROVED = 5
"""The exit code of a SHIP that waits for a person's approval. Source: fairtrial's choice."""
