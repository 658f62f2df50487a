"""The floating-point format in which a pack multiplies; weights and moments are always fp32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from gensweep.errors import UserError
from gensweep.precision import PRECISIONS, Precision

LOW = {
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum",
    "scaled_dot_product_attention",
}  # fmt: skip
"""Functions that multiply, which tensor cores do faster in bf16."""
FULL = {
    "batch_norm", "group_norm", "layer_norm", "instance_norm", "softmax", "log_softmax",
    "logsumexp", "exp", "log", "pow", "sum", "mean", "var", "std", "norm", "cumsum", "cumprod",
}  # fmt: skip
"""Functions whose results bf16 would spoil."""


def precision_of(asked: str | None, device: torch.device | str) -> Precision:
    """Return `asked` if the device has it; by default tf32 on a GPU and fp32 elsewhere.

    `UserError` with those that the device has, if it is none of them.
    """
    on_gpu = torch.device(device).type == "cuda"
    if asked is None:
        return "tf32" if on_gpu else "fp32"
    for known in PRECISIONS:
        if asked == known and (on_gpu or known != "tf32"):
            return known
    offered = ", ".join(PRECISIONS) if on_gpu else "fp32 or bf16, or train on GPUs"
    raise UserError(f"precision={asked!r} is not to be had on {device}: choose {offered}.")


@contextmanager
def matmul_precision(precision: Precision, device: torch.device) -> Iterator[None]:
    """Let a GPU multiply fp32 in tf32 within, unless `precision` is fp32; restore it afterwards."""
    if device.type != "cuda":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision != "fp32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def cast(net: Callable[..., Any], precision: Precision) -> Callable[..., Any]:
    """Wrap `net` to multiply in bf16 if that is the precision; a loss sums its fp32 results."""
    if precision != "bf16":
        return net

    def lowered(*args: Any, **kwargs: Any) -> Any:
        with _Bf16():
            out = net(*args, **kwargs)
        return pytree.tree_map(_full, out)

    return lowered


class _Bf16(TorchFunctionMode):
    """Does what torch.autocast does, whose convolutions stay fp32 under vmap (torch 2.13)."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name, given = getattr(func, "__name__", ""), (args, kwargs or {})
        if name in LOW:
            given = pytree.tree_map(_low, given)
        elif name in FULL:
            given = pytree.tree_map(_full, given)
        return func(*given[0], **given[1])


def _low(one: Any) -> Any:
    is_full = isinstance(one, Tensor) and one.dtype == torch.float32
    return one.bfloat16() if is_full else one


def _full(one: Any) -> Any:
    is_low = isinstance(one, Tensor) and one.dtype == torch.bfloat16
    return one.float() if is_low else one
