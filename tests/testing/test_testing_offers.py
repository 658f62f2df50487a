"""Samples and capabilities that will not do are named, each by a game that offers such."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.testing import RandomExamples
from gensweep_models.game import Noise
from toy_games import CountingNumber, Number, Toy, broken_laws, own_number, sgd

IMAGES = RandomExamples((1, 4, 4))


def broken(
    law: str, data: RandomExamples | None = None, net: type[Number] = Number, **members: Any
) -> str:
    """What the law says of a toy with other `members`; empty if it keeps it."""
    kind: Any = type("Mine", (Toy,), members)
    game = lambda *_: kind({"x": sgd(net)}, own_number)  # noqa: E731
    found = broken_laws(game, data=data, laws=[law])
    return found.get(law, "").removeprefix("mine: ")


def _pixels(count: int) -> dict[str, Noise]:
    return {"z": Noise((count, 1, 4, 4))}


class _MeanOfLanes(torch.autograd.Function):
    """Returns its input, but under vmap the mean over trials."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad

    @staticmethod
    def vmap(info: Any, dims: Any, x: Tensor) -> Any:
        return x.mean(0, keepdim=True).expand_as(x), 0


SAMPLES = {
    "centred": (
        lambda self, nets, noise, hyper: noise["z"] - noise["z"].mean(0),
        "samples of one trial depend on each other: 5 differ when they are drawn by 3. Let none",
    ),
    "double": (
        lambda self, nets, noise, hyper: noise["z"].double(),
        "`sample` returns torch.float64: examples are torch.float32.",
    ),
    "none": (
        lambda self, nets, noise, hyper: None,
        "Mine.sample returns something that is no tensor: return tensors.",
    ),
    "random": (
        lambda self, nets, noise, hyper: noise["z"] * random.random(),
        "Mine.sample returns other numbers when it is called again with the same inputs: let all",
    ),
    "state": (
        lambda self, nets, noise, hyper: (setattr(self, "drawn", noise["z"]), noise["z"])[1],
        "Mine.sample changes self.drawn from a tensor (5, 2) to a tensor (5, 2): calls are",
    ),
    "lanes": (
        lambda self, nets, noise, hyper: _MeanOfLanes.apply(noise["z"]),
        "samples of a lane differ from those of the same trial alone.",
    ),
}


@pytest.mark.parametrize(("sample", "message"), SAMPLES.values(), ids=SAMPLES)
def test_samples_that_no_evaluation_can_use_are_named(sample: Any, message: str) -> None:
    assert broken("samples", sample=sample).startswith(message)


def test_pixels_beyond_the_range_of_images_are_named() -> None:
    members: dict[str, Any] = {"sample_noise": lambda self, count: _pixels(count)}
    assert broken("samples", IMAGES, **members).endswith(
        "pixels are in [-1, 1], so end with .tanh(), or with .clamp(-1, 1)."
    )
    members["sample"] = lambda self, nets, noise, hyper: noise["z"].clamp(-1, 1)
    assert broken("samples", IMAGES, **members) == ""


def _stepped(steps: Any = 3, step: Any = None) -> dict[str, Any]:
    return {
        "sample_steps": steps,
        "sample_begin": lambda self, nets, noise, hyper: noise["z"],
        "sample_step": step or (lambda self, nets, state, step, noise, hyper: state / 2),
        "sample_end": lambda self, nets, state, hyper: state[:, :2],
    }


@pytest.mark.parametrize("steps", [0, 3.0, True, None])
def test_steps_that_are_no_whole_number_are_named(steps: Any) -> None:
    said = f"`sample_steps` is {steps!r}: it must be a whole number, 1 or more."
    assert broken("samples", **_stepped(steps)) == said


def test_images_of_a_sampler_that_checks_stop_early_may_be_beyond() -> None:
    members = _stepped(1000) | {
        "sample_noise": lambda self, count: _pixels(count),
        "sample_end": lambda self, nets, state, hyper: 9 * state,
    }
    assert broken("samples", IMAGES, **members) == ""
    assert "pixels are in [-1, 1]" in broken("samples", IMAGES, **members | {"sample_steps": 1})


def test_a_state_that_changes_its_shape_is_named() -> None:
    def wider(self: Any, nets: Any, state: Tensor, *args: Any) -> Tensor:
        return torch.cat([state, state], 1)

    assert broken("samples", **_stepped()) == ""
    assert broken("samples", **_stepped(step=wider)).startswith(
        "`sample_step` makes a state of [5, 4] float32 of one of [5, 2] float32: leave its shapes"
    )


def test_a_counter_in_a_step_is_named() -> None:
    def counts(self: Any, nets: Any, state: Tensor, *args: Any) -> Tensor:
        type(self).taken = getattr(self, "taken", 0) + 1
        return state

    assert "Mine.sample_step changes self.taken from 3 to 6: " in broken(
        "samples", **_stepped(step=counts)
    )


def _of(x: Any) -> Any:
    return lambda self, nets, given, noise, hyper: x(given)


CAPABILITIES = {
    "reconstruct/shape": (lambda x: x[:, 0], "`reconstruct` returns [4]: [4, 2] is due."),
    "reconstruct/longer": (
        lambda x: x[..., None],
        "`reconstruct` returns [4, 2, 1]: [4, 2] is due.",
    ),
    "reconstruct/tuple": (lambda x: (x, x), "`reconstruct` returns a tuple: return a tensor."),
    "reconstruct/whole": (
        lambda x: x.long(),
        "`reconstruct` returns torch.int64: return floating-point numbers.",
    ),
    "reconstruct/infinite": (
        lambda x: x / 0,
        "`reconstruct` of untrained networks is not finite: bound what they feed.",
    ),
    "reconstruct/centred": (
        lambda x: x - x.mean(0),
        "`reconstruct` of an example depends on the others of its batch: take no mean",
    ),
    "reconstruct/written": (
        lambda x: x.clamp_(-1e-3, 1e-3),
        "`reconstruct` writes to batch['x'] in place",
    ),
    "log_prob/shape": (lambda x: x, "`log_prob` returns [4, 2]: [4] is due."),
    "log_prob/mean": (
        lambda x: x.sum(1) / len(x),
        "`log_prob` of an example depends on the others of its batch",
    ),
    "encode/flat": (lambda x: x[:, 0], "`encode` returns [4]: codes are [4, ...], with a"),
    "invert/other": (lambda x: x[:2], "`invert` returns [2, 2]: codes are [4, ...], with a"),
    "encode/noise": (
        lambda x: {}["z"],
        "Mine.encode raises KeyError ('z') at test_testing_offers.py, line ",
    ),
}


@pytest.mark.parametrize("case", CAPABILITIES)
def test_capabilities_that_give_something_else_are_named(case: str) -> None:
    method, call, message = case.partition("/")[0], *CAPABILITIES[case]
    assert broken("capabilities", **{method: _of(call)}).startswith(message)


def test_interpolations_have_a_picture_for_each_fraction() -> None:
    def interpolate(self: Any, nets: Any, x: Tensor, end: Tensor, at: Tensor, *args: Any) -> Tensor:
        return torch.lerp(x, end, at.view(-1, 1, 1))

    assert broken("capabilities", interpolate=interpolate) == ""
    assert broken(
        "capabilities", interpolate=lambda self, nets, x, end, at, noise, hyper: x
    ) == ("`interpolate` returns [4, 2]: [2, 4, 2] is due.")  # fmt: skip


def test_a_counter_in_a_capability_is_named() -> None:
    def counts(self: Any, nets: Any, x: Tensor, *args: Any) -> Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        return x

    said = broken("capabilities", reconstruct=counts)
    assert said.startswith("Mine.reconstruct changes self.calls from 1 to 2: calls are replayed")


def test_a_counter_in_a_network_is_named_whatever_calls_it() -> None:
    sample = lambda self, nets, noise, hyper: noise["z"] * nets["x"]()  # noqa: E731
    reconstruct = lambda self, nets, x, noise, hyper: x * nets["x"]()  # noqa: E731
    said = broken("samples", net=CountingNumber, sample=sample)
    assert said.startswith("Mine.sample changes nets['x'].calls from 1 to 2: calls are")
    said = broken("capabilities", net=CountingNumber, reconstruct=reconstruct)
    assert said.startswith("Mine.reconstruct changes nets['x'].calls from 1 to 2: calls are")


def test_noise_that_does_not_begin_with_the_examples_is_named() -> None:
    members: dict[str, Any] = {
        "log_prob": _of(lambda x: x.sum(1)),
        "log_prob_noise": lambda self, batch, samples: {"z": Noise((samples, batch))},
    }
    said = "noise 'z' of `log_prob` has shape [2, 4] for 4 examples: begin with these, or say"
    assert broken("capabilities", **members).startswith(said)


def test_an_example_alone_has_its_own_noise_and_that_of_its_trial() -> None:
    def declared(self: Any, batch: int, samples: int) -> dict[str, Noise]:
        return {"z": Noise((batch, samples)), "shared": Noise((3,), per="lane")}

    def log_prob(self: Any, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        return x.sum(1) + noise["z"].mean(1) + noise["shared"].sum()

    assert broken("capabilities", log_prob=log_prob, log_prob_noise=declared) == ""


def test_a_declaration_of_noise_that_fails_is_named() -> None:
    members = {"encode": _of(lambda x: x), "encode_noise": lambda self: {}}
    said = broken("capabilities", **members)
    assert said.startswith("Mine.encode_noise raises TypeError (")
    assert said.endswith(": it is called as encode_noise(batch).")


def _scores(names: Any, call: Any = None) -> dict[str, Any]:
    def scores(self: Any, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return call(batch["x"]) if call else dict.fromkeys(names, batch["x"].sum(1))

    return {"score_names": names, "scores": scores}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("frechet",), "`score_names` has 'frechet', which is a metric of something else: take"),
        (("neutral_psnr",), "`score_names` has 'neutral_psnr', which is a metric of something"),
        (("x_loss",), "`score_names` has 'x_loss', which is a loss or another metric: take"),
        (("far\n",), "`score_names` has 'far\\n': take strings of letters, digits and _ . - /."),
        ((1,), "`score_names` has 1: take strings of letters, digits and _ . - /."),
        ((), "`score_names` is (): name each of `scores` in a tuple."),
        ("psnr", "`score_names` is 'psnr': name each of `scores` in a tuple."),
    ],
)
def test_names_that_no_score_may_have_are_named(names: Any, message: str) -> None:
    assert broken("capabilities", **_scores(names)).startswith(message)


def _summarised(**changed: Any) -> dict[str, Any]:
    def scores(self: Any, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return {"psnr": batch["x"].sum(1), "code": batch["x"]}

    def summarise(self: Any, traits: Any) -> Any:
        return {"spread": traits["code"].var()}

    names = {"score_names": ("psnr",), "trait_names": ("code",), "summary_names": ("spread",)}
    return {**names, "scores": scores, "summarise": summarise, **changed}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, ""),
        ({"summary_names": ()}, "`summary_names` is (): name each in a tuple."),
        ({"trait_names": "code"}, "`trait_names` is 'code': name each in a tuple."),
        ({"trait_names": ("other",)}, "`scores` returns ['code', 'psnr']: its `score_names` and"),
        ({"summary_names": ("psnr",)}, "`summary_names` has 'psnr', which is a loss or another"),
        ({"summary_names": ("far",)}, "`summarise` returns ['spread']: its `summary_names` are"),
        ({"summarise": lambda self, traits: {"spread": 1.0}}, "summary 'spread' is 1.0: return a"),
        ({"summarise": lambda self, traits: traits["b"]}, "Mine.summarise raises KeyError ('b')"),
        (
            {"summarise": lambda self, traits: {"spread": traits["code"].sum() / 0}},
            "summary 'spread' is tensor(",
        ),
    ],
)
def test_summaries_have_laws(changed: dict[str, Any], message: str) -> None:
    said = broken("capabilities", **_summarised(**changed))
    assert said.startswith(message)
    assert bool(said) is bool(message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: {"far": x.sum(1)}, "`scores` returns ['far']: its `score_names` are ['psnr']."),
        (lambda x: [x.sum(1)], "`scores` returns list: its `score_names` are ['psnr']."),
        (lambda x: {"psnr": x}, "score 'psnr' returns [4, 2]: [4] is due."),
        (lambda x: {"psnr": x.sum(1) > 0}, "score 'psnr' returns torch.bool: return floating"),
        (lambda x: {"psnr": x.sum(1) / 0}, "score 'psnr' of untrained networks is not finite"),
        (lambda x: {"psnr": x.sum(1) - x.mean()}, "score 'psnr' of an example depends on the"),
    ],
)
def test_scores_that_no_evaluation_can_use_are_named(call: Any, message: str) -> None:
    assert broken("capabilities", **_scores(("psnr",))) == ""
    assert broken("capabilities", **_scores(("psnr",), call)).startswith(message)


def _weights(z: Tensor) -> Tensor:
    return z[:, :1, None, None, None].expand(-1, 3, 3, 2, 2) * 0 + 0.25


def _as_styles(z: Tensor) -> Tensor:
    return z[:, None].expand(-1, 3, -1)


OF_SAMPLES: dict[str, tuple[Any, str]] = {
    "attention/good": (_weights, ""),
    "attention/sum": (
        lambda z: 2 * _weights(z), "`attention` returns weights that are below 0, or have not the",
    ),
    "attention/shape": (
        lambda z: _weights(z).flatten(3), "`attention` returns [4, 3, 3, 4]: [B, H, W, h, w] is",
    ),
    "attention/tuple": (lambda z: (z, z), "`attention` returns tuple for 4 samples: begin with"),
    "growth/good": (lambda z: torch.stack([0 * z, z], 1), ""),
    "growth/other": (
        lambda z: torch.stack([z, 0 * z], 1),
        "the last stage of `growth` is not what `sample` draws of the same noise.",
    ),
    "growth/shape": (
        lambda z: z[:, None, :1], "`growth` returns [4, 1, 1]: ['B', 'stages', 2] is due.",
    ),
    "growth/mean": (
        lambda z: torch.stack([z.mean(0).expand_as(z), z], 1),
        "`growth` of an example depends on the others of its batch",
    ),
    "styles/good": (_as_styles, ""),
    "styles/layers": (
        lambda z: _as_styles(z)[:, :2],
        "`styles` returns [4, 2, 2], and `style_groups` has layers [0, 1, 2]: [B, N, W] is due",
    ),
    "styles/other": (
        lambda z: 2 * _as_styles(z),
        "`synthesise` of the styles of samples is not what `sample` draws of the same noise.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_SAMPLES)
def test_what_is_no_account_of_samples_is_named(case: str) -> None:
    method, call, message = case.partition("/")[0], *OF_SAMPLES[case]
    members = {
        method: lambda self, nets, noise, hyper: call(noise["z"]),
        "style_groups": {"coarse": range(1), "fine": range(1, 3)},
        "synthesise": lambda self, nets, styles, noise, hyper: styles.mean(1),
    }
    said = broken("capabilities", **members)
    assert said.startswith(message)
    assert bool(said) is bool(message)


def test_a_critics_value_is_of_each_example_alone() -> None:
    assert broken("capabilities", critic_values=_of(lambda x: x.sum(1))) == ""
    said = broken("capabilities", critic_values=_of(lambda x: x.sum(1) - x.mean()))
    assert said.startswith("`critic_values` of an example depends on the others of its batch")
    assert broken("capabilities", critic_values=None) == ""
