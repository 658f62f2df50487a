"""Draws samples from a trial's stored lane: what a registered model runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from torch import Tensor

from gensweep.catalog import model_named
from gensweep.game import DataShape
from gensweep.lanes import LaneState, Pack
from gensweep.space import pad_latent_sizes
from gensweep.spec import Sweep

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The data as a network knows them set."""

    shape: tuple[int, ...]
    classes: int
    count: int
    levels: int


class NoData:
    """A source for packs that only draw samples."""

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        """Raise `RuntimeError`: there are no examples."""
        raise RuntimeError("this pack is for sampling: it has no data.")


class SamplerSpec(TypedDict):
    """The facts that `sample_lane` needs besides the weights, as JSON."""

    model: str
    """A name in an installed catalogue."""
    pack: dict[str, object]
    """The configuration of the pack, latent sizes padded."""
    data: dict[str, object]
    """The fields of `Shape`."""


def sampler_spec(sweep: Sweep, params: Mapping[str, object], data: DataShape) -> SamplerSpec:
    """Describe the trial with the sampled values `params` so that its lane can be sampled."""
    shape = {field.name: getattr(data, field.name) for field in fields(Shape)}
    return {
        "model": sweep.model.name,
        "pack": asdict(pad_latent_sizes(sweep.config(params), sweep.space)),
        "data": shape | {"shape": list(data.shape)},
    }


def sample_lane(
    weights: str,
    about: Mapping[str, object],
    n: int,
    truncation: float | None = None,
    seed: int = 0,
) -> "npt.NDArray[np.float32]":
    """Draw `n` samples `[n, *shape]` from the lane in the file `weights`; images are in [-1, 1].

    `about` is its `SamplerSpec`. `truncation` is the threshold; None: the trial's own. The same
    `seed` gives the same samples.
    """
    spec = cast(SamplerSpec, about)
    model, shape = model_named(spec["model"]), _shape_of(spec["data"])
    pack = Pack(model, model.config(**spec["pack"]), shape, NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(Path(weights).read_bytes()))
    hyper = {} if truncation is None else {"truncation": truncation}
    samples: npt.NDArray[np.float32] = pack.sample(n, seed=seed, hyper=hyper)[0].numpy()
    return samples


def _shape_of(stored: dict[str, object]) -> Shape:
    sides = cast(list[int], stored["shape"])
    return Shape(**{**stored, "shape": tuple(sides)})  # type: ignore[arg-type]  # JSON, by its keys
