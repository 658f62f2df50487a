"""Groups lanes by what a game reads from its configuration when it samples.

A number of steps or the name of a sampler shapes the computation, so that lanes which differ in it
cannot be sampled as one. They train as one all the same.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gensweep.errors import UserError
from gensweep.game import DataShape, Game, Model
from gensweep.sampling_fields import choices, sampling_fields

Choices = tuple[tuple[str, Any], ...]


class SamplingGames:
    """The games of a pack's configuration with other choices of sampling; each is built once."""

    def __init__(self, model: Model, config: Any, data: DataShape, game: Game) -> None:
        self._model, self._config, self._data = model, config, data
        self._fields = {field.name: field for field in sampling_fields(config)}
        self._games: dict[Choices, Game] = {_key(config, {}): game}

    def groups(
        self, configs: Sequence[Any], changes: Mapping[str, Any]
    ) -> list[tuple[Game, list[int]]]:
        """Return the game of each group of lanes, and their places in `configs`.

        `changes` are values that all lanes have in the place of their own.
        """
        places: dict[Choices, list[int]] = {}
        for place, config in enumerate(configs):
            places.setdefault(_key(config, changes), []).append(place)
        return [(self._game(key), group) for key, group in places.items()]

    def real(self, changes: Mapping[str, Any]) -> dict[str, float]:
        """The `changes` that `sample` reads from `hyper`; `UserError` for an unknown name."""
        for name in changes:
            if name not in self._fields:
                known = ", ".join(self._fields) or "none"
                raise UserError(f"{name!r} is no sampling hyperparameter of {self._model.name}: "
                                f"choose from {known}.")  # fmt: skip
        return {name: float(v) for name, v in changes.items() if self._fields[name].is_real}

    def _game(self, key: Choices) -> Game:
        if key not in self._games:
            config = dataclasses.replace(self._config, **dict(key))
            self._games[key] = self._model.game(config, self._data)
        return self._games[key]


def _key(config: Any, changes: Mapping[str, Any]) -> Choices:
    return tuple(choices(config, changes).items())
