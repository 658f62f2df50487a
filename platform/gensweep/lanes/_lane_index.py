"""Some of a pack's lanes: taken out of tensors with all lanes in front, and put back.

L lanes, of which K are taken.
"""

from collections.abc import Hashable
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

LaneIndex = Tensor | slice
"""Some of the lanes: a slice of the first ones, which gives views, or any, which gives copies."""
ALL = slice(None)


def size_of(index: LaneIndex) -> Hashable:
    """Name what a graph is bound to: the number of lanes, and whether they are the first."""
    return index.stop if isinstance(index, slice) else f"any {len(index)}"


def select(tree: Any, index: LaneIndex) -> Any:
    """Select the lanes `index`: views of them if they are the first ones, or else copies."""
    return pytree.tree_map(lambda t: t[index] if isinstance(t, Tensor) else t, tree)


def write_back(tree: Any, index: LaneIndex, rows: Any) -> None:
    """Write back what `select` copied; views need no write."""
    if isinstance(index, Tensor):
        for room, new in zip(pytree.tree_leaves(tree), pytree.tree_leaves(rows), strict=True):
            if isinstance(room, Tensor):
                room[index] = new


def scatter(tree: Any, index: LaneIndex, lanes: int) -> Any:
    """Put values [K] in their places among all lanes [L]; the others are zero."""

    def spread(values: Tensor) -> Tensor:
        if len(values) == lanes:
            return values
        room = values.new_zeros(lanes)
        room[index] = values
        return room

    return pytree.tree_map(spread, tree)
