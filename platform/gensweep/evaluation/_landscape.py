"""The critic's value over the plane, with data and samples (arXiv:1704.00028, figure 1)."""

import torch
from torch import Tensor

from gensweep.evaluation._pictured_lane import PicturedLane, Sheet
from gensweep.evaluation._plane import plane_frame

STEPS = 150
"""Places along each side at which the critic is asked."""
AT_ONCE = 2500
"""Places that are asked about in one call."""


def landscape(lane: PicturedLane) -> Sheet:
    """Samples and examples on the surface of the critic's values, all of one condition."""
    given = lane.given(torch.zeros(lane.count, dtype=torch.int64))
    samples = lane.pack.sample(lane.count, seed=lane.seed, given=given)[0]
    examples = lane.examples["x"]
    places = plane_frame(torch.cat([samples, examples]), lane.modes).lattice(STEPS)
    values = torch.cat([_values(lane, part) for part in torch.split(places, AT_ONCE)])
    low, high = float(values.min()), float(values.max())
    return Sheet(samples, detail=f"from {low:.3g} to {high:.3g}", examples=examples,
                 surface=values.reshape(STEPS, STEPS))  # fmt: skip


def _values(lane: PicturedLane, places: Tensor) -> Tensor:
    given = lane.given(torch.zeros(len(places), dtype=torch.int64))
    found: Tensor = lane.pack.call("critic_values", {}, places, seed=lane.seed, given=given)[0]
    return found.nan_to_num()
