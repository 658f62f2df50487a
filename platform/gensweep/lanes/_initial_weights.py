"""Makes the networks that a trial begins with: fresh ones, or with weights from a file."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import nn
from torch.nn.parameter import is_lazy

from gensweep.errors import UserError
from gensweep.game import Game, Player

Shapes = dict[str, tuple[int, ...]]


def initial_network(player: Player, where: str) -> nn.Module:
    """Build a player's network with its initial weights; `where` names it in errors.

    Fresh weights are drawn in any case: other players' must not depend on whether there is a file.
    """
    module = player.build()
    if player.weights is not None:
        from safetensors.torch import load_file

        _check_file(player.weights, module, where)
        module.load_state_dict(load_file(player.weights))
    return module


def check_initial_weights(game: Game, modules: Mapping[str, nn.Module], model_name: str) -> None:
    """Raise `UserError` unless files and other players have weights that fit where they shall go.

    `modules` are the players' networks by name, of any weights, on any device.
    """
    for name, player in game.players.items():
        where = f"{model_name}: player {name!r}"
        check_network(player, modules[name], where)
        if player.weights is not None:
            _check_file(player.weights, modules[name], where)
        check_copy(player, modules[name], modules, where)


def weight_hashes(games: Iterable[Game]) -> dict[str, str]:
    """Return the sha256 of each file that a player of the games has its first weights from."""
    files = {player.weights for game in games for player in game.players.values()} - {None}
    return {str(file): _hash_of(str(file)) for file in files}


def _hash_of(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_network(player: Player, module: nn.Module, where: str) -> None:
    """Raise `UserError` unless all parameters of a player that learns can be trained."""
    check_module(module, where)
    if player.frozen:
        return
    named = dict(module.named_parameters())
    if not named:
        raise UserError(f"{where}: its network has no parameters: say frozen=True.")
    for name, parameter in named.items():
        if not parameter.requires_grad or not parameter.is_floating_point():
            cure = "make it a buffer, or part of a player of its own that is frozen."
            raise UserError(f"{where}: parameter {name!r} is not to be trained: {cure}")


def check_module(module: object, where: str) -> None:
    """Raise `UserError` unless a player built a network whose sizes are all known."""
    if not isinstance(module, nn.Module):
        raise UserError(f"{where}: its `build` returns a {type(module).__name__}: return a module "
                        "of torch.nn.")  # fmt: skip
    if lazy := [name for name, one in module.state_dict().items() if is_lazy(one)]:
        raise UserError(f"{where}: its network has the lazy {lazy[0]!r}, whose size only a first "
                        "call tells: give the layer its input's size.")  # fmt: skip


def check_copy(
    player: Player, module: nn.Module, modules: Mapping[str, nn.Module], where: str
) -> None:
    """Raise `UserError` unless the player that this one copies has the like network."""
    if player.copy_of is not None:
        source = f"copy_of={player.copy_of!r}"
        _compare(shapes_of(module), shapes_of(modules[player.copy_of]), where, source)


def shapes_of(module: nn.Module) -> Shapes:
    """Return the shapes of all that a network's state dict has, by name."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _check_file(path: str, module: nn.Module, where: str) -> None:
    _compare(shapes_of(module), _file_shapes(path, where), where, f"weights={path!r}")


def _file_shapes(path: str, where: str) -> Shapes:
    """Read the shapes in a safetensors file, whose tensors stay unread."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise UserError(f"{where}: weights={path!r} is no file: give a path that every worker has.")
    try:
        with safe_open(path, "pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        cure = "write it by safetensors.torch.save_file(network.state_dict(), path)."
        raise UserError(f"{where}: weights={path!r} cannot be read ({error}): {cure}") from error


def _compare(wanted: Shapes, given: Shapes, where: str, source: str) -> None:
    """Raise `UserError` that names the first tensor by which the two differ."""
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            mine, theirs = _words(wanted.get(name)), _words(given.get(name))
            raise UserError(
                f"{where}: {source} does not fit the network, in which {name!r} is {mine}, "
                f"and there {theirs}: build the network that was trained."
            )


def _words(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else f"of shape {shape}"
