"""Training logs are plotted in the terminal and on one page, whose texts cannot carry markup."""

from __future__ import annotations

from html.parser import HTMLParser

from evaluators.training_data.read_log import read_log
from evaluators.training_data.training_log import Evaluation, TrainingLog, turning_point
from fairtrial_cli.training_data.training_log import charts_of, log_json, log_page, text_chart
from tests.fixtures.paths import ROOT

OVERFIT = ROOT / "examples" / "support" / "training" / "log-overfit.json"


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_the_plot_of_the_validation_loss_marks_its_turn() -> None:
    log = read_log(OVERFIT)
    chart = charts_of(log.train, log.validation)[1]
    lines = text_chart(chart, turning_point(log).at)
    assert lines[0] == "validation loss"
    assert lines[-1].strip() == "▲ epoch 12"
    lowest = next(line for line in reversed(lines) if "•" in line)
    assert lowest.index("•") == lines[-1].index("▲")


def test_a_training_loss_over_several_decades_has_a_logarithmic_axis() -> None:
    log = read_log(OVERFIT)
    train, validation = charts_of(log.train, log.validation)
    assert train.log and not validation.log
    assert train.loss_at(train.up(0.01)) == 0.01 or abs(train.loss_at(train.up(0.01)) - 0.01) < 1e-12


def test_one_constant_loss_is_plotted_too() -> None:
    [chart] = charts_of((), (Evaluation(1, 0.0), Evaluation(2, 0.0)))
    assert any("•" in line for line in text_chart(chart))


def test_the_page_loads_nothing_and_escapes_what_the_file_says() -> None:
    hostile = "<script>alert(1)</script>"
    log = TrainingLog(hostile, hostile, (Evaluation(1, 1.0), Evaluation(2, 0.5)), (), (hostile,))
    page = log_page([log, read_log(OVERFIT)])
    elements = Elements(page)
    assert "script" not in elements.names and elements.names.count("svg") == 3
    assert not {"src", "href", "onload"} & set(elements.attributes)
    assert "turned at epoch 12" in page


def test_a_program_gets_the_turn_and_every_loss() -> None:
    found = log_json(read_log(OVERFIT))
    assert found["turning_point"]["course"] == "turned" and found["turning_point"]["at"]["epoch"] == 12
    assert len(found["train"]) == 80
    assert [(one["step"], one["epoch"]) for one in found["validation"][:2]] == [(12.0, 6.0), (24.0, 12.0)]
