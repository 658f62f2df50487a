"""The law of the optional capabilities: likelihoods, scores, codes, reconstructions.

B batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import Noise
from gensweep.game_capabilities import SAMPLE_METHODS, capabilities, capability_noise, noise_method
from gensweep.lanes import Pack
from gensweep.testing._calls import method_name, named, named_errors, one_line, unwritten
from gensweep.testing._case import Case
from gensweep.testing._python_state import check_repeatable, modules_of
from gensweep.testing._sample_capability_laws import check_of_samples
from gensweep.testing._sampling_laws import given_examples
from gensweep.testing._score_laws import check_score_names, check_summaries

EXAMPLES = 4
"""Examples that a capability is called for."""
CODES = ("encode", "invert")
"""What may return whole numbers, and in any shape that begins with the batch."""
OF_IMAGES = ("inpaint", "shrink")
"""What only images are given to."""
ALONE = ("log_prob", "scores", "reconstruct", "shrink", "denoise", "inpaint", "critic_values",
         *SAMPLE_METHODS)  # fmt: skip
"""What may not depend on the other examples of a batch."""
FARTHEST = 1e-3
"""Largest difference, relative to the largest number, that rounding explains."""

TRAIT = "trait "
"""Before the name of what `scores` returns for `summarise`, which may have any shape."""

Columns = Mapping[str, Tensor]


def capabilities_are_sound(case: Case) -> None:
    """every optional capability takes examples and gives what its name says, of each alone"""
    pack = case.pack(2)
    batch = case.data.gather(torch.arange(EXAMPLES))
    if "scores" in capabilities(pack.game):
        check_score_names(pack)
    image = len(case.data.shape) == 3
    offered = [n for n in capabilities(pack.game) if image or n not in OF_IMAGES]
    for name in offered:
        noise = _declared(pack.game, name)
        drawn = pack.draw_noise(name, noise)
        found = _first_call(pack, name, batch, drawn)
        if name in SAMPLE_METHODS:
            given = given_examples(pack, batch)
            check_of_samples(pack, name, EXAMPLES, drawn, given, found)
        for told, values in _results(pack, name, found):
            due = values.shape[1:] if name in SAMPLE_METHODS else _due(name, batch["x"], values)
            trait = list(values.shape[2:]) if told.startswith(TRAIT) else []
            _check_values(told, values, [*due, *trait], whole=name in CODES)
        if name == "inpaint":
            _check_known_pixels(batch["x"], found)
        if name in ALONE:
            _check_alone(pack, name, batch, _cut(name, noise, drawn), found)
        if name == "scores" and hasattr(pack.game, "summarise"):
            check_summaries(pack.game, found)


def _declared(game: Any, name: str) -> Mapping[str, Noise]:
    """Return the noise that a capability declares; `UserError` if its declaration fails."""
    method = noise_method(game, name)
    numbers = "batch, samples" if name == "log_prob" else "batch"
    with named_errors(method_name(game, method), f"it is called as {method}({numbers})"):
        return capability_noise(game, name, EXAMPLES, samples=2)


def _first_call(pack: Pack, name: str, batch: Columns, drawn: Columns) -> Any:
    """Call it for all lanes; `UserError` if it keeps something in Python or writes to inputs."""
    with unwritten(f"`{name}`", named("batch", batch)):
        call = lambda: _call(pack, name, batch, drawn)  # noqa: E731
        return check_repeatable(pack.game, name, call, modules_of(pack))


def _call(pack: Pack, name: str, batch: Columns, drawn: Columns) -> Any:
    x = batch["x"]
    inputs: dict[str, tuple[Any, ...]] = {
        "scores": (batch,),
        "interpolate": (x, x.flip(0), torch.tensor([0.0, 1.0])),
        "inpaint": (x * _mask(x), _mask(x)),
        **dict.fromkeys(SAMPLE_METHODS, ()),
    }
    given = given_examples(pack, batch)
    with one_line(pack.game, name):
        return pack.call_with(name, drawn, *inputs.get(name, (x,)), given=given)


def _mask(x: Tensor) -> Tensor:
    """Make a mask [B, 1, H, W] of which the left half is known."""
    mask = torch.zeros_like(x[:, :1])
    mask[..., : x.shape[-1] // 2] = 1
    return mask


def _check_known_pixels(x: Tensor, found: Tensor) -> None:
    mask = _mask(x)
    if not torch.equal(found * mask, (x * mask).expand_as(found)):
        raise UserError(
            "`inpaint` changes pixels that are known: return torch.where(mask > 0, x, filled)."
        )


def _results(pack: Pack, name: str, found: Any) -> list[tuple[str, Any]]:
    """List what a capability returned, by its name in errors."""
    if name != "scores":
        return [(f"`{name}`", found)]
    scores, traits = (getattr(pack.game, f"{kind}_names", ()) for kind in ("score", "trait"))
    names = sorted((*scores, *traits))
    if not isinstance(found, Mapping) or sorted(map(str, found)) != names:
        got = sorted(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
        named = "`score_names` and `trait_names`" if traits else "`score_names`"
        raise UserError(f"`scores` returns {got}: its {named} are {names}.")
    return [
        (f"{TRAIT if name in traits else 'score '}{name!r}", values)
        for name, values in found.items()
    ]


def _due(name: str, x: Tensor, found: Any) -> list[int]:
    """Return the shape of a capability's results for examples `x`; of codes, how it begins.

    Small images may have any sides that divide those of `x`, as `found` says.
    """
    if name == "shrink" and isinstance(found, Tensor) and found.ndim == x.ndim + 1:
        sides = zip(x.shape[2:], found.shape[3:], strict=True)
        return [*x.shape[:2], *(s if s and not side % s else side for side, s in sides)]
    whole = {kind: list(x.shape) for kind in ("reconstruct", "shrink", "denoise", "inpaint")}
    due = {**whole, "interpolate": [2, *x.shape]}
    return due.get(name, [len(x)])


def _check_values(told: str, values: Any, due: Sequence[int], *, whole: bool) -> None:
    """`UserError` unless `values` are a tensor [lanes, *due] of finite numbers; `whole`: codes."""
    if not isinstance(values, Tensor):
        raise UserError(f"{told} returns a {type(values).__name__}: return a tensor.")
    got = list(values.shape[1:])
    if whole and (got[: len(due)] != due or len(got) == len(due)):
        raise UserError(
            f"{told} returns {got}: codes are [{due[0]}, ...], with a dimension or more for each "
            "example's own."
        )
    if not whole and got != due:
        raise UserError(f"{told} returns {got}: {due} is due.")
    if not values.is_floating_point() and not whole:
        raise UserError(f"{told} returns {values.dtype}: return floating-point numbers.")
    if not bool(values.isfinite().all()):
        raise UserError(f"{told} of untrained networks is not finite: bound what they feed.")


def _cut(name: str, noise: Mapping[str, Noise], drawn: Columns) -> dict[str, Tensor]:
    """Take the first example's part of the noise of `EXAMPLES`."""
    cut = dict(drawn)
    for key, one in noise.items():
        if getattr(one, "per", "example") == "example":
            if tuple(one.shape)[:1] != (EXAMPLES,):
                raise UserError(
                    f"noise {key!r} of `{name}` has shape {list(one.shape)} for {EXAMPLES} "
                    f"examples: begin with these, or say per='lane'."
                )
            cut[key] = drawn[key][:, :1]
    return cut


def _check_alone(pack: Pack, name: str, batch: Columns, drawn: Columns, found: Any) -> None:
    """`UserError` if the first example's result depends on the rest of the batch."""
    alone = _call(pack, name, {n: column[:1] for n, column in batch.items()}, drawn)
    results = zip(_results(pack, name, found), _results(pack, name, alone), strict=True)
    for (told, among), (_, own) in results:
        first = among[:, :1]
        gap = float((first - own).abs().max()) if first.shape == own.shape else float("inf")
        if gap > FARTHEST * max(1.0, float(first.abs().max())):
            raise UserError(
                f"{told} of an example depends on the others of its batch: take no mean, sum or "
                "statistic over the first dimension."
            )
