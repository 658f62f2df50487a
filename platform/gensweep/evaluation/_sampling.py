"""Draws samples from a trial's stored lane: what a registered model runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from torch import Tensor

from gensweep.catalog import model_named
from gensweep.errors import UserError
from gensweep.evaluation._given_values import given_values
from gensweep.game import Model
from gensweep.json_text import numbers_of_json
from gensweep.lanes import LaneState, Pack
from gensweep.sampling_fields import sampling_fields
from gensweep.space import check_value, pad_latent_sizes, with_scope
from gensweep.spec import Sweep

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gensweep.data import Dataset


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The data as a network knows them set."""

    shape: tuple[int, ...]
    classes: int
    count: int
    levels: int
    class_names: tuple[str, ...] = ()
    class_shares: tuple[float, ...] = ()
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    """The numbers by which a table's own were standardised; empty for others."""


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
    sampling: dict[str, object]
    """The trial's sampling hyperparameters: all that `sample_lane` can be given others of."""
    given: list[str]
    """The columns that samples are conditioned on."""
    dataset: str
    """The id of the data that the trial was trained on."""
    data: dict[str, object]
    """The fields of `Shape`."""


def sampler_spec(sweep: Sweep, params: Mapping[str, object], data: "Dataset") -> SamplerSpec:
    """Describe the trial with the sampled values `params` so that its lane can be sampled."""
    shape = {one.name: getattr(data, one.name) for one in fields(Shape)}
    config = sweep.config(params)
    return {
        "model": sweep.model.name,
        "pack": asdict(pad_latent_sizes(config, sweep.space)),
        "sampling": with_scope(config, "sampling"),
        "given": list(getattr(sweep.model.game(config, data), "given", ())),
        "dataset": data.id,
        "data": shape | {"shape": list(data.shape)},
    }


def sample_lane(
    weights: str,
    about: Mapping[str, object],
    n: int,
    values: Mapping[str, object] | float | None = None,
    seed: int = 0,
    examples: Mapping[str, Tensor] | None = None,
) -> "npt.NDArray[np.float32]":
    """Draw `n` samples `[n, *shape]` from the lane in the file `weights`.

    Images are in [-1, 1], the numbers of a table in its own units.

    `about` is its `SamplerSpec`. `values` are sampling hyperparameters by name, in the place of the
    trial's own, and what samples are conditioned on, such as a class `y`; a mere number, as models
    registered by earlier versions give, is of the model's first. Where `values` do not say what
    samples are conditioned on, `examples` do, columns [N, ...] by name. The same `seed` gives the
    same samples. `UserError` for values that cannot be.
    """
    if isinstance(values, float | int):
        model = model_named(cast(SamplerSpec, about)["model"])
        values = {sampling_fields(model.config)[0].name: values}
    pack = open_lane(weights, about, values)
    names = getattr(pack.game, "given", ())
    given = given_values(names, pack.data, values or {}, n, seed, examples)
    samples: npt.NDArray[np.float32] = pack.sample(n, seed=seed, given=given)[0].numpy()
    return _in_own_units(samples, cast(Shape, pack.data))


def _in_own_units(samples: "npt.NDArray[np.float32]", data: Shape) -> "npt.NDArray[np.float32]":
    import numpy as np

    if not data.mean:
        return samples
    numbers: npt.NDArray[np.float32] = samples * np.array(data.std, np.float32) + np.array(
        data.mean, np.float32
    )
    return numbers


def open_lane(
    weights: str, about: Mapping[str, object], values: Mapping[str, object] | None = None
) -> Pack:
    """Build a pack of the one lane in the file `weights`; `about` is its `SamplerSpec`.

    `values` has sampling hyperparameters in the place of its own; what samples are conditioned on
    may be among them. `UserError` for others.
    """
    spec = cast(SamplerSpec, about)
    model = model_named(spec["model"])
    hyper = {n: value for n, value in (values or {}).items() if n not in spec.get("given", ())}
    values_of_pack = numbers_of_json(spec["pack"])
    _check_values(model, values_of_pack, hyper, spec.get("given", ()))
    config, shape = model.config(**{**values_of_pack, **hyper}), _shape_of(spec["data"])
    pack = Pack(model, config, shape, NoData(), width=1, trace=False)
    state = LaneState.from_bytes(Path(weights).read_bytes())
    own = {**state.meta, "config": {**state.meta["config"], **hyper}}
    pack.put(0, LaneState(state.tensors, own))
    return pack


def _check_values(
    model: Model, config: Mapping[str, object], values: Mapping[str, object], given: Sequence[str]
) -> None:
    """`UserError` for what is no sampling hyperparameter of the model, or cannot be its value.

    What is `given` to its samples is checked where it is used, and told among what there is.
    """
    known = [field.name for field in sampling_fields(model.config)]
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{name!r} is no sampling hyperparameter of {model.name}: choose from "
                            f"{', '.join([*known, *given]) or 'none'}.")  # fmt: skip
        check_value(model.config, name, value)
    try:
        model.config(**{**config, **values})
    except (TypeError, ValueError) as error:
        raise UserError(f"{model.name}: {error}") from error


def _shape_of(stored: dict[str, object]) -> Shape:
    sides = cast(list[int], stored["shape"])
    return Shape(**{**stored, "shape": tuple(sides)})  # type: ignore[arg-type]  # JSON, by its keys
