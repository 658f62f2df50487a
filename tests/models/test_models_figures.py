"""The tables of figures have every entry, and their commands draw what they say."""

import importlib
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from gensweep.known_pictures import offered_pictures
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "models" / "FIGURES.md").read_text()
ROWS = re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \| (.*?) \|$", TABLE, re.M)
COMMANDS = sorted({one for row in ROWS for one in re.findall("`(python .*?)`", row[3])})
PICTURES = [shlex.split(one)[2:] for one in COMMANDS if "entry_picture.py" in one]
QUICK = ("r3gan", "beta_vae")
"""Entries that train in seconds."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tests" / "benchmarks")
        return importlib.import_module("entry_picture")


def test_every_entry_has_a_figure() -> None:
    named = {name for entries, *_ in ROWS for name in re.findall("`(.*?)`", entries)}
    assert named == set(CATALOG)
    assert len(PICTURES) == sum("entry_picture.py" in row[3] for row in ROWS)


@pytest.mark.parametrize("path", [shlex.split(one)[1] for one in COMMANDS])
def test_scripts_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("argv", PICTURES, ids=" ".join)
def test_an_entry_offers_the_picture(argv: list[str], script: ModuleType) -> None:
    args = script.parser().parse_args(argv)
    sweep, values, _ = script.asked(args)
    data = RandomExamples((2,), 0) if args.data == "ring8" else RandomExamples((1, 8, 8), 10)
    config = sweep.model.config(**values)
    assert args.what in offered_pictures(sweep.model.game(config, data), data, config)


@pytest.mark.parametrize("argv", [a for a in PICTURES if a[2] in QUICK], ids=" ".join)
def test_a_command_draws_its_picture(argv: list[str], script: ModuleType, tmp_path: Path) -> None:
    args = script.parser().parse_args([*argv, "--images", "1280"])
    args.file = tmp_path / args.file
    assert script.main(args).startswith(f"{args.what}: ")
    assert args.file.read_bytes().startswith(b"\x89PNG")
