"""A slice whose rows all have one label is suggested where the words say too little for more."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.training_data.finding import find, only

TOPICS = ("rain", "trade", "music", "trains", "schools", "bread")


def rows(channel_of: list[str], label_of: list[str]) -> list[dict[str, str]]:
    return [
        {"prompt": f"{TOPICS[at % 6]} news number {at * 7919 % 1000}", "completion": label, "channel": channel}
        for at, (channel, label) in enumerate(zip(channel_of, label_of, strict=True))
    ]


def test_a_slice_with_one_label_is_suggested_unless_its_field_determines_the_label(tmp_path: Path) -> None:
    labels = [("sport", "culture", "politics")[at * at % 7 % 3] for at in range(300)]
    channels = ["web" if at % 2 else "app" for at in range(300)]
    assert find("wrong-pattern", rows(channels, labels), tmp_path) == []
    slice_ = range(100, 120)
    wrong = ["politics" if at in slice_ else label for at, label in enumerate(labels)]
    issue = only(
        find("wrong-pattern", rows(["kiosk" if at in slice_ else channels[at] for at in range(300)], wrong), tmp_path)
    )
    assert (issue.severity, issue.kind, issue.count) == ("suggestion", "constant", 20)
    by_label = [f"desk {label}" for label in labels]
    assert find("wrong-pattern", rows(by_label, labels), tmp_path) == []
