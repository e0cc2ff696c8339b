"""Lists the method of each kind of metric."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.domain.metrics import Method
from fairtrial.experiments.methods.amounts import AmountsOfUnits
from fairtrial.experiments.methods.events import Events
from fairtrial.experiments.methods.feedback import FeedbackOfUnits
from fairtrial.experiments.methods.method import MetricMethod
from fairtrial.experiments.methods.quantiles import Quantiles
from fairtrial.experiments.methods.rates import Rates

METHODS: Mapping[Method, MetricMethod] = {
    "events": Events(),
    "shares": Rates(),
    "amount": AmountsOfUnits(),
    "quantile": Quantiles(),
    "feedback": FeedbackOfUnits(),
    "given": FeedbackOfUnits(),
}
