"""A field of a sweep is declared once: options, help, identity and `--resume` follow from that."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.planning import options_parser, parse_request
from gensweep.planning._check_ledger import find_sweep
from gensweep.planning._plan_text import _pruner
from gensweep.spec import Declaration, declarations
from gensweep.spec._settings import Identity, Option, setting
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

KINDS = Categorical(("hinge", "minimax"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaterSweep(Sweep):
    """A sweep as a later version may have it, with fields of which this one knows nothing."""

    shuffle: str = setting(
        "once", "how examples are mixed (default {value})",
        option=Option(choices=("once", "always")), kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    warmup_images: int = setting(
        10, "examples of a slow start (default {value:,})",
        option=Option(metavar="N"), least=2, kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip


GAN = LaterSweep(
    name="gan", model=CATALOG["gan"],
    space={"learning_rate": Real(1e-4, 1e-2, log=True), "objective": KINDS},
)  # fmt: skip
pytestmark = pytest.mark.usefixtures("own_home")
DECLARED = {declared.name: declared for declared in declarations(GAN)}
OPTIONS = [name for name, declared in DECLARED.items() if declared.option]
NEEDED = {"grid_points": ("--sampler", "grid")}
"""Options without which another one is refused."""
KEPT = [name for name, declared in DECLARED.items() if declared.kept_on_resume]


def changed(declared: Declaration) -> Any:
    """A value that is not the default."""
    assert declared.option is not None
    if declared.option.choices:
        return next(one for one in declared.option.choices if one != declared.default)
    if declared.kind is bool:
        return not declared.default
    if declared.kind is str:
        return {"pixel_range": "0,1", "confirm": "2x3"}.get(declared.name, "another")
    return declared.kind(2 * (declared.default or 3))


def typed(declared: Declaration) -> list[str]:
    value = changed(declared)
    return [declared.flag] if declared.kind is bool else [declared.flag, str(value)]


def test_every_field_is_declared_with_its_help() -> None:
    assert [field.name for field in dataclasses.fields(GAN)] == list(DECLARED)
    assert {"shuffle", "warmup_images"} <= set(KEPT) < set(OPTIONS) < set(DECLARED)
    assert all(declared.help for declared in DECLARED.values())


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_sets_its_field(name: str) -> None:
    declared = DECLARED[name]
    sweep = parse_request("A test.", GAN, [*NEEDED.get(name, ()), *typed(declared)]).sweep
    assert getattr(sweep, name) == changed(declared)
    assert getattr(parse_request("A test.", GAN, []).sweep, name) == declared.default


def test_a_pruner_without_a_name_is_the_one_that_repeats() -> None:
    """And a plan that compares groups by one that does not repeat tells of it."""
    sweep = parse_request("A test.", GAN, ["--budget-images", "6400", "--pruner"]).sweep
    assert sweep.pruner == "halving"
    compared = dataclasses.replace(sweep, group_by="objective")
    asha = dataclasses.replace(compared, pruner="asha")
    texts = [_pruner(one) for one in (GAN, sweep, compared, asha)]
    among = ", among trials of the same objective"
    assert texts == ["", "halving, in cohorts of 27", f"halving{among}, in cohorts of 27",
                     f"asha{among}; which ones depends on what runs when, by halving it does "
                     "not"]  # fmt: skip


def test_packs_share_the_cores_unless_threads_are_asked() -> None:
    for given, threads in (([], 4), (["--threads", "3"], 3)):
        request = parse_request("A test.", GAN, ["--packs", "2", *given])
        assert dataclasses.replace(request, cores=8).threads == threads


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_explained_with_the_scripts_own_default(name: str) -> None:
    declared = DECLARED[name]
    text = " ".join(options_parser("A test.", GAN).format_help().split())
    assert f"{declared.flag} " in text
    assert declared.help.format(value=getattr(GAN, name)) in text
    if declared.kept_on_resume:
        assert declared.flag in text[text.index("A resumed sweep keeps") :]


@pytest.mark.parametrize("name", KEPT)
def test_a_resumed_sweep_refuses_another_value(name: str, begin: Any) -> None:
    begin(GAN)
    declared = DECLARED[name]
    told = f"keeps its {name}: {declared.default} -> {changed(declared)} .* leave {declared.flag} "
    with pytest.raises(UserError, match=told):
        parse_request("A test.", GAN, ["--resume", "gan", *typed(declared)])


@pytest.mark.parametrize("name", KEPT)
def test_a_resumed_sweep_has_the_value_that_it_began_with(
    name: str, begin: Any, tmp_path: Path
) -> None:
    declared = DECLARED[name]
    given = [*NEEDED.get(name, ()), *typed(declared)]
    begin(parse_request("A test.", GAN, ["--name", "gan", *given]).sweep)
    again = parse_request("A test.", GAN, ["--resume", "gan"])
    assert getattr(again.sweep, name) == changed(declared)
    assert find_sweep(again, str(tmp_path / "studies")) is not None


@pytest.mark.parametrize("name", [n for n, declared in DECLARED.items() if declared.least])
def test_a_count_has_a_least_value(name: str) -> None:
    least = DECLARED[name].least
    assert least is not None
    with pytest.raises(UserError, match=f"`{name} >= {least}` must hold"):
        dataclasses.replace(GAN, **{name: least - 1})


def test_the_identity_is_that_of_stored_sweeps() -> None:
    """Keys and values of the version before; those of later fields come on top."""
    sweep = Sweep(name="gan", model=GAN.model, space=GAN.space, fixed={"hidden": 32},
                  group_by="objective", image_size=8)  # fmt: skip
    found = sweep.identity()
    assert json.loads(json.dumps(found)) == {
        "model": "gan", "data": "digits", "image_size": 8, "column": None, "label": None,
        "space": {"learning_rate": repr(GAN.space["learning_rate"]), "objective": repr(KINDS)},
        "fixed": {"hidden": "32"}, "budget_images": 200_000, "repeats": 1, "seed": 0,
        "samples": 1000, "rungs": 4, "pruner": "none",
        "by": "objective", "defaults": found["defaults"],
    }  # fmt: skip
    assert found["defaults"]["batch_size"] == repr(GAN.config({}).batch_size)
    more = dataclasses.replace(sweep, pbt=True, precision="bf16").identity()
    assert more == found | {"pbt": True, "precision": "bf16"}
    assert GAN.identity()["shuffle"] == "once"
    assert "warmup_images" not in GAN.identity()


def test_former_names_of_fields_still_do() -> None:
    space = {"objective": KINDS, "latent_size": Integer(2, 8), "batch_size": Categorical((32, 64))}
    former = Sweep(name="s", model=GAN.model, space=space, by="objective", over="batch_size",
                   cluster={"by": "batch_size"})  # fmt: skip
    assert (former.group_by, former.map_axis) == ("objective", "batch_size")
    again = dataclasses.replace(former, trials=96)
    assert (again.group_by, again.map_axis) == ("objective", "batch_size")
    assert dataclasses.replace(former, over="").map_axis == "latent_size"
    assert dataclasses.replace(former, by="batch_size").group_by == "batch_size"
