"""What a sweep, a ledger, a data set and a command line are refused for, and what they may be."""

import dataclasses
import http.server
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
from gensweep.planning import parse_request
from gensweep.planning._ledger import check_home, check_ledger, find_sweep
from gensweep.planning._model_checks import check_data_set, check_games, check_metrics
from gensweep.planning._options import parser
from gensweep.planning._prepare import check_data_source, load_data
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.study import Study, only_writer
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

RATE = Real(1e-4, 1e-2, log=True)
KINDS = Categorical(("hinge", "minimax"))
GAN = Sweep(name="gan", model=CATALOG["gan"], space={"learning_rate": RATE, "objective": KINDS})


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GENSWEEP_DATA", raising=False)
    monkeypatch.setenv("GENSWEEP_LEDGER", str(tmp_path / "studies"))
    monkeypatch.chdir(tmp_path)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "by is not searched": ({"by": "clip"}, "by='clip'"),
    "by is a real number": ({"by": "learning_rate"}, "by='learning_rate'"),
    "over is not searched": ({"over": "clip"}, "over='clip'"),
    "over is a word": ({"over": "objective"}, "choose from learning_rate"),
    "over reaches 0": ({"space": {"beta1": Real(0.0, 0.5)}, "over": "beta1"}, "over='beta1'"),
    "scatter shades by what is fixed": ({"scatter": ("frechet", "recall", "clip")}, "'clip'"),
    "scatter of two": ({"scatter": ("frechet", "recall")}, "scatter="),
    "fixed and searched": ({"fixed": {"learning_rate": 0.01}}, "fixed at 0.01"),
    "fixed unknown": ({"fixed": {"depth": 3}}, "'depth' in fixed"),
    "a threshold of 0": ({"truncations": (1.0, 0.0)}, "got 0.0"),
    "no thresholds": ({"truncations": ()}, "truncations=()"),
    "samples that are all neighbours": ({"samples": 5}, "samples=5"),
    "repeats that do not divide": ({"trials": 49, "repeats": 2}, "use 48 or 50"),
    "more repeats than trials": ({"trials": 4, "repeats": 8}, "use at least 16"),
    "fewer trials than choices": ({"trials": 1}, "the 2 choices of objective"),
    "less than a batch": ({"budget_images": 127}, "budget_images=127"),
    "less than a batch for a rung": ({"budget_images": 384}, "use at least 512"),
    "asha's rungs fall together": ({"budget_images": 512, "pruner": "asha"}, "use at least 3456"),
    "pbt with a pruner": ({"pbt": True, "pruner": "asha"}, "pruner='asha'"),
    "pbt with repeats": ({"pbt": True, "repeats": 2}, "repeats=2"),
    "pbt of one evaluation": ({"pbt": True, "rungs": 1}, "rungs=1"),
    "pbt of nothing that changes": (
        {"pbt": True, "space": {"latent_size": Integer(4, 32)}, "over": ""},
        "search one of learning_rate",
    ),
    "a fraction of trials": ({"trials": 4.5}, "trials=4.5"),
    "a negative seed": ({"seed": -1}, "seed=-1"),
    "not a time": ({"max_hours": float("nan")}, "max_hours=nan"),
    "a condition that never holds": (
        {"space": {"objective": KINDS, "clip": Real(0.1, 1, when={"objective": ("wasser",)})}},
        "'wasser'",
    ),
    "a condition beyond the range": (
        {"space": {"critic_iterations": Integer(1, 5),
                   "beta1": Real(0.0, 0.5, when={"critic_iterations": (9,)})}}, "1 to 5",
    ),
    "an architecture under what a pack mixes": (
        {"space": {"critic_iterations": Integer(1, 3),
                   "layers": Categorical((1, 2), when={"critic_iterations": (2,)})}}, "'layers'",
    ),
    "a whole number as a real one": ({"space": {"latent_size": Real(4, 32)}}, "an Integer"),
    "a word for a number": ({"space": {"learning_rate": Categorical(("1e-3",))}}, "'1e-3'"),
    "fixed at infinity": ({"fixed": {"beta2": float("inf")}}, "beta2=inf"),
    "fixed at half an example": ({"fixed": {"batch_size": 64.5}}, "batch_size=64.5"),
    "a condition on what is fixed": (
        {"space": {"clip": Real(0.1, 1, when={"objective": ("hinge",)})}}, "'clip'",
    ),
    "a stratum that what is fixed forbids": (
        {"model": CATALOG["vae"], "space": {"decoder": Categorical(("bernoulli", "gaussian"))},
         "fixed": {"binarise": "dynamic"}}, "decoder='gaussian'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Real(1e-4, float("inf"), log=True), "high=inf"),
        (lambda: Integer(1.5, 3), "1.5"),  # type: ignore[arg-type]
        (lambda: Real(float("nan"), 1.0), "low=nan"),
    ],
)
def test_a_range_is_refused(make: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make()


@pytest.mark.parametrize("case", REFUSED)
def test_a_sweep_is_refused(case: str) -> None:
    changes, named = REFUSED[case]
    with pytest.raises(UserError) as caught:
        dataclasses.replace(GAN, **changes)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_least_that_is_advised_is_taken() -> None:
    for changes in ({"budget_images": 512}, {"budget_images": 3456, "pruner": "asha"},
                    {"trials": 16, "repeats": 8}, {"samples": 6}):  # fmt: skip
        dataclasses.replace(GAN, **changes)


@pytest.mark.parametrize(
    ("space", "over"),
    [
        ({"latent_size": Integer(2, 8), "learning_rate": RATE}, "learning_rate"),
        ({"beta1": Real(0.0, 0.5), "latent_size": Integer(2, 8)}, "latent_size"),
        ({"objective": KINDS, "batch_size": Categorical((32, 64))}, "batch_size"),
        ({"objective": KINDS}, ""),
    ],
)
def test_the_map_runs_over_what_is_searched(space: dict[str, Any], over: str) -> None:
    assert dataclasses.replace(GAN, space=space, over="").over == over


@pytest.mark.parametrize(
    ("argv", "packs", "gpus"),
    [
        ([], 2, 0), (["--ranks", "2"], 1, 0), (["--packs", "3"], 3, 0), (["--gpus", "1"], 1, 1),
        (["--gpus", "5", "--ranks", "2"], 2, 5), (["--gpus", "4", "--packs", "3"], 3, 4),
        (["--preset", "cluster", "--gpus", "8"], 8, 8),
    ],
)  # fmt: skip
def test_packs_follow_the_gpus(argv: list[str], packs: int, gpus: int) -> None:
    request = parse_request("A test.", GAN, argv)
    assert (request.packs, request.gpus) == (packs, gpus)


def test_a_cluster_gets_a_larger_sweep_unless_told_otherwise() -> None:
    sweep = dataclasses.replace(GAN, cluster={"trials": 640, "budget_images": 12_800})
    for argv, trials in (([], GAN.trials), (["--preset", "cluster"], 640),
                         (["--preset", "cluster", "--trials", "64"], 64)):  # fmt: skip
        request = parse_request("A test.", sweep, [*argv, "--gpus", "1"])
        budget = 12_800 if "cluster" in argv else GAN.budget_images
        assert (request.sweep.trials, request.sweep.budget_images) == (trials, budget)
    assert "trials 640" in parser("A test.", sweep).format_help()


@pytest.mark.parametrize("cluster", [{"trails": 5}, {"trials": 0}])
def test_a_preset_that_is_no_sweep_is_refused(cluster: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"trails|trials=0"):
        dataclasses.replace(GAN, cluster=cluster)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--gpus", "2", "--packs", "3"], "--gpus 2"),
        (["--gpus", "3", "--packs", "2", "--ranks", "2"], "take 4 GPUs"),
        (["--gpus", "1", "--ranks", "2"], "take 2 GPUs"),
        (["--preset", "cluster", "--gpus", "0"], "--gpus 0"),
        (["--image-size", "0"], "image_size=0"),
    ],
)
def test_a_command_line_is_refused(argv: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        parse_request("A test.", GAN, argv)


# The ledger, and sweeps in it


def begin(sweep: Sweep, ledger: str, leases: int = 0) -> None:
    """A sweep that exists, with some of its trials begun."""
    with Study.create_or_open(
        sweep.name, sweep.space, storage=ledger, trials=sweep.trials, seed=sweep.seed,
        sampler=sweep.sampler, repeats=sweep.repeats, strata=sweep.strata,
        spec=sweep.identity() | {"objective": {"metric": "coverage_gap", "direction": "minimize"},
                                 "data_hash": "0"},
    ) as study:  # fmt: skip
        for _ in range(leases):
            study.lease("somebody", 1)


@pytest.mark.parametrize(
    ("ledger", "named"),
    [
        ("/dev/null/studies", "/dev/null/studies"),
        ("/proc/nobody/studies", "/proc/nobody/studies"),
        (".", "cannot be written"),
        ("gopher://host/studies", "gopher"),
        ("nonsense+driver://host/db", "nonsense"),
        ("postgresql://me:secret@127.0.0.1:9/db", "127.0.0.1:9"),
        ("mysql://me:secret@host/db", "mysql"),
        ("README", "something else"),
        ("sqlite:///README", "sqlite"),
    ],
)
def test_a_ledger_is_refused(ledger: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("Not a journal.\n")
    with pytest.raises(UserError) as caught:
        check_ledger(ledger)
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README"]


def test_looking_at_a_ledger_makes_nothing(tmp_path: Path) -> None:
    check_ledger(str(tmp_path / "new" / "studies"))
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_sweep_keeps_what_it_began_with(tmp_path: Path) -> None:
    begun = dataclasses.replace(GAN, data="mnist", seed=7, image_size=12, samples=50, trials=9)
    begin(begun, str(tmp_path / "studies"))
    request = parse_request("A test.", GAN, ["--resume", "gan", "--seed", "7", "--trials", "12"])
    assert (request.sweep.data, request.sweep.seed, request.sweep.image_size) == ("mnist", 7, 12)
    assert (request.sweep.samples, request.sweep.trials) == (50, 12)
    assert request.sweep.target == "coverage_gap"
    view = find_sweep(request, str(tmp_path / "studies"))
    assert view is not None
    assert view.name == "gan"


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--data", "grid25"], "data: digits -> grid25"),
        (["--seed", "5"], "seed: 0 -> 5"),
        (["--budget-images", "1000"], "budget_images: 200000 -> 1000"),
        (["--repeats", "2"], "repeats: 1 -> 2"),
        (["--samples", "99"], "leave --samples out"),
        (["--sampler", "qmc"], "sampler: tpe -> qmc"),
        (["--pruner", "asha"], "pruner: none -> asha"),
        (["--pbt"], "pbt: False -> True"),
        (["--precision", "bf16"], "precision: None -> bf16"),
        (["--image-size", "8"], "image_size: None -> 8"),
        (["--trials", "2"], "has 3 trials already"),
    ],
)
def test_a_resumed_sweep_is_not_changed(argv: list[str], named: str, tmp_path: Path) -> None:
    begin(GAN, str(tmp_path / "studies"), leases=3)
    with pytest.raises(UserError, match=named):
        parse_request("A test.", GAN, ["--resume", "gan", *argv])


def test_a_population_is_resumed_as_one(tmp_path: Path) -> None:
    """`--pbt` makes it one, and is not to be told again."""
    request = parse_request("A test.", GAN, ["--name", "gan", "--pbt"])
    assert request.sweep.pbt
    with pytest.raises(
        UserError, match="for each value of objective, but got trials=7: use at least 8"
    ):
        parse_request("A test.", GAN, ["--pbt", "--trials", "7"])
    with pytest.raises(UserError, match="got 8 trials and 1 lanes"):
        parse_request("A test.", GAN, ["--pbt", "--trials", "8", "--width", "1"])
    begin(request.sweep, str(tmp_path / "studies"))
    again = parse_request("A test.", GAN, ["--resume", "gan"])
    assert again.sweep.pbt
    assert find_sweep(again, str(tmp_path / "studies")) is not None


def test_a_precision_is_kept_and_must_be_the_devices(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="precision='tf32' is not to be had on cpu: choose fp32"):
        parse_request("A test.", GAN, ["--precision", "tf32"])
    request = parse_request("A test.", GAN, ["--name", "gan", "--precision", "bf16"])
    begin(request.sweep, str(tmp_path / "studies"))
    again = parse_request("A test.", GAN, ["--resume", "gan"])
    assert again.sweep.precision == "bf16"
    assert find_sweep(again, str(tmp_path / "studies")) is not None


def test_a_resumed_sweep_keeps_its_target(tmp_path: Path) -> None:
    begin(GAN, str(tmp_path / "studies"))
    with pytest.raises(UserError, match="target: coverage_gap -> frechet"):
        parse_request("A test.", dataclasses.replace(GAN, target="frechet"), ["--resume", "gan"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"space": {"learning_rate": Real(1e-4, 1, log=True), "objective": KINDS}}, "0.01 -> 1"),
        ({"fixed": {"hidden": 32}}, "fixed.hidden"),
        ({"by": "objective"}, "by: null"),
        ({"rungs": 2}, "rungs: 4 -> 2"),
        ({"truncations": (1.0,)}, "truncations"),
    ],
)
def test_a_changed_script_is_told(changes: dict[str, Any], named: str, tmp_path: Path) -> None:
    ledger = str(tmp_path / "studies")
    begin(GAN, ledger)
    with pytest.raises(UserError, match=named):
        find_sweep(RunRequest(sweep=dataclasses.replace(GAN, **changes), resume=True), ledger)


def test_a_sweep_that_runs_elsewhere_is_told(tmp_path: Path) -> None:
    ledger = str(tmp_path / "studies")
    begin(GAN, ledger)
    with only_writer(ledger, "gan"), pytest.raises(UserError, match="already being run by process"):
        find_sweep(RunRequest(sweep=GAN, resume=True), ledger)
    assert find_sweep(RunRequest(sweep=GAN, resume=True), ledger) is not None


# The data, and the model on them


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
    check_data_set(train)
    check_metrics(dataclasses.replace(GAN, target="density"), train)
    with pytest.raises(UserError, match="'classes', which is not measured"):
        check_metrics(dataclasses.replace(GAN, target="classes"), train)


def test_too_few_images_are_told(tmp_path: Path) -> None:
    for place in ("train/cat/0", "train/cat/1", "train/dog/2", "test/cat/3"):
        file = tmp_path / "few" / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(np.random.default_rng(0)).save(file)
    train, _ = loaded(tmp_path, "--data", str(tmp_path / "few"), "--image-size", "8")
    with pytest.raises(UserError, match="3 training examples: use more than 5"):
        check_data_set(train)


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


def test_the_model_is_built_for_every_choice(photos: Path, tmp_path: Path) -> None:
    train, _ = loaded(tmp_path, "--data", str(photos), "--image-size", "12")
    space = {"body": Categorical(("mlp", "conv")), "objective": KINDS}
    sweep = dataclasses.replace(GAN, space=space, over="")
    with pytest.raises(UserError, match="body=conv, objective=hinge"):
        check_games(RunRequest(sweep=sweep), train)
    check_games(RunRequest(sweep=dataclasses.replace(GAN, fixed={"body": "mlp"})), train)


def test_every_batch_size_is_shared(digits: Any) -> None:
    space = {"batch_size": Categorical((64, 33)), "learning_rate": RATE}
    with pytest.raises(UserError, match="--ranks 2 must divide batch_size=33"):
        check_games(RunRequest(sweep=dataclasses.replace(GAN, space=space), ranks=2), digits)


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_every_model_passes_on_the_digits(name: str, digits: Any) -> None:
    model = CATALOG[name]
    sweep = Sweep(name=name, model=model, space=model.space, trials=60)
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


def test_a_home_in_the_copy_that_ray_deletes_is_refused() -> None:
    copy = "/tmp/ray/session/runtime_resources/working_dir_files/_ray_pkg_1/.gensweep"
    with pytest.raises(UserError, match="which it deletes: set GENSWEEP_HOME"):
        check_home(copy)


def test_the_direction_is_that_of_the_target() -> None:
    goals = [
        dataclasses.replace(GAN, target=name).objective("frechet") for name in (None, "coverage")
    ]
    assert [(objective.metric, objective.direction) for objective in goals] == [
        ("frechet", "minimize"), ("coverage", "maximize"),
    ]  # fmt: skip


def test_metrics_of_training_and_of_the_likelihood_are_known(digits: Any) -> None:
    check_metrics(dataclasses.replace(GAN, scatter=("critic_gap", "class_kl", None)), digits)
    model = CATALOG["vae"]
    check_metrics(Sweep(name="vae", model=model, space=model.space, target="nll",
                        scatter=("rate", "distortion", "kl_weight")), digits)  # fmt: skip
