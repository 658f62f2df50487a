"""Words the mistakes of one call of a game's method: what it raises, and what it writes into."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor

from gensweep.errors import UserError
from gensweep.frames import user_line
from gensweep.game_capabilities import SAMPLE_METHODS

ARGUMENTS = {
    "loss": "player, nets, batch, noise, hyper",
    "sample": "nets, noise, hyper",
    "sample_step": "nets, state, step, noise, hyper",
    "scores": "nets, batch, noise, hyper",
    "summarise": "traits",
    "interpolate": "nets, x, end, fractions, noise, hyper",
    "inpaint": "nets, x, mask, noise, hyper",
    "synthesise": "nets, styles, noise, hyper",
    **dict.fromkeys(SAMPLE_METHODS, "nets, noise, hyper"),
}
"""What a method is called with; other capabilities with `nets, x, noise, hyper`."""
KNOWN = {
    "must only return Tensors": "returns something that is no tensor: return tensors",
    "that doesn't have storage": "hands a tensor to numpy or to Python: compute with tensors, and "
    "return tensors",
    **dict.fromkeys(
        ("Batching rule not implemented", "vmap: we do not yet support"),
        "calls what torch does not compute for several trials at once: take another operation, or "
        "write it of simpler ones",
    ),
    "accessing `data`": "takes `.data` of a tensor: compute with the tensor, or with .detach()",
}
"""A part of what torch says to what it says of a game."""


@contextmanager
def one_line(game: object, method: str, player: str | None = None) -> Iterator[None]:
    """Turn whatever `game.method` raises within into a `UserError` of one line."""
    arguments = ARGUMENTS.get(method, "nets, x, noise, hyper")
    given = ", given" if getattr(game, "given", ()) and method not in ("loss", "summarise") else ""
    call = f"it is called as {method}({arguments}{given}) for one trial"
    with named_errors(method_name(game, method, player), call):
        yield


def method_name(game: object, method: str, player: str | None = None) -> str:
    """Name a method in an error: `Gan.loss of player 'critic'`."""
    return f"{type(game).__name__}.{method}" + (f" of player {player!r}" if player else "")


@contextmanager
def named_errors(what: str, hint: str) -> Iterator[None]:
    """Turn an error into a `UserError` that begins with `what` and ends with `hint`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        words = str(error).partition("\n")[0].rstrip(".:")
        line = user_line(error)
        at = f" at {line}" if line else ""
        for part, meaning in KNOWN.items():
            if part in words:
                mistake, _, cure = meaning.partition(": ")
                raise UserError(f"{what} {mistake}{at}: {cure}.") from error
        raise UserError(f"{what} raises {type(error).__name__} ({words}){at}: {hint}.") from error


@contextmanager
def unwritten(what: str, inputs: Mapping[str, Tensor]) -> Iterator[None]:
    """Raise `UserError` if `what` writes to one of its `inputs`, which others read after it."""
    before = {name: tensor._version for name, tensor in inputs.items()}
    try:
        yield
    finally:  # for what fails may fail because of it
        for name, tensor in inputs.items():
            if tensor._version != before[name]:
                raise UserError(
                    f"{what} writes to {name} in place, which others read too: make a new tensor, "
                    "`x * 2` in the place of `x.mul_(2)`."
                )


def named(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name tensors as a game does: `batch['x']`."""
    return {f"{kind}[{name!r}]": tensor for name, tensor in tensors.items()}
