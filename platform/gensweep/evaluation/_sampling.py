"""Samples from a trial's stored lane: what a registered model runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gensweep.catalog import model_named
from gensweep.game import DataShape
from gensweep.lanes import LaneState, Pack
from gensweep.space import padded
from gensweep.spec import Sweep


@dataclass(frozen=True, kw_only=True)
class Shape:
    """All that a network knows of its data set."""

    shape: tuple[int, ...]
    classes: int
    count: int
    levels: int


class NoData:
    """A source for packs that only draw samples."""

    def gather(self, indices: Any) -> dict[str, Any]:
        raise RuntimeError("this pack is for sampling: it has no data.")


def sampler_spec(sweep: Sweep, params: Mapping[str, Any], data: DataShape) -> dict[str, Any]:
    """What `sample_lane` must know besides the weights, as JSON."""
    shape = {name: getattr(data, name) for name in Shape.__dataclass_fields__}
    pack = padded(sweep.config(params), sweep.space)
    return {
        "model": sweep.model.name,
        "pack": {name: getattr(pack, name) for name in pack.__dataclass_fields__},
        "data": shape | {"shape": list(data.shape)},
    }


def sample_lane(
    weights: str, about: Mapping[str, Any], n: int, truncation: float | None = None, seed: int = 0
) -> Any:
    """`n` samples `[n, *shape]`, float32, images in [-1, 1]; the trial's truncation by default."""
    model, data = model_named(about["model"]), about["data"]
    shape = Shape(**{**data, "shape": tuple(data["shape"])})
    pack = Pack(model, model.config(**about["pack"]), shape, NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(Path(weights).read_bytes()))
    hyper = {} if truncation is None else {"truncation": truncation}
    return pack.sample(n, seed=seed, hyper=hyper)[0].numpy()
