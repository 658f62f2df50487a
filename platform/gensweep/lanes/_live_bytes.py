"""Counts the memory of tensors that are alive, whatever the device and the allocator."""

import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode


class LiveBytes(TorchDispatchMode):
    """Notes the `peak` of the bytes that operations within it have made and that are still held.

    >>> import torch
    >>> with LiveBytes() as live:
    ...     x = torch.zeros(256)
    ...     x = x.exp()
    >>> live.peak
    2048
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._holders: Counter[int] = Counter()
        self._now, self.peak = 0, 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        found = func(*args, **(kwargs or {}))
        given = {_place(one) for one in pytree.tree_leaves((args, kwargs)) if _is_plain(one)}
        for one in pytree.tree_leaves(found):
            # A view of what was there before takes no memory of its own.
            if _is_plain(one) and (_place(one) in self._holders or _place(one) not in given):
                self._hold(one)
        return found

    def _hold(self, tensor: Tensor) -> None:
        place, size = _place(tensor), tensor.untyped_storage().nbytes()
        if not self._holders[place]:
            self._now += size
            self.peak = max(self.peak, self._now)
        self._holders[place] += 1
        weakref.finalize(tensor, self._drop, place, size)

    def _drop(self, place: int, size: int) -> None:
        self._holders[place] -= 1
        if not self._holders[place]:
            del self._holders[place]
            self._now -= size


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.device.type != "meta"


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
