"""Measures the best trial on held-out examples that no trial was ranked by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gensweep.evaluation._held_out_examples import REFERENCE
from gensweep.evaluation._lane_likelihood import Likelihood
from gensweep.evaluation._reference import draw_examples
from gensweep.evaluation._sampling import NoData
from gensweep.lanes import LaneState, Pack
from gensweep.space import pad_latent_sizes
from gensweep.spec import Sweep

if TYPE_CHECKING:
    from gensweep.data import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """A trial's likelihood on test examples that ranked no trial, with its protocol."""

    __test__ = False  # a name that pytest would collect

    trial: int
    metrics: Mapping[str, float]
    protocol: Mapping[str, object]

    def text(self) -> str:
        """Say it in one line."""
        metrics, protocol = self.metrics, self.protocol
        bits = f" ({metrics['bits_per_dim']:.3f} bits/dim)" if "bits_per_dim" in metrics else ""
        error = metrics["nll_standard_error"]
        return (
            f"trial {self.trial}, nll {metrics['nll']:.2f} ± {error:.2f} nats{bits}, "
            f"{protocol['kind']}, on the {protocol['examples']:,} test examples that no trial was "
            "ranked by"
        )

    def as_json(self) -> dict[str, object]:
        """The same as JSON."""
        return {"trial": self.trial, "metrics": self.metrics, "protocol": self.protocol}


def evaluate_on_test(
    sweep: Sweep,
    data: "Dataset",
    test: "Dataset | None",
    number: int,
    params: Mapping[str, object],
    lane: bytes,
) -> TestResult | None:
    """Measure trial `number`, whose trained `lane` this is; None for models without a likelihood.

    None too for data without a test split. The best of many trials is best by luck too: on the
    examples that chose it, its value is optimistic.
    """
    if test is None or not test.count:
        return None
    config = pad_latent_sizes(sweep.config(params), sweep.space)
    held_out = draw_examples(test, REFERENCE)
    likelihood = Likelihood.of_game(sweep.model.game(config, data), held_out, "test", rest=True)
    if likelihood is None:
        return None
    pack = Pack(sweep.model, config, data, NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(lane))
    metrics = likelihood.measure(pack, [0])[0]
    return TestResult(trial=number, metrics=metrics, protocol=likelihood.protocol)
