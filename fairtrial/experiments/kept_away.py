"""Says when a breaker or a rest kept too many requests from an arm, and how many."""

from collections.abc import Sequence

from fairtrial.domain.decision.values import KeptAway
from fairtrial.domain.promises import LEAST_KEPT_AWAY, MOST_KEPT_AWAY
from fairtrial.domain.wording import counted


def many_kept_away(arms: Sequence[KeptAway]) -> list[KeptAway]:
    """The arms from which enough requests were kept, and not a small share."""
    many = (arm for arm in arms if arm.kept_away >= LEAST_KEPT_AWAY)
    return [arm for arm in many if arm.kept_away > MOST_KEPT_AWAY * arm.requests]


def kept_away_words(who: str, arms: Sequence[KeptAway]) -> str:
    """How many requests of each arm were kept away. ``who``: what kept them."""
    return "; ".join(
        f"{who} kept {arm.kept_away:,} of the {counted(arm.requests, 'request')} of the last hour from "
        f"{arm.variant} ({100 * arm.kept_away / arm.requests:.1f} %)"
        for arm in arms
    )
