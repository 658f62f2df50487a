"""What a ledger is refused for, and how a sweep in it is gone on with."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.planning import parse_request
from gensweep.planning._check_ledger import check_home, check_ledger, find_sweep
from gensweep.spec import RunRequest
from gensweep.study import only_writer
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

RATE = Real(1e-4, 1e-2, log=True)
KINDS = Categorical(("hinge", "minimax"))
GAN = Sweep(name="gan", model=CATALOG["gan"], space={"learning_rate": RATE, "objective": KINDS})
pytestmark = pytest.mark.usefixtures("own_home")


def test_a_home_in_the_copy_that_ray_deletes_is_refused() -> None:
    copy = "/tmp/ray/session/runtime_resources/working_dir_files/_ray_pkg_1/.gensweep"
    with pytest.raises(UserError, match="which it deletes: set GENSWEEP_HOME"):
        check_home(copy)


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


def test_a_resumed_sweep_keeps_what_it_began_with(tmp_path: Path, begin: Any) -> None:
    begun = dataclasses.replace(GAN, data="mnist", seed=7, image_size=12, samples=50, trials=9)
    begin(begun)
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
def test_a_resumed_sweep_is_not_changed(argv: list[str], named: str, begin: Any) -> None:
    begin(GAN, leases=3)
    with pytest.raises(UserError, match=named):
        parse_request("A test.", GAN, ["--resume", "gan", *argv])


def test_what_is_confirmed_is_remembered_and_chosen_once(tmp_path: Path, begin: Any) -> None:
    begun = dataclasses.replace(GAN, trials=6, confirm="2x2")
    begin(begun, leases=6, confirming=1)
    request = parse_request("A test.", GAN, ["--resume", "gan"])
    assert (request.sweep.confirm, request.sweep.planned_trials) == ("2x2", 10)
    more = parse_request("A test.", GAN, ["--resume", "gan", "--trials", "6", "--confirm", "2x5"])
    assert more.sweep.planned_trials == 16
    off = parse_request("A test.", GAN, ["--resume", "gan", "--confirm", "none"])
    assert (off.sweep.confirmation, off.sweep.planned_trials) == (None, 6)
    with pytest.raises(UserError, match="1 trials confirm the best of 6, and --trials 9 would"):
        parse_request("A test.", GAN, ["--resume", "gan", "--trials", "9"])


def test_a_population_is_resumed_as_one(tmp_path: Path, begin: Any) -> None:
    """`--pbt` makes it one, and is not to be told again."""
    request = parse_request("A test.", GAN, ["--name", "gan", "--pbt"])
    assert request.sweep.pbt
    with pytest.raises(
        UserError, match="for each value of objective, but got trials=7: use at least 8"
    ):
        parse_request("A test.", GAN, ["--pbt", "--trials", "7"])
    with pytest.raises(UserError, match="got 8 trials and 1 lanes"):
        parse_request("A test.", GAN, ["--pbt", "--trials", "8", "--width", "1"])
    begin(request.sweep)
    again = parse_request("A test.", GAN, ["--resume", "gan"])
    assert again.sweep.pbt
    assert find_sweep(again, str(tmp_path / "studies")) is not None


def test_a_precision_is_kept_and_must_be_the_devices(tmp_path: Path, begin: Any) -> None:
    with pytest.raises(UserError, match="precision='tf32' is not to be had on cpu: choose fp32"):
        parse_request("A test.", GAN, ["--precision", "tf32"])
    request = parse_request("A test.", GAN, ["--name", "gan", "--precision", "bf16"])
    begin(request.sweep)
    again = parse_request("A test.", GAN, ["--resume", "gan"])
    assert again.sweep.precision == "bf16"
    assert find_sweep(again, str(tmp_path / "studies")) is not None


def test_a_resumed_sweep_keeps_its_target(begin: Any) -> None:
    begin(GAN)
    with pytest.raises(UserError, match="target: coverage_gap -> frechet"):
        parse_request("A test.", dataclasses.replace(GAN, target="frechet"), ["--resume", "gan"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"space": {"learning_rate": Real(1e-4, 1, log=True), "objective": KINDS}}, "0.01 -> 1"),
        ({"fixed": {"hidden": 32}}, "fixed.hidden"),
        ({"group_by": "objective"}, "by: null"),
        ({"rungs": 2}, "rungs: 4 -> 2"),
        ({"sampling_grids": {"truncation": (1.0,)}}, "sampling_grids"),
    ],
)
def test_a_changed_script_is_told(
    changes: dict[str, Any], named: str, tmp_path: Path, begin: Any
) -> None:
    ledger = str(tmp_path / "studies")
    begin(GAN)
    with pytest.raises(UserError, match=named):
        find_sweep(RunRequest(sweep=dataclasses.replace(GAN, **changes), resume=True), ledger)


def test_a_sweep_that_runs_elsewhere_is_told(tmp_path: Path, begin: Any) -> None:
    ledger = str(tmp_path / "studies")
    begin(GAN)
    with only_writer(ledger, "gan"), pytest.raises(UserError, match="already being run by process"):
        find_sweep(RunRequest(sweep=GAN, resume=True), ledger)
    assert find_sweep(RunRequest(sweep=GAN, resume=True), ledger) is not None
