"""The units that the page offers to accept are those that the decision names, each once."""

from dashboard.experiments.state import named_units
from fairtrial.domain.decision.by_request import ByRequest, UnitBehind
from tests.fixtures.experiments.shown_decision import shown_analysis, shown_guardrail


def behind(*units: str) -> ByRequest:
    named = tuple(UnitBehind("requests.error_rate", "tuned", unit, 9.0, 10.0) for unit in units)
    return ByRequest(control=(1.0, 100.0), treatment=(9.0, 100.0), named=named)


def test_named_units_are_those_of_all_guardrails_once() -> None:
    lines = (behind("3f2a", "9b01"), behind(), behind("3f2a"))
    guardrails = (shown_guardrail(), *(shown_guardrail(by_request=line) for line in lines))
    assert named_units(shown_analysis(*guardrails)) == ["3f2a", "9b01"]
    assert named_units(None) == []
