"""What is wrong with a loss is told in one line with its player and the cure, before training."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep_models.game import Noise
from toy_games import Number, Toy, sgd, toy_pack

MISTAKES = {
    "no metrics": (
        lambda nets, batch, noise, hyper: nets["x"]().sum(),
        "the loss of player 'x' returns a Tensor: return `loss, metrics`, with {} for none.",
    ),
    "no scalar": (
        lambda nets, batch, noise, hyper: (nets["x"]() * batch["x"], {}),
        "the loss of player 'x' has shape [8, 2]: take its mean, it must be a scalar.",
    ),
    "a number": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum(), {"m": 0.5}),
        "metric 'm' of player 'x' is a float: give a tensor, for a number of Python would be the "
        "same in every step.",
    ),
    "a metric that is no scalar": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum(), {"m": batch["x"]}),
        "metric 'm' of player 'x' has shape [8, 2]: take its mean, it must be a scalar.",
    ),
    "metrics in a list": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum(), [nets["x"]().sum()]),
        "the loss of player 'x' returns a list for its metrics: return `loss, metrics`, with {} "
        "for none.",
    ),
    "a metric that is true or false": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum(), {"m": nets["x"]().sum() > 0}),
        "metric 'm' of player 'x' is of torch.bool, and must be a real number: take .float().",
    ),
    "another network": (
        lambda nets, batch, noise, hyper: (nets["critic"]().sum(), {}),
        "player 'x' asks for network 'critic', but there is x: name it as in the game's `players`.",
    ),
    "another column": (
        lambda nets, batch, noise, hyper: (batch["caption"].sum(), {}),
        "player 'x' asks for column 'caption', but there is x, y: the data set has no such column.",
    ),
    "noise that is not declared": (
        lambda nets, batch, noise, hyper: (noise["z"].sum(), {}),
        "player 'x' asks for noise 'z', but there is none: declare it in the game's `noise`.",
    ),
    "a hyperparameter that is fixed": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum() * hyper["batch_size"], {}),
        "player 'x' asks for hyper 'batch_size', but there is learning_rate, beta1, beta2, "
        "critic_iterations, progress, spent: only numbers of the configuration that are not "
        "`fixed` are in `hyper`.",
    ),
    "a constant": (
        lambda nets, batch, noise, hyper: (batch["x"].sum(), {}),
        "the loss of player 'x' does not depend on its own parameters: use nets, and detach less.",
    ),
    "a complex number": (
        lambda nets, batch, noise, hyper: (nets["x"]().sum() * 1j, {}),
        "the loss of player 'x' is of torch.complex64, and must be real: take its norm or mean.",
    ),
    "another part": (
        lambda nets, batch, noise, hyper: (nets["x"].decodr().sum(), {}),
        "player 'x' has no part 'decodr': it has value.",
    ),
    "a mode": (
        lambda nets, batch, noise, hyper: (nets["x"].eval()().sum(), {}),
        "player 'x': .eval acts on no lane's weights: leave it out: the engine sets modes, and "
        "parameters have names.",
    ),
}


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_each_mistake_has_one_line(factory: Any, mistake: str, width: int) -> None:
    loss, message = MISTAKES[mistake]
    for trace in (False, True):
        pack = toy_pack(lambda c: Toy({"x": sgd(Number)}, lambda player, *given: loss(*given)),
                        factory.points, width=width, trace=trace)  # fmt: skip
        before = pack.stacks["x"].flat.clone()
        with pytest.raises(UserError) as error:
            pack.run(1)
        assert str(error.value) == message
        assert torch.equal(pack.stacks["x"].flat, before)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda nets, noise, hyper: noise["q"], "`sample` asks for noise 'q', but there is z: "),
        (lambda nets, noise, hyper: nets["y"](), "`sample` asks for network 'y', but there is x: "),
        (lambda nets, noise, hyper: hyper["psi"], "`sample` asks for hyper 'psi', but there is "),
    ],
    ids=["noise", "network", "hyper"],
)
@pytest.mark.parametrize("width", [1, 2])
def test_what_a_sample_asks_for_in_vain_is_named(
    factory: Any, asked: Any, message: str, width: int
) -> None:
    def game(config: Any) -> Toy:
        made = Toy({"x": sgd(Number)}, lambda player, nets, *rest: (nets["x"]().sum(), {}))
        made.sample_noise = lambda count: {"z": Noise((count, 2))}  # type: ignore[method-assign]
        made.sample = asked  # type: ignore[method-assign]
        return made

    pack = toy_pack(game, factory.points, width=width)
    with pytest.raises(UserError) as error:
        pack.sample(2)
    assert str(error.value).startswith(message)
