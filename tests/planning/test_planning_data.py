"""What data are refused for, and a model and metrics on them."""

import dataclasses
import http.server
import io
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gensweep.errors import UserError
from gensweep.evaluation import build_evaluator, draw_examples
from gensweep.metrics import Projection
from gensweep.planning import Plan, parse_request, plan_text
from gensweep.planning._check_model import (
    check_data_set,
    check_games,
    check_metrics,
    evaluation_metrics,
)
from gensweep.planning._prepare import check_data_source, load_data
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Optimizer
from gensweep_models.space import Categorical, Real
from small_entries import quick_but_deep, small_settings

RATE = Real(1e-4, 1e-2, log=True)
KINDS = Categorical(("hinge", "minimax"))
GAN = Sweep(name="gan", model=CATALOG["gan"], space={"learning_rate": RATE, "objective": KINDS})
pytestmark = pytest.mark.usefixtures("own_home")


def picture(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Forty grey pictures in folders of two classes."""
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture(rng).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def table(photos: Path, tmp_path: Path) -> Path:
    """The same in Parquet, by columns that no convention names; one of them is a decoy."""
    files = sorted(photos.rglob("*.png"))
    rows = {"front": [f.read_bytes() for f in files], "back": [b"no image"] * len(files),
            "animal": [f.parent.name for f in files]}  # fmt: skip
    pq.write_table(pa.table(rows), tmp_path / "pets.parquet")
    return tmp_path / "pets.parquet"


def loaded(tmp_path: Path, *argv: str) -> Any:
    request = parse_request("A test.", GAN, list(argv))
    check_data_source(request)
    return load_data(request, open_store(str(tmp_path / "store")))


def test_a_folder_of_images_is_scaled(photos: Path, tmp_path: Path) -> None:
    train, test = loaded(tmp_path, "--data", str(photos), "--image-size", "8")
    assert (train.shape, train.classes, train.count, test.count) == ((1, 8, 8), 2, 36, 4)


def test_columns_of_parquet_are_named(table: Path, tmp_path: Path) -> None:
    train, _ = loaded(tmp_path, "--data", str(table), "--column", "front", "--label", "animal",
                      "--image-size", "8")  # fmt: skip
    assert (train.shape, train.classes) == ((1, 8, 8), 2)
    with pytest.raises(UserError, match="no column 'face'"):
        loaded(tmp_path, "--data", str(table), "--column", "face")


def test_images_without_classes_can_be_judged(table: Path, tmp_path: Path) -> None:
    train, _ = loaded(tmp_path, "--data", str(table), "--column", "front", "--image-size", "8")
    check_data_set(train, None)
    check_metrics(dataclasses.replace(GAN, target="density"), train)
    with pytest.raises(UserError, match="'classes', which is not measured"):
        check_metrics(dataclasses.replace(GAN, target="classes"), train)


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        ("digits", "modes", "target names 'modes', which is not measured for gan on digits: choose "
         "from class_agreement, class_kl, classes, classes_seen, clipped_coverage"),
        ("ring8", "frechet", "'frechet', which is not measured for gan on ring8"),
        ("digits", "nll", "'nll', which is not measured for gan"),
        ("digits", "neutral_ssim", "'neutral_ssim', which is not measured for gan"),
    ],
)  # fmt: skip
def test_a_target_of_other_data_is_told_before_they_are_read(
    data: str, target: str, message: str
) -> None:
    sweep = dataclasses.replace(GAN, data=data, target=target)
    with pytest.raises(UserError, match=message):
        check_data_source(parse_request("A test.", sweep, []))


@pytest.mark.parametrize(
    "target", ["frechet", "classes_seen", "neutral_coverage", "loss_critic", None]
)
def test_a_target_that_may_be_measured_is_let_through(target: str | None) -> None:
    sweep = dataclasses.replace(GAN, target=target)
    check_data_source(parse_request("A test.", sweep, []))


def test_too_few_images_are_told(tmp_path: Path) -> None:
    for place in ("train/cat/0", "train/cat/1", "train/dog/2", "test/cat/3"):
        file = tmp_path / "few" / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(np.random.default_rng(0)).save(file)
    train, _ = loaded(tmp_path, "--data", str(tmp_path / "few"), "--image-size", "8")
    with pytest.raises(UserError, match="3 training examples: use more than 5"):
        check_data_set(train, None)


def test_equal_images_are_told(tmp_path: Path) -> None:
    """No variance is left that a sample's could be held against."""
    for split in ("train", "test"):
        (tmp_path / "same" / split).mkdir(parents=True)
        for i in range(8):
            value = i if split == "train" else 7
            Image.fromarray(np.full((8, 8), value, np.uint8)).save(
                tmp_path / "same" / split / f"{i}.png"
            )
    train, test = loaded(tmp_path, "--data", str(tmp_path / "same"))
    check_data_set(train, None)
    with pytest.raises(UserError, match="same has 8 test examples, and all are equal"):
        check_data_set(train, test)


def test_one_class_is_judged_as_none(tmp_path: Path) -> None:
    """A classifier of one class would have learned nothing."""
    rows = {"image": [_png(i) for i in range(22)], "label": [1] * 22}
    pq.write_table(pa.table(rows), tmp_path / "one.parquet")
    argv = ["--data", str(tmp_path / "one.parquet")]
    train, test = loaded(tmp_path, *argv)
    assert (train.classes, train.class_counts) == (2, (0, 20))
    assert "classes" not in evaluation_metrics(GAN, train)
    with pytest.raises(UserError, match="'classes', which is not measured"):
        check_metrics(dataclasses.replace(GAN, target="classes"), train)
    evaluator = build_evaluator(GAN, open_store(str(tmp_path / "store")), train, test)
    assert evaluator.protocol["features"] == Projection.kind
    assert "classes" not in evaluator.protocol
    found = evaluator.evaluator.evaluate(draw_examples(train, 100)["x"][None])[0]
    _, cause = evaluator.evaluator.verdict(found)
    assert "classes" not in cause
    assert cause.endswith("beside 20 real examples: too few to tell")
    plan = Plan(request=parse_request("A test.", GAN, argv), store="", tracking_uri="", home="",
                ledger="", dataset=train, test=test)  # fmt: skip
    assert "verdicts  rest on 20 training examples, too few to tell" in plan_text(plan)


def _png(seed: int) -> bytes:
    out = io.BytesIO()
    picture(np.random.default_rng(seed)).resize((8, 8)).save(out, "png")
    return out.getvalue()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web folder."""
    (tmp_path / "web").mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--data", "digits"], "--data digits"),
        (["--data", "mnist=s3://bucket/mnist"], "into a folder"),
        (["--data", "mnist", "--image-size", "8"], "--image-size 8"),
    ],
)
def test_a_download_is_refused(argv: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        check_data_source(
            parse_request("A test.", GAN, [*argv, "--download", "http://127.0.0.1:9/"])
        )


def test_no_web_address_is_told() -> None:
    with pytest.raises(UserError, match="'ftp://host/x'"):
        check_data_source(
            parse_request("A test.", GAN, ["--data", "mnist", "--download", "ftp://host/x"])
        )


@pytest.mark.parametrize("folder", [None, "there"])
def test_data_are_downloaded_to_where_they_are_looked_for(
    folder: str | None, web: str, tmp_path: Path
) -> None:
    import gzip
    import struct

    for split, count in (("train", 40), ("t10k", 10)):
        for ending, shape in (("images-idx3", (count, 8, 8)), ("labels-idx1", (count,))):
            head = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
            data = head + (np.arange(np.prod(shape)) % 10).astype(np.uint8).tobytes()
            (tmp_path / "web" / f"{split}-{ending}-ubyte.gz").write_bytes(gzip.compress(data))
    data = f"mnist={tmp_path / folder}" if folder else "mnist"
    train, test = loaded(tmp_path, "--data", data, "--download", web)
    assert (train.shape, train.count, test.count) == ((1, 8, 8), 40, 10)
    assert len(list((tmp_path / (folder or "data/mnist")).iterdir())) == 4


@pytest.fixture
def digits(tmp_path: Path) -> Any:
    return loaded(tmp_path)[0]


@pytest.mark.parametrize("side", [12, 16])
def test_the_model_is_built_for_every_choice(photos: Path, tmp_path: Path, side: int) -> None:
    train, _ = loaded(tmp_path, "--data", str(photos), "--image-size", str(side))
    space = {"body": Categorical(("mlp", "conv")), "objective": KINDS}
    sweep = dataclasses.replace(GAN, space=space, map_axis="")
    sweep = dataclasses.replace(sweep, data=str(photos), image_size=side)
    told = rf"body=conv, objective=hinge: .* got .*\(1, {side}, {side}\)\. Say --image-size 8\.$"
    with pytest.raises(UserError, match=told):
        check_games(RunRequest(sweep=sweep), train)
    check_games(RunRequest(sweep=dataclasses.replace(GAN, fixed={"body": "mlp"})), train)


def test_every_batch_size_is_shared(digits: Any) -> None:
    space = {"batch_size": Categorical((64, 33)), "learning_rate": RATE}
    with pytest.raises(UserError, match="--ranks 2 must divide batch_size=33"):
        check_games(RunRequest(sweep=dataclasses.replace(GAN, space=space), ranks=2), digits)


def learning_otherwise(**options: Any) -> Any:
    """The GAN of the catalogue, whose critic has some fields otherwise."""

    def game(config: Any, data: Any) -> Any:
        made = CATALOG["gan"].game(config, data)
        made.players = {"critic": dataclasses.replace(made.players["critic"], **options),
                        "generator": made.players["generator"]}  # fmt: skip
        return made

    return dataclasses.replace(CATALOG["gan"], game=game)


def test_a_round_is_trained_before_anything_starts(digits: Any) -> None:
    """On the data themselves: the random examples of the laws do not show this."""

    def game(config: Any, data: Any) -> Any:
        def step(params: Any, grad: Any, state: Any, scalars: Any) -> Any:
            return params - grad * (1 / (data.count < 1000 or params.shape[1] == 3)), {}

        own = Optimizer("own", (), ("learning_rate",), step)
        return learning_otherwise(optimizer=own).game(config, data)

    sweep = dataclasses.replace(GAN, model=dataclasses.replace(GAN.model, game=game))
    told = (
        "^gan, objective=hinge: a round of training fails with ZeroDivisionError: .*data.py, line "
    )
    with pytest.raises(UserError, match=told):
        check_games(RunRequest(sweep=sweep), digits)


def test_an_evaluation_is_tried_before_anything_starts(digits: Any) -> None:
    """At each value of a curve's grid."""

    def game(config: Any, data: Any) -> Any:
        if config.sample_steps == 3:
            raise KeyError("three steps")
        return CATALOG["ddpm"].game(config, data)

    sweep = steps_sweep(dataclasses.replace(CATALOG["ddpm"], game=game))
    told = r"ddpm: an evaluation fails with KeyError: 'three steps' \(test_planning_data.py, line "
    with pytest.raises(UserError, match=told):
        check_games(RunRequest(sweep=sweep), digits)


def steps_sweep(model: Any) -> Sweep:
    """A sweep of a small diffusion, which draws a curve of its steps at 3."""
    return Sweep(name="steps", model=model, fixed={"channels": 8, "steps": 20},
                 space={"sample_steps": Categorical((4, 2)), "learning_rate": RATE},
                 sampling_grids={"sample_steps": (3,)})  # fmt: skip


PLAYERS: dict[str, tuple[dict[str, Any], str]] = {
    "a typo": ({"turns": "critic_iteration"}, "turns='critic_iteration' names no field"),
    "an end of the space": (
        {"momentum": "clip", "optimizer": "sgd"},
        "momentum='clip', which is 3",
    ),
    "no file": ({"weights": "critic.safetensors"}, "weights='critic.safetensors' is no file"),
    "no copy": ({"copy_of": "generator"}, "copy_of='generator' does not fit the network"),
}


@pytest.mark.parametrize("case", PLAYERS)
def test_players_are_checked_before_anything_starts(case: str, digits: Any) -> None:
    options, named = PLAYERS[case]
    space = {"clip": Real(0.1, 3.0), "objective": KINDS}
    sweep = dataclasses.replace(GAN, model=learning_otherwise(**options), space=space, map_axis="")
    with pytest.raises(UserError, match=f"^gan: player 'critic': {named}"):
        check_games(RunRequest(sweep=sweep), digits)


def test_the_laws_are_checked_with_the_fewest_steps_of_a_sample(digits: Any) -> None:
    """They hold for any number of steps, and the default's take most of a diffusion's check."""
    steps: list[int] = []

    def game(config: Any, data: Any) -> Any:
        made = CATALOG["ddpm"].game(config, data)
        walk = made.interpolate
        made.interpolate = lambda *a, **k: [steps.append(made.sample_steps), walk(*a, **k)][1]
        return made

    ddpm = dataclasses.replace(CATALOG["ddpm"], game=game)
    check_games(RunRequest(sweep=steps_sweep(ddpm)), digits)
    assert set(steps) == {2}


@pytest.mark.parametrize("name", quick_but_deep(sorted(CATALOG)))
def test_every_model_passes_on_the_digits(name: str, digits: Any) -> None:
    model = CATALOG[name]
    # few diffusion steps, of which samples take fewer still than any searched number
    space = {n: one for n, one in model.space.items() if n != "sample_steps"}
    small = {n: value for n, value in small_settings(model).items() if n not in space}
    sweep = Sweep(name=name, model=model, space=space, trials=60, fixed=small)
    check_games(RunRequest(sweep=sweep), digits)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"target": "frechett"}, "target names 'frechett'"),
        ({"target": "nll"}, "target names 'nll'"),
        ({"scatter": ("rate", "frechet", None)}, "scatter names 'rate'"),
    ],
)
def test_a_metric_is_refused(changes: dict[str, Any], named: str, digits: Any) -> None:
    with pytest.raises(UserError, match=named):
        check_metrics(dataclasses.replace(GAN, **changes), digits)


def test_metrics_of_training_and_of_the_likelihood_are_known(digits: Any) -> None:
    check_metrics(dataclasses.replace(GAN, scatter=("critic_gap", "class_kl", None)), digits)
    check_metrics(dataclasses.replace(GAN, target="neutral_coverage"), digits)
    model = CATALOG["vae"]
    check_metrics(Sweep(name="vae", model=model, space=model.space, target="nll",
                        scatter=("rate", "distortion", "kl_weight")), digits)  # fmt: skip


def test_a_plan_gives_the_coordinator_a_light_context(digits: Any) -> None:
    plan = Plan(request=RunRequest(sweep=GAN, resume=True, prices="p.json"), store="file:///s",
                tracking_uri="sqlite:///m", ledger="l", home="/h", dataset=digits,
                test=None)  # fmt: skip
    context = plan.run_context()
    assert (context.data_name, context.data_hash) == ("digits", digits.hash)
    assert (context.resume, context.prices, context.home) == (True, "p.json", "/h")
    sent = pickle.dumps(context)
    assert pickle.loads(sent) == context
    assert len(sent) < 10_000


@pytest.mark.parametrize("text", ["", "1", "1,1", "2,1", "a,b", "0,inf", "0,1,2"])
def test_a_range_of_pixels_is_two_numbers(text: str) -> None:
    with pytest.raises(UserError, match=r"pixel_range=.* must be the values of a black"):
        dataclasses.replace(GAN, pixel_range=text)


def test_what_was_read_is_in_the_plan(photos: Path, tmp_path: Path) -> None:
    (photos / "cat" / "notes.txt").write_text("x")
    (photos / "cat" / "0.png").write_bytes(b"no image")
    argv = ["--data", str(photos), "--image-size", "8", "--skip-bad", "1"]
    request = parse_request("A test.", GAN, argv)
    train, test = load_data(request, open_store(str(tmp_path / "store")))
    plan = Plan(request=request, store="", tracking_uri="", home="", ledger="", dataset=train,
                test=test)  # fmt: skip
    lines = plan_text(plan).splitlines()
    assert "splits    35 train, 4 test" in lines
    assert "classes   cat 17, dog 18" in lines
    assert not any(line.startswith("features ") for line in lines)
    file = dataclasses.replace(request.sweep, features="net.pt", samples=100)
    plan = dataclasses.replace(
        plan, feature_s=0.5, request=dataclasses.replace(request, sweep=file)
    )
    assert (
        "features  net.pt: 0.5 s an image here; to tell copies 39 examples, once, 0.3 min; an "
        "evaluation 50.0 s and more"
    ) in plan_text(plan)
    read = next(line for line in lines if line.startswith("read "))
    assert "1 .txt file(s)" in read
    assert f"1 of 40 examples that cannot be read: {photos}/cat/0.png" in read
