"""Checks what a game is made of before any training: methods, players and noise are as declared."""

from collections.abc import Iterator, Mapping
from typing import Any

from gensweep.errors import UserError
from gensweep.game import Noise
from gensweep.lanes._check_config import is_whole
from gensweep.lanes._padded_latent import latent_fields
from gensweep.space import with_scope

FIELDS = ("build", "optimizer", "turns")
"""Some that nothing but a player has."""


def check_game_parts(game: Any, config: Any, model_name: str) -> None:
    """Raise `UserError`, one line, for the first part of `game` that is not what it must be.

    `config` is the configuration that the game was built of.
    """
    for wrong in (*_methods(game), *_players(game), *_noise(game, config)):
        raise UserError(f"{model_name}: {wrong}")


def _methods(game: Any) -> Iterator[str]:
    if not callable(getattr(game, "loss", None)):
        yield "the game has no method 'loss': write one, as gensweep.game.Game says."


def _players(game: Any) -> Iterator[str]:
    players = getattr(game, "players", None)
    if not isinstance(players, Mapping) or not players:
        yield f"`players` is {players!r}: make it a dict of Player by name, at least one."
        return
    for name, player in players.items():
        if not isinstance(name, str):
            yield f"player {name!r}: a name is a string: rename it."
        elif not all(hasattr(player, field) for field in FIELDS):
            yield f"player {name!r} is a {type(player).__name__}: make it a Player."
        elif not callable(player.build):
            yield f"player {name!r}: build={player.build!r} is to be called: give a function."
        elif player.decays is not None and not callable(player.decays):
            yield f"player {name!r}: decays={player.decays!r} is no function of a name: give one."


def _noise(game: Any, config: Any) -> Iterator[str]:
    declared = getattr(game, "noise", None)
    if not isinstance(declared, Mapping):
        yield f"`noise` is {declared!r}: make it a dict by player, of a dict of Noise by name."
        return
    for player, named in declared.items():
        if player not in game.players:
            yield (f"noise is declared for {player!r}, which is no player: choose from "
                   f"{', '.join(game.players)}.")  # fmt: skip
        elif not isinstance(named, Mapping):
            yield f"the noise of player {player!r} is {named!r}: make it a dict of Noise by name."
        else:
            yield from _named(f"player {player!r}", named, config)
    if callable(getattr(game, "sample_noise", None)):
        yield from _named("`sample`", game.sample_noise(1), config)


def _named(whose: str, noise: Mapping[str, Noise], config: Any) -> Iterator[str]:
    for name, one in noise.items():
        shape: Any = getattr(one, "shape", None)
        if not isinstance(shape, tuple) or not all(is_whole(n) and n > 0 for n in shape):
            yield f"noise {name!r} of {whose} has shape={shape!r}: give whole numbers from 1."
            return
    sizes = {n: v for n, v in with_scope(config, "latent", "fixed").items() if is_whole(v)}
    for name, field in latent_fields(noise).items():
        said = f"noise {name!r} of {whose} has latent={field!r}"
        last = noise[name].shape[-1:]
        if field not in sizes:
            known = ", ".join(with_scope(config, "latent")) or "the configuration has none"
            yield f"{said}, which is no latent field: {known}."
        elif last != (sizes[field],):
            yield f"{said}, but its last size is {last[0] if last else None}, not {sizes[field]}."
