"""What samples are conditioned on: the columns that a game is `given`, for every lane."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import Game
from gensweep.lanes._generators import generator

LABEL = "y"


class Conditions:
    """The last argument of a call: nothing, or columns `[count, ...]` by the names in `given`.

    `UserError` if the game is given a column that is not there.
    """

    def __init__(
        self, game: Game, given: Mapping[str, Tensor] | None, data: Any, device: torch.device,
        model_name: str,
    ):  # fmt: skip
        names = getattr(game, "given", ())
        if missing := [name for name in names if name not in (given or {})]:
            raise UserError(f"{model_name} is conditioned on {missing[0]!r}: give it.")
        self._columns = {name: (given or {})[name].to(device) for name in names}
        self._data = data

    def repeated(self, lanes: int) -> tuple[dict[str, Tensor], ...]:
        """Return the columns for so many lanes, [L, count, ...], as the last arguments of a call.

        Empty: there are none.
        """
        found = {name: torch.stack([one] * lanes) for name, one in self._columns.items()}
        return (found,) if found else ()

    def drawn(self, count: int, seed: int) -> tuple[dict[str, Tensor], ...]:
        """Return `count` conditions of one lane, [1, count, ...], drawn at random by `seed`.

        Classes alone are drawn by their shares in the data; other columns, and classes with them
        as they belong together, from the rows that are there.
        """
        if not self._columns:
            return ()
        first = next(iter(self._columns.values()))
        if list(self._columns) == [LABEL]:
            labels = draw_classes(self._data, count, seed)
            return ({LABEL: labels[None].to(first.device)},)
        rows = torch.randint(len(first), (count,), generator=generator(seed, "rows"))
        return ({n: one[rows.to(one.device)][None] for n, one in self._columns.items()},)


def draw_classes(data: Any, count: int, seed: int) -> Tensor:
    """Draw classes `[count]` by their shares in `data`, or evenly where it tells none."""
    shares = torch.tensor(getattr(data, "class_shares", ()) or [1.0] * data.classes)
    source = generator(seed, "classes")
    return torch.multinomial(shares, count, replacement=True, generator=source)
