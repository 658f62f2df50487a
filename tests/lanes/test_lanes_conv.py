"""Convolutions of many lanes: every way computes the same, and a choice once made stays."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.lanes import Pack
from gensweep.lanes._autotune import FEWER, LANES, ConvolutionCase, fastest_way, is_steady
from gensweep.lanes._autotune_cache import choices_file
from gensweep.lanes._conv import PARTS, WAYS, Geometry, ways

ROOT = Path(__file__).parents[2]
CASES = {
    "dcgan": ((3, 8, 8), 5, (4, 4), (2, 2), (1, 1), (0, 0)),
    "odd": ((2, 7, 9), 3, (3, 2), (2, 3), (2, 0), (1, 2)),
    "pixel": ((4, 5, 5), 6, (1, 1), (1, 1), (0, 0), (0, 0)),
    "same": ((1, 6, 6), 8, (3, 3), (1, 1), (1, 1), (0, 0)),
}
"""Input of a lane, channels of its output, kernel, stride, padding, and output padding."""


def work(case: str, part: str, lanes: int, transposed: bool) -> ConvolutionCase:
    """In float64; a plain convolution has no output padding."""
    (channels, *sides), out, kernel, stride, padding, more = CASES[case]
    rest = more if transposed else (0, 0)
    geometry = Geometry(stride, padding, (1, 1), transposed, rest, lanes)
    rng = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    ends = (channels, out) if transposed else (out, channels)
    side = [geometry.side(n, kernel[axis], axis) for axis, n in enumerate(sides)]
    w = draw(lanes * ends[0], ends[1], *kernel)
    return ConvolutionCase(
        part, draw(2, lanes * channels, *sides), w, draw(2, lanes * out, *side), geometry
    )


@pytest.mark.parametrize(("case", "transposed"), list(product(CASES, (False, True))))
@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_the_convolution_of_each_lane(way: str, case: str, transposed: bool) -> None:
    """Against autograd through torch.nn.functional, one lane after the other."""
    one = work(case, "forward", 3, transposed)
    geometry, args = one.geometry, (one.geometry.stride, one.geometry.padding)
    x, w = one.x.requires_grad_(), one.w.requires_grad_()
    lanes = zip(x.chunk(3, 1), w.chunk(3), strict=True)
    if transposed:
        fn, args = nn.functional.conv_transpose2d, (*args, geometry.output_padding)
    else:
        fn = nn.functional.conv2d
    known = torch.cat([fn(a, b, None, *args) for a, b in lanes], 1)
    known_x, known_w = torch.autograd.grad(known, (x, w), one.g)
    with torch.no_grad():
        for part, right in zip(PARTS, (known, known_x, known_w), strict=True):
            found = ConvolutionCase(part, x, w, one.g, geometry).compute(way)
            assert found.is_contiguous()
            torch.testing.assert_close(found, right)


def test_a_product_is_left_out_where_it_cannot_be_or_takes_too_much() -> None:
    small = work("pixel", "forward", 2, False)
    assert "multiplied" in ways(small.x, small.w, small.g, small.geometry)
    x, w = torch.zeros(1, 2 * 4, 9, 9), torch.zeros(2 * 4, 4, 5, 5)
    wide = Geometry((1, 1), (2, 2), (1, 1), False, (0, 0), 2)
    assert "multiplied" not in ways(x, w, x, wide)
    flat = Geometry((1,), (0,), (1,), False, (0,), 2)
    x, w = torch.zeros(1, 2, 9), torch.zeros(2, 1, 1)
    assert ways(x, w, x, flat) == ["grouped", "looped"]


@pytest.mark.parametrize("part", PARTS)
def test_the_fastest_does_not_depend_on_the_lanes_to_the_last_bit(part: str) -> None:
    """oneDNN computes three channels to 32 otherwise in two lanes than in three (torch 2.13)."""
    rng = torch.Generator().manual_seed(3)
    geometry = Geometry((2, 2), (1, 1), (1, 1), False, (0, 0), LANES)
    tensors = [
        torch.randn(shape, generator=rng)
        for shape in ((8, LANES * 3, 32, 32), (LANES * 32, 3, 4, 4), (8, LANES * 32, 16, 16))
    ]
    one = ConvolutionCase(part, *tensors, geometry)
    way = fastest_way(one)
    assert is_steady(one, way)
    axis = 0 if part == "weight" else 1
    for lanes in FEWER:
        few, many = one.first_lanes(lanes).compute(way), one.compute(way)
        assert torch.equal(few, many.narrow(axis, 0, few.shape[axis]))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    return tmp_path


def conv_pack(factory: Any, width: int, objective: str = "hinge") -> Pack:
    """A small convolutional GAN, with spectral norms; no pack of others is used again."""
    config = factory.config("gan", body="conv", objective=objective)
    pack: Pack = factory.pack("gan", config, width=width)
    for slot in range(width):
        factory.load(pack, slot, config, slot)
    return pack


def test_a_pack_measures_once_and_any_width_chooses_alike(factory: Any, home: Path) -> None:
    conv_pack(factory, 3).run(1)
    first = choices_file().read_text()
    assert choices_file().is_relative_to(home)
    chosen = [way for kept in json.loads(first).values() for way in kept.values()]
    assert len(chosen) >= 6
    assert set(chosen) <= set(WAYS)
    conv_pack(factory, 2).run(1)
    assert choices_file().read_text() == first


@pytest.mark.parametrize(
    ("way", "objective"), [("looped", "wasserstein_gp"), ("multiplied", "hinge")]
)
def test_a_choice_that_is_kept_is_what_runs(
    factory: Any, home: Path, way: str, objective: str, close: Any
) -> None:
    """Whatever was measured, the pack follows the file, and trains as a trial alone does."""
    conv_pack(factory, 3, objective).run(1)
    kept = json.loads(choices_file().read_text())
    choices_file().write_text(json.dumps({m: dict.fromkeys(one, way) for m, one in kept.items()}))
    pack = conv_pack(factory, 3, objective)
    pack.run(3)
    code = "".join(
        trace.code
        for turn in pack.turns.values()
        for trace in turn._traces["gradient"]._ready.values()
    )
    assert f"'{way}'" in code
    alone = factory.pack("gan", pack.lane(2).config, width=1, trace=False)
    factory.load(alone, 0, pack.lane(2).config, 2)
    alone.run(3)
    close(pack.take(2), alone.take(0))


def test_lanes_are_bitwise_the_same_in_a_pack_of_another_width(
    factory: Any, home: Path, bitwise: Any
) -> None:
    wide, narrow = conv_pack(factory, 4), conv_pack(factory, 2)
    wide.run(4)
    narrow.run(4)
    bitwise(wide.take(1), narrow.take(1))


def test_a_broken_file_is_measured_anew(factory: Any, home: Path) -> None:
    choices_file().parent.mkdir(parents=True)
    choices_file().write_text('{"a machine": ["not a choice"]}')
    conv_pack(factory, 2).run(1)
    assert set(next(iter(json.loads(choices_file().read_text()).values())).values()) <= set(WAYS)


def test_what_another_machine_or_version_chose_is_neither_used_nor_lost(
    factory: Any, home: Path
) -> None:
    other = {"torch 1.0, another processor, 1 threads": {"forward": "a way that is no more"}}
    choices_file().parent.mkdir(parents=True)
    choices_file().write_text(json.dumps(other))
    conv_pack(factory, 2).run(1)
    kept = json.loads(choices_file().read_text())
    assert kept.items() > other.items()
    assert {way for name in kept.keys() - other.keys() for way in kept[name].values()} <= set(WAYS)


def test_where_nothing_can_be_kept_the_steady_way_is_taken(
    factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    pack = conv_pack(factory, 2)
    pack.run(1)
    code = "".join(
        trace.code
        for turn in pack.turns.values()
        for trace in turn._traces["gradient"]._ready.values()
    )
    ways = {way for way in WAYS if f"'{way}'" in code}
    assert "looped" in ways <= {"looped", "grouped"}  # the second: of parts that nobody wants


MEASURING = """
import sys, torch
torch.set_num_threads(1)
from gensweep.lanes._autotune import autotune_convolutions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.func import vmap
conv = vmap(lambda x, w: torch.conv2d(x, w, padding=1))
traced = make_fx(conv)(torch.randn(3, 4, 2, 9, 9), torch.randn(3, 2, 2, 3, 3))
autotune_convolutions(traced)
print(traced.code)
"""


@pytest.mark.slow("three processes import torch and trace")
def test_processes_that_measure_at_once_choose_alike(home: Path) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT / "platform"), "GENSWEEP_HOME": str(home)}
    several = [
        subprocess.Popen([sys.executable, "-c", MEASURING], env=env, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    codes = {one.communicate(timeout=600)[0] for one in several}
    assert [one.returncode for one in several] == [0, 0, 0]
    assert len(codes) == 1
    assert len(next(iter(json.loads(choices_file().read_text()).values()))) == 1
