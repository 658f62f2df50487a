"""bf16 changes what is multiplied, and neither what is kept nor what is summed."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.lanes import precision_of
from gensweep.lanes._precision import matmul_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_what_a_device_takes_if_nothing_is_asked() -> None:
    assert precision_of(None, CPU) == "fp32"
    assert precision_of(None, GPU) == "tf32"
    assert [precision_of(one, GPU) for one in ("fp32", "bf16")] == ["fp32", "bf16"]


@pytest.mark.parametrize("asked", ["fp16", "tf32", ""])
def test_a_bad_value_is_told_with_the_good_ones(factory: Any, asked: str) -> None:
    with pytest.raises(UserError, match=rf"precision='{asked}' is not to be had on cpu"):
        factory.pack("gan", factory.config("gan"), precision=asked)


UNET = pytest.mark.slow("a U-Net is traced in two precisions")


@pytest.mark.parametrize(
    ("name", "trace"),
    [
        ("gan-wasserstein_gp", True),
        ("gan-wasserstein_gp", False),
        ("vae", True),
        ("vae", False),
        pytest.param("ddpm", True, marks=UNET),
        ("ddpm", False),
    ],
)
def test_bf16_trains_near_fp32(factory: Any, name: str, trace: bool) -> None:
    configs, turned = factory.configs(name, 2), {}
    for precision in ("fp32", "bf16"):
        pack = factory.pack(name, configs[0], width=2, precision=precision, trace=trace)
        for slot, config in enumerate(configs):
            factory.load(pack, slot, config, slot)
        player = next(iter(pack.turns))
        turned[precision] = pack.turns[player].gradient(*factory.inputs(pack, player))[:2]
        pack.run(3)
        for state in (pack.take(slot) for slot in range(2)):
            assert all(t.dtype != torch.bfloat16 for t in state.tensors.values())
            assert all(bool(t.isfinite().all()) for t in state.tensors.values())
    (grad, loss), (rough, near) = turned["fp32"], turned["bf16"]
    assert near.dtype == rough.dtype == torch.float32
    assert not torch.equal(rough, grad)
    assert float((near - loss).abs().max()) < 0.03 * float(loss.abs().max())
    assert float((rough - grad).norm()) < 0.1 * float(grad.norm())


def test_convolutions_of_lanes_are_bf16_too(factory: Any) -> None:
    """Unlike under torch.autocast, as of torch 2.13. Of the trace before ways are chosen."""
    config = factory.config("gan", body="conv", objective="hinge")
    pack = factory.pack("gan", config, precision="bf16")
    for slot in range(3):
        factory.load(pack, slot, config, slot)
    pack.run(1)
    for turn in pack.turns.values():
        (trace,) = turn._traces["gradient"]._raw.values()
        found = [n for n in trace.graph.nodes if "convolution" in str(n.target)]
        assert found
        assert all(n.all_input_nodes[1].meta["val"].dtype == torch.bfloat16 for n in found)


def test_bf16_lanes_do_not_know_their_neighbours(factory: Any, bitwise: Any) -> None:
    states = []
    for others in ((1, 2), (3, 4), (4, 3, 2, 1), ()):
        configs = [factory.configs("gan", 5)[n] for n in (0, *others)]
        pack = factory.filled("gan", configs, precision="bf16", width=max(3, len(configs)))
        pack.run(5)
        states.append(pack.take(0))
    for other in states[1:]:
        bitwise(states[0], other)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("tf32", True)])
def test_tf32_holds_within_a_run_alone(precision: Any, allowed: bool) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    with matmul_precision(precision, GPU):
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (allowed, allowed)
    assert (matmul.allow_tf32, cudnn.allow_tf32) == before
