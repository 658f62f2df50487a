"""The best trial, measured on held-out examples that no trial was ranked by."""

from typing import Any

from gensweep.evaluation._likelihood import Likelihood
from gensweep.evaluation._reference import REFERENCE, examples
from gensweep.evaluation._sampling import NoData
from gensweep.lanes import LaneState, Pack
from gensweep.planning import Plan
from gensweep.space import padded
from gensweep.storage import ObjectStore, load_trained_lane
from gensweep.trial import TrialView


def evaluate_on_test(plan: Plan, store: ObjectStore, trial: TrialView) -> dict[str, Any]:
    """Likelihood metrics and their protocol; empty for models without, or data without a test.

    The best of many trials is best by luck too: on the examples that chose it, its value is
    optimistic.
    """
    sweep, data, test = plan.request.sweep, plan.dataset, plan.test
    if test is None or not test.count:
        return {}
    config = padded(sweep.config(trial["params"]), sweep.space)
    held_out = examples(test, REFERENCE)["x"]
    likelihood = Likelihood.of_game(sweep.model.game(config, data), held_out, "test", rest=True)
    if likelihood is None:
        return {}
    pack = Pack(sweep.model, config, data, NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(load_trained_lane(store, trial)))
    metrics = likelihood.measure(pack, [0])[0]
    return {"trial": trial["number"], "metrics": metrics, "protocol": likelihood.protocol}


def told(found: dict[str, Any]) -> str:
    """The same in one line."""
    metrics, protocol = found["metrics"], found["protocol"]
    bits = f" ({metrics['bits_per_dim']:.3f} bits/dim)" if "bits_per_dim" in metrics else ""
    return (
        f"trial {found['trial']}, nll {metrics['nll']:.2f} ± {metrics['nll_standard_error']:.2f} "
        f"nats{bits}, {protocol['kind']}, on the {protocol['examples']:,} test examples that no "
        "trial was ranked by"
    )
