"""Noise says whose it is; dropout by key trains in packs; samples come in batches and steps."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import LaneState, Pack, Ranks, _sampling, draw
from gensweep.lanes._batches_and_noise import LaneInputs
from gensweep.lanes._noise_reader import NoiseReader
from gensweep_models.config import fixed, lane
from gensweep_models.game import Noise, Player
from gensweep_models.random import dropout, fold, normal
from gensweep_models.stepped import Stepped

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    learning_rate: float = lane(1e-2)
    beta1: float = lane(0.9)
    beta2: float = lane(0.99)
    drop: float = lane(0.3)
    batch_size: int = fixed(16)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 12), nn.Linear(12, 2)

    def forward(self, x: Tensor, drop: Any = 0.0, key: Tensor | None = None) -> Tensor:
        out: Tensor = self.last(dropout(self.first(x).tanh(), drop, key))
        return out


class Walk(Stepped):
    """Denoises points with dropout, and samples by a walk of 30 steps of noise of their own."""

    sample_steps = 30

    def __init__(self, config: Any, data: Any) -> None:
        self.players = {"net": Player(Net)}
        shape = (config.batch_size, 2)
        keys = Noise((config.batch_size,), "key")
        self.noise = {"net": {"e": Noise(shape), "drop": keys, "all": Noise((), "key", "lane")}}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        moved = batch["x"] + noise["e"] + normal(noise["all"], (2,))
        out = nets["net"](moved, hyper["drop"], fold(noise["drop"], 1))
        return (out - batch["x"]).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        one = {"z": Noise((count, 2)), "again": Noise((count, 3)), "key": Noise((count,), "key")}
        return one | {"shift": Noise((5,), per="lane")}

    def sample_begin(self, nets: Any, noise: Any, hyper: Any) -> Any:
        return {"x": noise["z"] + noise["again"][:, :2] + noise["shift"][0]}

    def sample_step(self, nets: Any, state: Any, step: Any, noise: Any, hyper: Any) -> Any:
        x = state["x"]
        return {"x": 0.9 * x + nets["net"](x) / (step + 1) + normal(fold(noise["key"], step), (2,))}

    def sample_end(self, nets: Any, state: Any, hyper: Any) -> Tensor:
        out: Tensor = state["x"].tanh()
        return out


MODEL: Any = SimpleNamespace(name="walk", config=Config, game=Walk)
SEEDS = (3, 4, 5)


def _pack(factory: Any, width: int = 3, seeds: Any = SEEDS, **kw: Any) -> Pack:
    pack = Pack(MODEL, Config(), factory.points, factory.points, width=width, **kw)
    for slot, seed in enumerate(seeds):
        pack.load(slot, Config(drop=0.1 * seed), seed=seed, budget_images=4000)
    return pack


def test_dropout_in_a_pack_is_that_of_each_lane_alone(factory: Any, bitwise: Any) -> None:
    pack = _pack(factory)
    pack.run(7)
    for slot, seed in enumerate(SEEDS):
        beside = _pack(factory, 2, (seed,))
        beside.run(7)
        bitwise(pack.take(slot), beside.take(0))
        alone = _pack(factory, 1, (seed,))
        alone.run(7)
        for name in ("net/parameters", "net/optimizer.mean"):
            torch.testing.assert_close(alone.take(0).tensors[name], pack.take(slot).tensors[name])
    plain = _pack(factory, 2, ())
    plain.load(0, Config(drop=0.0), seed=3, budget_images=4000)
    plain.run(7)
    flat = plain.take(0).tensors["net/parameters"]
    assert not torch.allclose(flat, pack.take(0).tensors["net/parameters"], atol=1e-3)


def test_dropout_goes_on_bitwise(factory: Any, bitwise: Any) -> None:
    whole, part = _pack(factory), _pack(factory)
    whole.run(9)
    part.run(4)
    state = LaneState.from_bytes(part.take(1).to_bytes())
    assert not [name for name in state.tensors if "key" in name]
    other = _pack(factory, 3, ())
    other.put(2, state)
    other.run(5)
    bitwise(whole.take(1), other.take(2))


def test_ranks_cut_noise_by_whose_it_is(factory: Any) -> None:
    """Codes of the lane, as many as examples, once were taken for the examples' own."""
    noise = {"a": {"codes": Noise((16, 4), per="lane"), "z": Noise((16, 4)),
                   "k": Noise((16,), "key"), "m": Noise((16,), "key", "lane")}}  # fmt: skip
    lanes: Any = [SimpleNamespace(streams={}, seed=1, ticks=2, hyper={})]
    found = []
    for ranks in (Ranks(), Ranks(0, 2), Ranks(1, 2)):
        for kind in ("normal", "uniform"):
            lanes[0].streams["a", kind] = torch.Generator().manual_seed(0)
        inputs = LaneInputs(noise, 16, 1, ranks)
        drawn = inputs.noise(lanes, {0: 1}, torch.device("cpu"))
        found.append(inputs.player_noise("a", drawn, (slice(None), 0)))
    one, first, second = found
    for name in ("codes", "m"):
        assert torch.equal(one[name], first[name])
        assert torch.equal(one[name], second[name])
    for name in ("z", "k"):
        assert torch.equal(one[name], torch.cat([first[name], second[name]], 1))
    assert one["k"].dtype == torch.int64
    assert len(torch.cat([one["k"], one["m"]], 1).unique()) == 32


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (Noise((7, 2)), r"noise 'z' of player 'a' .* 16 must be .* shape=\(7, 2\): say per='lane'"),
        (Noise(()), r"shape=\(\)"),
        (Noise((16,), "gauss"), r"'z' of player 'a' has kind='gauss': choose normal, uniform, key"),  # type: ignore[arg-type]
        (Noise((16,), per="rank"), r"per='rank': choose example, lane\."),  # type: ignore[arg-type]
    ],
)
def test_bad_noise_is_named(noise: Noise, words: str) -> None:
    with pytest.raises(UserError, match=words):
        LaneInputs({"a": {"z": noise}}, 16, 1, Ranks())


def test_noise_read_in_parts_is_that_drawn_at_once() -> None:
    noise = Walk(Config(), None).sample_noise(103) | {
        "u": Noise((103, 1, 3), "uniform"), "v": Noise((103, 2), "uniform"), "w": Noise((103, 7))
    }  # fmt: skip
    known = draw(noise, [0, 8], "sample", 2)
    for parts in ((103,), (1, 50, 52), (40, 40, 23)):
        reader = NoiseReader(noise, 103, [0, 8], "sample", 2)
        read = [reader.read(part) for part in parts]
        assert list(read[0]) == list(known)
        for name, whole in known.items():
            if name == "shift":
                assert all(torch.equal(whole, one[name]) for one in read)
            else:
                assert torch.equal(whole, torch.cat([one[name] for one in read], 1)), name


@pytest.mark.parametrize("trace", [True, False])
def test_samples_do_not_depend_on_batches(
    factory: Any, trace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = _pack(factory, trace=trace)
    pack.run(2)
    whole = pack.sample(100)
    monkeypatch.setattr(_sampling, "SAMPLING_BYTES", {"cpu": 1 << 12})
    assert 1 < pack.sampling_batch(100) < 50
    torch.testing.assert_close(pack.sample(100), whole, rtol=1e-5, atol=1e-6)
    weights = {"net": pack.stacks["net"].lane_weights(1)}
    net = Net()
    net.load_state_dict(weights["net"])
    noise = {n: t[0] for n, t in draw(pack.game.sample_noise(100), [SEEDS[1]], "sample", 0).items()}
    with torch.no_grad():
        known = Walk(Config(), None).sample({"net": net}, noise, {})
    torch.testing.assert_close(whole[1], known, rtol=1e-4, atol=1e-5)


def test_a_step_is_traced_once(factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    inner = Walk.sample_step
    monkeypatch.setattr(Walk, "sample_step", lambda *a: (calls.append(1), inner(*a))[1])
    pack, eager = _pack(factory), _pack(factory, trace=False)
    pack.trace_sampling = True  # as on a GPU
    first = pack.sample(10)
    assert len(calls) == 1
    assert torch.equal(pack.sample(10), first)
    assert len(calls) == 1
    assert torch.equal(eager.sample(10), first)
    assert len(calls) == 31


def test_unfinished_samples_are_the_same_ones_on_their_way(factory: Any) -> None:
    pack = _pack(factory)
    begun, half, ended = pack.sample_unfinished([0, 15, 30], 10, seed=2)
    assert torch.equal(ended, pack.sample(10, seed=2)[0])
    assert not torch.equal(half, ended)
    other = pack.sample_unfinished([0, 29, 30], 10, seed=2)
    assert torch.equal(other[0], begun)
    assert torch.equal(other[2], ended)


LONG = """
import resource, sys, torch
from types import SimpleNamespace
from torch import nn
from gensweep.lanes import Pack
from gensweep_models.diffusion.ddpm import Ddpm, DdpmConfig

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x, time):
        return self.scale * x

class Tiny(Ddpm):
    def network(self):
        return Scaled()

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

count, steps = map(int, sys.argv[1:])
config = DdpmConfig(steps=steps, sample_steps=steps, sampler="ancestral", batch_size=2)
data = SimpleNamespace(shape=(3, 32, 32), classes=0, count=10, levels=255, gather=None)
pack = Pack(SimpleNamespace(name="tiny", config=DdpmConfig, game=Tiny), config, data, data, width=1)
pack.load(0, config, seed=0, budget_images=10)
pack.sample(2)
before = peak_mib()
samples = pack.sample(count)
assert samples.shape == (1, count, 3, 32, 32) and samples.isfinite().all()
print(peak_mib() - before)
"""


@pytest.mark.slow("a thousand steps of sampling")
def test_a_long_sampler_takes_the_memory_of_one_step() -> None:
    """Noise of all steps would be 586 MiB."""
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / n) for n in ("platform", "models"))
    }
    done = subprocess.run([sys.executable, "-c", LONG, "50", "1000"], env=env, text=True,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 100
