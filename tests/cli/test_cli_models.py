"""`gensweep models` lists the catalogue, and tells all of one model."""

import json

import pytest

from gensweep.cli import main
from gensweep.sweep import catalog, describe


def test_every_model_is_listed_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name, model in catalog().items():
        told = describe(model)["summary"]
        assert len(told) > 20, name
        assert told in said
        assert "Settings of" not in told


def test_a_model_tells_its_data_and_its_hyperparameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "biggan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("biggan (adversarial, arXiv:1809.11096): BigGAN: ")
    assert lines[1:3] == ["examples: 1 x 8 x 8; 1 x 28 x 28; 3 x 32 x 32", "given: y"]
    ours = [line for line in lines if line.startswith("measured: ")]
    assert "Fréchet distance 9.8 ± 0.8" in ours[0]
    assert ours[0].endswith(" (models/QUALITY.md, What entries reach in minutes)")
    lines = [line for line in lines if line not in ours]
    assert [line.split(":")[0] for line in lines[3:7]] == [
        "offers", "preset for digits, 60,000 images", "preset for cifar10, 7,000 images",
        "hyperparameters, searched by default where marked *; trials of a pack may differ in",
    ]  # fmt: skip
    assert "embedding_size=16" in lines[4]
    rows = {line[3:].split("=")[0]: line for line in lines[8:]}
    assert set(rows) == set(describe(catalog()["biggan"])["hyperparameters"])
    assert rows["learning_rate"].startswith(" * learning_rate=0.0002 ")
    assert rows["critic_iterations"].endswith("steps of the critic for one of the generator; >= 1")
    assert rows["beta1"].endswith(">= 0 and < 1")


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "realnvp", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [2] in told["shapes"]
    fields = {field["name"]: field for field in told["fields"]}
    assert fields["couplings"]["bounds"] == {"at_least": 2}
    assert fields["couplings"]["searched"]
    assert not fields["hidden"]["searched"]
    assert main(["models", "--json"]) == 0
    assert {one["name"] for one in json.loads(capsys.readouterr().out)} == set(catalog())


def test_an_unknown_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "bigan"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: unknown model 'bigan': choose from ")
    assert said.count("\n") == 1
