"""What a loss, an optimiser or a schedule may not do is named, each by a game that does it."""

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep_models.game import Noise, Optimizer, Player
from toy_games import CountingNumber, Number, Toy, ToyConfig, broken_laws, own_number, sgd

Loss = Callable[..., Any]
NOISE = {"x": {"z": Noise((8, 2))}}


def toy(loss: Loss = own_number, **options: Any) -> Callable[[Any, Any], Toy]:
    return lambda config, data: Toy({"x": Player(Number, "sgd", **options)}, loss, NOISE)


def _doubled(kind: str) -> Loss:
    """A loss that doubles one of its inputs in place."""

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        inputs = {"batch": batch.get("x"), "noise": noise.get("z"), "hyper": hyper["progress"],
                  "weights": nets["x"].value.detach()}  # fmt: skip
        return nets["x"]().square().sum() + 0 * inputs[kind].mul_(2).sum(), {}

    return loss


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("batch", "batch['x']"),
        ("noise", "noise['z']"),
        ("hyper", "hyper['progress']"),
        ("weights", "the weights of nets['x']"),
    ],
)
def test_an_input_that_a_loss_writes_to_is_named(kind: str, name: str) -> None:
    assert broken_laws(toy(_doubled(kind)), laws=["loss"])["loss"] == (
        f"mine: Toy.loss of player 'x' writes to {name} in place, which others read too: make a "
        "new tensor, `x * 2` in the place of `x.mul_(2)`."
    )


class CountsInClass(Toy):
    calls = 0

    def loss(self, player: str, nets: Any, *args: Any) -> Any:
        type(self).calls += 1
        return own_number(player, nets)


def test_a_counter_of_the_class_or_of_a_network_is_named() -> None:
    found = broken_laws(lambda *_: CountsInClass({"x": sgd(Number)}, None), laws=["loss"])
    assert "mine: CountsInClass.loss changes self.calls from " in found["loss"]
    found = broken_laws(lambda *_: Toy({"x": sgd(CountingNumber)}, own_number), laws=["loss"])
    assert "mine: Toy.loss changes nets['x'].calls from 2 to 3: calls are " in found["loss"]


def _metric(name: Any) -> Loss:
    return lambda player, nets, *a: (nets[player]().square().sum(), {name: nets[player]().sum()})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gap", "'y' reports a metric 'gap', a name that 'x' has already: rename it in"),
        ("x_loss", "'x' reports a metric 'x_loss', a name that 'x' has already: rename it in"),
        (1, "the loss of player 'x' names a metric 1: call it by a string of up to 200"),
        ("../gap", "the loss of player 'x' names a metric '../gap': call it by a string of up to"),
        ("g" * 201, f"the loss of player 'x' names a metric '{'g' * 201}': call it by a string of"),
        ("coverage", "the loss of player 'x' names a metric 'coverage', which evaluations measure"),
        ("nll", "the loss of player 'x' names a metric 'nll', which evaluations measure: take"),
        ("gap\n", "the loss of player 'x' names a metric 'gap\\n': call it by a string of"),
    ],
)
def test_a_name_that_no_metric_may_have_is_named(name: Any, message: str) -> None:
    players = {"x": sgd(Number), "y": sgd(Number)}
    found = broken_laws(lambda *_: Toy(players, _metric(name)), laws=["loss"])
    assert found["loss"].startswith(f"mine: {message}")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            lambda player, nets, batch, *args: (batch["x"].mean(), {}),
            "the loss of player 'x' does not depend on its own parameters: use nets, and detach le",
        ),
        (
            lambda player, nets, *args: (nets["x"].value.data.sum(), {}),
            "Toy.loss of player 'x' takes `.data` of a tensor at test_testing_training.py, line",
        ),
        (
            lambda player, nets, *args: (nets["x"]().sum(), {"m": nets["x"]().detach().numpy()}),
            "Toy.loss of player 'x' hands a tensor to numpy or to Python at test_testing_training",
        ),
        (
            lambda player, nets: (nets[player]().sum(), {}),
            "it is called as loss(player, nets, batch, noise, hyper) for one trial.",
        ),
    ],
)
def test_a_loss_that_fails_is_told_in_the_words_of_games(loss: Loss, message: str) -> None:
    assert message in broken_laws(toy(loss), laws=["loss"])["loss"]


def _mean_of_lanes(params: Tensor, grad: Tensor, state: Any, scalars: Any) -> Any:
    return params - scalars["learning_rate"] * grad.mean(0), {}


def _some_lanes(params: Tensor, grad: Tensor, state: Any, scalars: Any) -> Any:
    return (params - grad if grad.sum() > 0 else params), {}


def _number_of_python(params: Tensor, grad: Tensor, state: Any, scalars: Any) -> Any:
    return params * torch.tensor(params.tolist()), {}


def _in_place(params: Tensor, grad: Tensor, state: Any, scalars: Any) -> Any:
    return params.sub_(grad), {}


MIXES = "mixes lanes, which are trials of their own: take no mean, sum or maximum over the first"
RULES = [
    (_mean_of_lanes, MIXES),
    (_some_lanes, "shows Python the value of a tensor by `__bool__`: choose by torch.where"),
    (_number_of_python, "depends on tensors in a way that its trace does not show, as by `tolist`"),
    (_in_place, "writes to params in place"),
]


@pytest.mark.parametrize(("step", "message"), RULES)
def test_an_optimiser_that_cannot_be_traced_or_mixes_lanes_is_named(
    step: Any, message: str
) -> None:
    own = Optimizer("mean", (), ("learning_rate",), step)
    game = lambda *_: Toy({"x": Player(Number, own)}, own_number)  # noqa: E731
    found = broken_laws(game, laws=["loss", "lanes"])
    assert found["loss"].startswith(f"mine: player 'x': optimizer 'mean' {message}")
    if message == MIXES:
        assert found["lanes"] == found["loss"]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda progress: progress / progress.max(), MIXES),
        (torch.rand_like, "draws random numbers by `rand_like`"),
        (lambda progress: torch.tensor(progress.tolist()), "depends on tensors in a way that"),
    ],
)
def test_a_schedule_that_cannot_be_traced_or_mixes_lanes_is_named(
    schedule: Any, message: str
) -> None:
    found = broken_laws(toy(schedule=schedule), laws=["loss"])
    assert found["loss"].startswith(f"mine: player 'x': schedule {message}")


def test_rules_of_ones_own_without_fault_are_kept() -> None:
    def step(params: Tensor, grad: Tensor, state: Any, scalars: Any) -> Any:
        mean = torch.lerp(grad, state["mean"], scalars["momentum"])
        return params - scalars["learning_rate"] * torch.where(mean > 0, mean, grad), {"mean": mean}

    own = Optimizer("own", ("mean",), ("learning_rate", "momentum"), step)
    player = Player(Number, own, schedule=lambda progress: 1 - progress.square())
    assert broken_laws(lambda *_: Toy({"x": player}, own_number)) == {}


class MeanGradient(torch.autograd.Function):
    """Returns its input; under vmap each trial's gradient is the mean over trials."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad.mean(0, keepdim=True).expand_as(grad)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Tensor) -> Any:
        return MeanGradient.apply(x), 0


def test_a_gradient_that_mixes_trials_is_found_beside_another_trial() -> None:
    """Losses are those of the trial alone: only what is learned tells."""

    def loss(player: str, nets: Any, batch: Any, *args: Any) -> Any:
        return (MeanGradient.apply(nets["x"]()) * batch["x"].mean()).square().sum(), {}

    assert broken_laws(toy(loss), laws=["loss", "purity", "lanes"]) == {
        "lanes": "mine: 'x/parameters' of a trial differs after 3 steps beside another trial: the "
        "gradient, the optimiser or the schedule mixes trials."
    }


@dataclasses.dataclass
class Drift:
    """A number outside the game that grows with every call: no law but these can see it."""

    value: float = 1.0

    def next(self) -> float:
        self.value += random.Random(self.value).random()
        return self.value


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("loss", "Toy.loss returns other numbers when it is called again with the same inputs"),
        (
            "purity",
            "two runs of one seed differ in 'x/parameters': draw random numbers as declared",
        ),
        ("lanes", "the loss mixes trials, or counts lanes."),
        ("checkpoint", "a stored trial goes on otherwise in 'x/parameters': keep all state in"),
    ],
)
def test_each_law_of_training_sees_state_that_no_attribute_shows(law: str, message: str) -> None:
    drift = Drift().next
    loss: Loss = lambda player, nets, *a: ((drift() * nets["x"]()).square().sum(), {})  # noqa: E731
    assert message in broken_laws(toy(loss), ToyConfig, laws=[law])[law]
