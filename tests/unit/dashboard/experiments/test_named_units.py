"""The units that the page offers to accept are those that the decision names, each once."""

from dashboard.experiments.state import named_units


def test_named_units_are_those_of_all_guardrails_once() -> None:
    first, second = {"named": [{"unit": "3f2a"}, {"unit": "9b01"}]}, {"named": [{"unit": "3f2a"}]}
    guardrails = [{"by_request": first}, {}, {"by_request": {}}, {"by_request": second}]
    assert named_units({"guardrails": guardrails}) == ["3f2a", "9b01"]
    assert named_units(None) == []
