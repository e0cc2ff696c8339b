"""Odds are the same after the JSON of a verdict, and read as a sentence."""

from __future__ import annotations

import json
from dataclasses import replace

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.odds import Odds
from fairtrial.domain.verdicts.verdict import Provenance, Verdict


def test_odds_come_back_from_the_api_unchanged() -> None:
    share = Estimate(0.1, 0.07, 0.14, 0.95, 400, "Wilson")
    odds = Odds(0.39, 400, share, 900, 0.9)
    provenance = Provenance("", "", (), "", "", "key ci")
    verdict = Verdict("v", 1, "g", "tuned", "base", "HOLD", "", (), provenance=provenance, odds=odds)
    text = verdict_json.encode(verdict)
    assert verdict_json.decode(text) == verdict
    assert str(odds) == (
        "an identical model would SHIP in about 39 of 100 trials; with 900 cases, 90 "
        "(10.0 % of the cases differ, 7.0 to 14.0 %)"
    )
    assert "block" not in json.loads(text)["odds"], "odds of an earlier version are written as they were"
    with_block = replace(odds, block=0.02, ship_low=0.25, ship_high=0.55, block_low=0.0, block_high=0.05)
    assert verdict_json.decode(verdict_json.encode(replace(verdict, odds=with_block))).odds == with_block
    assert str(with_block).startswith(
        "an identical model would SHIP in about 39 of 100 trials (25 to 55) and BLOCK in 2 (0 to 5); with 900 cases, 90"
    )
    assert verdict_json.decode(verdict_json.encode(replace(verdict, odds=None))).odds is None
