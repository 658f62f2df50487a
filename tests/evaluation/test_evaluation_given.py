"""Conditions of samples and scores of held-out examples: where they come from, and what is told."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.cli._check import setting
from gensweep.errors import UserError
from gensweep.evaluation import Scores, Shape, condition_classes, conditions, sample_lane
from gensweep.evaluation._given_values import given_values
from gensweep.evaluation._held_out_examples import for_ranking
from gensweep.lanes import Pack, _sampling
from gensweep.lanes._purity import _Dispatched
from gensweep.testing import RandomExamples, check_game, find_violations
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model, Noise, Player
from toy_games import ToyConfig

DATA = RandomExamples((2,), classes=3)


class Painter(nn.Module):
    """A point for each class, which is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Embedding(3, 2)

    def forward(self, y: Tensor) -> Tensor:
        out: Tensor = self.points(y)
        return out


class ByClass:
    """Paints the point of the class that it is given, and scores how far examples are from it."""

    given = ("y",)
    score_names = ("distance",)

    def __init__(self, config: Any, data: Any) -> None:
        self.players = {"painter": Player(Painter, "sgd")}
        self.noise: dict[str, dict[str, Noise]] = {"painter": {}}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return (nets["painter"](batch["y"]) - batch["x"]).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any, given: Any) -> Tensor:
        points: Tensor = nets["painter"](given["y"])
        return points

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        return {}

    def scores(
        self, nets: Any, batch: Any, noise: Any, hyper: Any, given: Any
    ) -> dict[str, Tensor]:
        return {"distance": (nets["painter"](given["y"]) - batch["x"]).norm(dim=1)}


MODEL = Model("by_class", "toys", "none", ToyConfig, ByClass, {})


def pack_of(width: int = 2) -> Pack:
    pack = Pack(MODEL, ToyConfig(), DATA, DATA, width=width, trace=False)
    for slot in range(width):
        pack.load(slot, ToyConfig(), seed=slot, budget_images=800)
    pack.run(5)
    return pack


@pytest.mark.parametrize("width", [1, 2])
def test_samples_are_of_the_classes_that_are_given(width: int) -> None:
    pack = pack_of(width)
    y = torch.tensor([2, 0, 2])
    drawn = pack.sample(3, given={"y": y, "other": y})
    weights = pack.stacks["painter"].views(pack.stacks["painter"].flat)["points.weight"]
    assert torch.equal(drawn, weights[:, y])
    with pytest.raises(UserError, match="by_class is conditioned on 'y': give it"):
        pack.sample(3)


def test_batches_of_samples_have_their_own_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    pack, y = pack_of(), torch.arange(200) % 3
    whole = pack.sample(200, given={"y": y})
    monkeypatch.setattr(_sampling, "SAMPLING_BYTES", {"cpu": 1 << 11})
    assert pack.sampling_batch(200, {"y": y}) < 100
    assert torch.equal(pack.sample(200, given={"y": y}), whole)


def test_conditions_come_from_held_out_examples_the_same_for_all() -> None:
    columns = DATA.gather(torch.arange(10))
    found = conditions(ByClass(None, None), columns, 25)
    assert found is not None
    assert sorted(found["y"][:10].tolist()) == sorted(columns["y"].tolist())
    assert torch.equal(found["y"][:10], found["y"][10:20])
    again = conditions(ByClass(None, None), columns, 25)
    assert again is not None
    assert torch.equal(again["y"], found["y"])
    by_class = {"x": torch.zeros(900, 2), "y": torch.arange(900) // 300}
    spread = conditions(ByClass(None, None), by_class, 900)
    assert spread is not None
    assert spread["y"][:500].bincount().min() > 130  # of the first, which w1 takes, too
    assert conditions(CATALOG["gan"].game(CATALOG["gan"].config(), DATA), columns, 5) is None


def test_classes_of_captions_are_those_of_their_examples() -> None:
    """By them samples of captions are judged; nothing is given to other games."""
    columns = {**DATA.gather(torch.arange(10)), "caption": torch.arange(10)}
    game = SimpleNamespace(given=("caption",))
    told, classes = (find(game, columns, 25) for find in (conditions, condition_classes))
    assert told is not None
    assert classes is not None
    assert torch.equal(classes, columns["y"][told["caption"]])
    assert condition_classes(SimpleNamespace(given=()), columns, 25) is None
    assert condition_classes(game, {"x": columns["x"]}, 25) is None


def test_scores_are_means_with_their_errors() -> None:
    """Of more examples than a batch has, each with the condition of its own."""
    pack, count = pack_of(), 200
    columns = dataclasses.replace(DATA, count=count).gather(torch.arange(count))
    scores = Scores.of_game(pack.game, columns, "test")
    assert scores is not None
    found = scores.measure(pack, [0, 1])
    chosen = for_ranking(columns)
    weights = pack.stacks["painter"].views(pack.stacks["painter"].flat)["points.weight"]
    for lane, told in enumerate(found):
        known = (weights[lane][chosen["y"]] - chosen["x"]).norm(dim=1).double()
        assert told["distance"] == pytest.approx(float(known.mean()))
        error = float(known.std()) / len(known) ** 0.5
        assert told["distance_standard_error"] == pytest.approx(error)
    assert set(found[0]) == scores.metrics
    assert scores.protocol["examples"] == count // 2
    rest = Scores.of_game(pack.game, columns, "test", rest=True)
    assert rest is not None
    assert len(rest.examples["x"]) + len(scores.examples["x"]) == count


def test_a_conditional_game_keeps_the_laws() -> None:
    assert list(find_violations(MODEL, DATA, {})) == []


def test_a_condition_that_the_data_have_not_is_named() -> None:
    class OfCaptions(ByClass):
        given = ("caption",)

    model = dataclasses.replace(MODEL, game=OfCaptions)
    found = {v.law: v.message for v in find_violations(model, DATA, {})}
    assert found["samples"] == "by_class: the game is given 'caption', but the data have x, y."


CAPTION = {"dtype": "int64", "shape": (4,), "levels": 2}


class ByCaption(ByClass):
    """Paints the point of a caption's first token."""

    given = ("caption",)

    def __init__(self, config: Any, data: Any) -> None:
        super().__init__(config, data)
        assert data.columns["caption"] == CAPTION

    def sample(self, nets: Any, noise: Any, hyper: Any, given: Any) -> Tensor:
        points: Tensor = nets["painter"](given["caption"][:, 0])
        return points

    def scores(
        self, nets: Any, batch: Any, noise: Any, hyper: Any, given: Any
    ) -> dict[str, Tensor]:
        return {"distance": self.sample(nets, noise, hyper, given)[:, 0] - batch["x"][:, 0]}


def test_planning_knows_the_columns_of_the_data() -> None:
    """A game that is given a caption is checked with captions of the data's kind."""
    data = SimpleNamespace(shape=(2,), classes=3, count=9, levels=0, columns={"caption": CAPTION})
    check_game(dataclasses.replace(MODEL, game=ByCaption), data, {})
    tokens = RandomExamples.like(data).gather(torch.arange(20))["caption"]
    assert tokens.shape == (20, 4)
    assert set(tokens.unique().tolist()) == {0, 1, 2}


def test_only_the_first_call_of_a_method_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching sees every operation, which would cost more than small networks do."""
    pack, watched = pack_of(), []
    columns = DATA.gather(torch.arange(DATA.count))
    scores = Scores.of_game(pack.game, columns, "test")
    assert scores is not None
    enter = _Dispatched.__enter__
    monkeypatch.setattr(_Dispatched, "__enter__", lambda self: (watched.append(1), enter(self))[1])
    for _ in range(3):
        scores.measure(pack, [0, 1])
        pack.sample(3, given=columns)
    assert len(watched) == 2


SHAPE = Shape(
    shape=(2,), classes=3, count=64, levels=0, class_names=("ant", "bee", "cat"),
    class_shares=(0.0, 0.25, 0.75),
)  # fmt: skip


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any], Tensor]:
    """A stored lane, its description, and its points."""
    pack = pack_of(1)
    file = tmp_path / "lane.safetensors"
    file.write_bytes(pack.take(0).to_bytes())
    monkeypatch.setattr("gensweep.evaluation._sampling.model_named", lambda name: MODEL)
    about = {"model": "by_class", "pack": dataclasses.asdict(ToyConfig()), "sampling": {},
             "given": ["y"], "data": dataclasses.asdict(SHAPE)}  # fmt: skip
    weights = pack.stacks["painter"].views(pack.stacks["painter"].flat)["points.weight"][0]
    return str(file), about, weights


@pytest.mark.parametrize("y", ["cat", 2, 2.0])
def test_a_stored_trial_samples_a_class_by_name_or_number(
    stored: tuple[str, dict[str, Any], Tensor], y: object
) -> None:
    file, about, points = stored
    drawn = sample_lane(file, about, 4, {"y": y})
    assert torch.equal(torch.from_numpy(drawn), points[[2] * 4])


def test_a_stored_trial_draws_classes_by_their_shares(
    stored: tuple[str, dict[str, Any], Tensor],
) -> None:
    file, about, points = stored
    drawn = torch.from_numpy(sample_lane(file, about, 2000, {}, seed=5))
    shares = [float((drawn == point).all(1).float().mean()) for point in points]
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.25, abs=0.03)
    again = torch.from_numpy(sample_lane(file, about, 2000, {}, seed=5))
    assert torch.equal(again, drawn)


def test_a_class_that_is_none_is_refused(stored: tuple[str, dict[str, Any], Tensor]) -> None:
    file, about, _ = stored
    for y in ("dog", 3, -1, 0.5):
        with pytest.raises(UserError, match=r"y=.* is no class: choose from ant, bee, cat\."):
            sample_lane(file, about, 1, {"y": y})


def test_what_nobody_says_is_that_of_examples(stored: tuple[str, dict[str, Any], Tensor]) -> None:
    file, about, points = stored
    examples = {"y": torch.tensor([2, 0])}
    drawn = torch.from_numpy(sample_lane(file, about, 5, {}, examples=examples))
    assert torch.equal(drawn, points[[2, 0, 2, 0, 2]])
    said = torch.from_numpy(sample_lane(file, about, 2, {"y": "bee"}, examples=examples))
    assert torch.equal(said, points[[1, 1]])


def test_a_caption_is_given_as_text() -> None:
    """As `--set "caption=a bold seven"` does; one for all samples, or one of each."""
    about = {"dtype": "int64", "shape": [12], "levels": 255}
    data = SimpleNamespace(columns={"caption": about, "age": {**about, "shape": []}})

    def texts(value: Any, count: int) -> list[str]:
        found = given_values(["caption"], data, {"caption": value}, count, 0)
        assert found is not None
        return [bytes(row).rstrip(b"\0").decode() for row in found["caption"].tolist()]

    assert texts(setting("caption=a bold seven")[1], 2) == ["a bold seven"] * 2
    assert texts(["an eight", "a one"], 2) == ["an eight", "a one"]
    with pytest.raises(UserError, match=r"age='old' is text, but age has shape \[\]: give that"):
        given_values(["age"], data, {"age": "old"}, 1, 0)


class ByExample(ByClass):
    """Shows its network the sign of the example that it is given."""

    given = ("x",)

    def sample(self, nets: Any, noise: Any, hyper: Any, given: Any) -> Tensor:
        points: Tensor = nets["painter"]((given["x"][:, 0] > 0).long())
        return points


def test_a_sample_may_be_of_a_part_of_an_example(
    stored: tuple[str, dict[str, Any], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said as numbers of the examples' shape, for it is no other column of the data."""
    file, about, points = stored
    model = dataclasses.replace(MODEL, game=ByExample)
    monkeypatch.setattr("gensweep.evaluation._sampling.model_named", lambda name: model)
    about = {**about, "given": ["x"]}
    drawn = torch.from_numpy(sample_lane(file, about, 2, {"x": [[3.0, 0.0], [-3.0, 0.0]]}))
    assert torch.equal(drawn, points[[1, 0]])
    with pytest.raises(UserError, match=r"x has shape \[3\]: give \[2\] for all samples"):
        sample_lane(file, about, 2, {"x": [1.0, 2.0, 3.0]})
    held_out = torch.from_numpy(sample_lane(file, about, 2, {}, examples={"x": DATA.x[:2]}))
    assert torch.equal(held_out, points[(DATA.x[:2, 0] > 0).long()])
