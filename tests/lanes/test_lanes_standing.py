"""Standing statistics: normalisation layers measured anew for samples, by the samples themselves.

The oracle is torch's BatchNorm in training mode with momentum None: the mean over its batches.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import LaneState, Pack, derive_seed, draw
from gensweep.lanes._stack import statistics_layers
from gensweep_models.config import fixed, lane, sampling
from gensweep_models.game import Model, Noise, Player

BATCHES, BATCH = 3, 8
NORMS = ("decoder.1.running_mean", "decoder.1.running_var")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A generator's; `scale` is what its samples are drawn at, neutral at 1."""

    learning_rate: float = lane(0.05)
    scale: float = sampling(0.5, neutral=1.0)
    batch_size: int = fixed(BATCH)
    given: str = fixed("")
    batches: int = fixed(BATCHES)


class Autoencoder(nn.Module):
    """Normalised in its decoder, which samples call, and in its encoder, which they do not."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
        self.decoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))


class Game:
    """Reconstructs points; samples are decoded noise, shifted by a class and a column."""

    def __init__(self, config: Any, data: Any):
        self.given = tuple(config.given.split())
        self.players = {"net": Player(Autoencoder, "sgd", ema=0.5, standing_batches=config.batches)}
        self.noise: dict[str, Any] = {"net": {}}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        x = batch["x"]
        return (nets["net"].decoder(nets["net"].encoder(x)) - x).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, 3))}

    def sample(self, nets: Any, noise: Any, hyper: Any, given: Any = None) -> Tensor:
        z = noise["z"] * hyper["scale"]
        for one in (given or {}).values():
            z = z + one[:, None]
        samples: Tensor = nets["net"].decoder(z)
        return samples


MODEL = Model("toy", "toys", "none", Config, Game, {})


@dataclass(frozen=True)
class Shares:
    """Examples of three classes, of which all are of the last."""

    data: Any
    class_shares: tuple[float, ...] = (0.0, 0.0, 1.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


def filled(data: Any, seeds: tuple[int, ...], width: int = 3, **values: Any) -> Pack:
    """A pack with a trial of each seed in its first slots."""
    config = Config(**values)
    pack = Pack(MODEL, config, data, data, width=width, trace=False)
    for slot, seed in enumerate(seeds):
        own = Config(**values, learning_rate=0.05 + 0.01 * seed)
        pack.load(slot, own, seed=seed, budget_images=400)
    return pack


def by_hand(pack: Pack, slot: int, shift: Tensor | float = 0.0, scale: float = 0.5) -> Autoencoder:
    """The lane's network in evaluation mode, its decoder measured over the same noise by torch."""
    stack, net = pack.stacks["net"], Autoencoder()
    views = stack.views(stack.sampling_weights())
    raw = {name: b[slot] for name, b in stack.buffers.items()}
    net.load_state_dict({name: v[slot] for name, v in views.items()} | raw)
    norm = net.decoder[1]
    assert isinstance(norm, nn.BatchNorm1d)
    norm.reset_running_stats()
    norm.momentum = None
    for number in range(BATCHES):
        seed = derive_seed(pack.lane(slot).seed, "standing", "net", number)
        z = draw({"z": Noise((BATCH, 3))}, [seed], "sample")["z"][0]
        net.decoder(scale * z + shift)
    return net.eval()


def standing(pack: Pack, slot: int) -> list[Tensor]:
    return [pack.stacks["net"].standing[name][slot].clone() for name in NORMS]


def test_statistics_are_means_over_batches_of_samples_with_the_averaged_weights(
    factory: Any,
) -> None:
    """At the value that samples are drawn at; encoders keep those of training."""
    pack = filled(factory.points, (0, 1, 2))
    pack.run(6)
    samples = pack.sample(5, seed=4)
    for slot in range(3):
        net = by_hand(pack, slot)
        torch.testing.assert_close(standing(pack, slot), [net.state_dict()[n] for n in NORMS])
        z = draw({"z": Noise((5, 3))}, [slot], "sample", 4)["z"][0]
        torch.testing.assert_close(samples[slot], net.decoder(0.5 * z))
    stack = pack.stacks["net"]
    for name in ("encoder.1.running_mean", "encoder.1.running_var"):
        assert torch.equal(stack.sampling_buffers()[name], stack.buffers[name])
    moved = [(stack.buffers[name] - stack.standing[name]).abs().max() for name in NORMS]
    assert min(moved) > 0.01
    assert all(layer.momentum == 0.1 for layer in statistics_layers(stack.module).values())


def test_each_value_of_sampling_has_statistics_of_its_own(factory: Any) -> None:
    """Whatever was sampled before; a value that was measured last is not measured again."""
    pack = filled(factory.points, (0, 1))
    pack.run(6)
    z = draw({"z": Noise((5, 3))}, [1], "sample", 4)["z"][0]
    for scale in (0.5, 2.0, 0.1, 0.5):
        samples = pack.sample(5, seed=4, hyper={"scale": scale})
        expected = by_hand(pack, 1, scale=scale)
        torch.testing.assert_close(standing(pack, 1), [expected.state_dict()[n] for n in NORMS])
        torch.testing.assert_close(samples[1], expected.decoder(scale * z))


@pytest.mark.parametrize("columns", [("y",), ("y", "shift")])
def test_classes_have_the_datas_shares_and_columns_the_rows_that_are_given(
    factory: Any, columns: tuple[str, ...]
) -> None:
    """The class is drawn by its share if it is alone, and else with its row."""
    data = Shares(factory.points)
    given = {"y": torch.tensor([1, 1, 1]), "shift": torch.full((3,), 4.0)}
    pack = filled(data, (0, 1), given=" ".join(columns))
    pack.run(2)
    pack.sample(3, given={name: given[name] for name in columns})
    net = by_hand(pack, 1, 2.0 if columns == ("y",) else 1.0 + 4.0)
    torch.testing.assert_close(standing(pack, 1), [net.state_dict()[n] for n in NORMS])


def test_a_lanes_statistics_do_not_depend_on_width_slot_or_time(factory: Any) -> None:
    """Nor on whether it was sampled before; and they change nothing of its training."""
    found = []
    for seeds, width in (((7, 1, 2), 3), ((3, 7), 2), ((4, 5, 6, 7), 4)):
        pack, slot = filled(factory.points, seeds, width), seeds.index(7)
        pack.run(3)
        if width == 2:
            pack.sample(4)
        pack.run(3)
        samples = pack.sample(5, slots=[slot])
        found.append([*pack.take(slot).tensors.values(), samples])
    assert len(found[0]) == len(found[1]) > 8
    for others in found[1:]:
        assert all(map(torch.equal, found[0], others))


def test_a_stored_lane_samples_as_it_did(factory: Any) -> None:
    """Stored after an evaluation, in the middle of training, or before it was ever evaluated."""
    pack = filled(factory.points, (0, 1, 2))
    pack.run(4)
    unmeasured = pack.take(1)
    samples = pack.sample(5, slots=[1])
    measured = pack.take(1)
    later = filled(factory.points, ())
    for state in (unmeasured, measured):
        later.put(2, LaneState.from_bytes(state.to_bytes()))
        assert torch.equal(later.sample(5), samples)
    pack.run(2)
    other = filled(factory.points, ())
    other.put(0, LaneState.from_bytes(pack.take(1).to_bytes()))
    late = pack.sample(5, slots=[1])
    assert torch.equal(other.sample(5), late)
    assert not torch.equal(late, samples)


def test_stored_statistics_are_used_and_not_measured_again(factory: Any) -> None:
    pack = filled(factory.points, (0,))
    pack.run(2)
    pack.sample(2)
    pack.stacks["net"].standing[NORMS[0]][0] = 3.0
    moved = filled(factory.points, ())
    moved.put(1, pack.take(0))
    assert torch.equal(pack.sample(4), moved.sample(4))
    assert (standing(moved, 1)[0] == 3.0).all()


def test_without_batches_samples_use_the_statistics_of_training(factory: Any) -> None:
    pack = filled(factory.points, (0,), batches=0)
    pack.run(2)
    pack.sample(2)
    assert pack.stacks["net"].standing == {}
    assert not any("standing" in name for name in pack.take(0).tensors)


def test_samples_that_take_steps_are_refused(factory: Any) -> None:
    class Stepped(Game):
        sample_steps = 2

        def sample_step(self, *_: Any) -> None: ...

    model = Model("toy", "toys", "none", Config, Stepped, {})
    told = "^toy: player 'net': standing_batches=3, but samples take steps, .*: drop it.$"
    with pytest.raises(UserError, match=told):
        Pack(model, Config(), factory.points, factory.points, width=1)
