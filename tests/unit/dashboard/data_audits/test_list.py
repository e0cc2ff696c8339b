"""The list of data audits shows the result of each in a few words."""

from dashboard.data_audits.list import result_of


def test_a_result_names_its_waivers_only_if_there_are_any() -> None:
    waiver = {"check": "pii"}
    results = [result_of({"clean": clean, "waived": waived}) for clean in (True, False) for waived in ([], [waiver])]
    assert results == ["clean", "clean, 1 waiver", "not clean", "not clean, 1 waiver"]
