"""`gensweep features` writes weights that a perceptual loss takes, and refuses what has none."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gensweep.cli import main
from gensweep_models.nets.perceptual import ClassifierFeatures


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSWEEP_STORE", f"file://{tmp_path}/store")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.safetensors").touch()


def test_features_of_digits_fit_a_perceptual_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", "digits"]) == 0
    said = capsys.readouterr().out
    assert "features.safetensors: classifier of digits" in said
    assert float(said.split("tells ")[1].split("%")[0]) > 93
    net = ClassifierFeatures((1, 8, 8))
    weights = load_file(tmp_path / "features.safetensors")
    net.load_state_dict(weights)
    assert main(["features", "digits", "--seed", "2", "--out", "other.safetensors"]) == 0
    other = load_file(tmp_path / "other.safetensors")
    assert not torch.equal(weights["hidden.weight"], other["hidden.weight"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ring8"], "take images of two classes"),
        (["digits", "--seed", "0"], "--seed 0 must be 1 or more"),
        (["digits", "--out", "a.pt"], "must end in .safetensors"),
        (["digits", "--out", "none/a.safetensors"], "there is no folder none: make it first."),
        (["digits", "--out", "here.safetensors"], "exists, and sweeps may use it"),
    ],
)
def test_what_has_no_features_is_refused_in_a_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert says in error
