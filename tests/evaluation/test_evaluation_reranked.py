"""Of several candidates that one is kept which the classifier finds likeliest of its class."""

import argparse
import dataclasses
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gensweep.cli import _sample
from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import Ranking, sample_lane, sample_reranked, sampler_spec
from gensweep.evaluation._pictured_lane import PicturedLane
from gensweep.evaluation._reranking import MOST, reranked
from gensweep.lanes import Pack
from gensweep.metrics import FeatureNet
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real
from small_entries import small_settings

COUNT, CANDIDATES = 6, 5
SPACE = {"learning_rate": Real(1e-4, 1e-2, log=True)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """Has digits and a classifier of them, of random weights."""
    made = open_store(tmp_path_factory.mktemp("store").as_uri())
    for columns in ((), ("caption",)):
        train = load_dataset("digits", made, columns=columns, split="train")
        made.put(f"features/{train.name}-{train.hash[:16]}-classes-v1.pt", classifier().save())
    return made


def classifier() -> FeatureNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FeatureNet((1, 8, 8), 10)


def stored(folder: Path, name: str, data: Any) -> tuple[str, dict[str, Any], Pack]:
    """A lane in a file, its description, and its pack."""
    model = CATALOG[name]
    sweep = Sweep(name="s", model=model, space=SPACE, fixed=small_settings(model))
    config = sweep.config({})
    pack = Pack(model, config, data, data.source("cpu"), width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=1000)
    file = folder / "lane"
    file.write_bytes(pack.take(0).to_bytes())
    about = sampler_spec(sweep, {}, data)
    return str(file), {**about, "pack": dataclasses.asdict(config)}, pack


@pytest.mark.parametrize("name", ["cgan", "dalle", "guided_diffusion"])
def test_the_likeliest_candidate_of_the_class_is_kept(
    name: str, store: ObjectStore, tmp_path: Path
) -> None:
    file, about, pack = stored(tmp_path, name, load_dataset("digits", store, split="train"))
    values = {"y": [3, 1, 4, 1, 5, 9]}
    ranking = Ranking(CANDIDATES, store)
    kept = torch.from_numpy(sample_reranked(file, about, COUNT, ranking, values, seed=5))
    y = torch.tensor(values["y"]).repeat_interleave(CANDIDATES)
    drawn = pack.sample(COUNT * CANDIDATES, seed=5, given={"y": y})[0]
    sure = classifier().eval()(drawn).softmax(1)[torch.arange(len(y)), y].reshape(COUNT, -1)
    candidates = drawn.unflatten(0, (COUNT, CANDIDATES))
    for sample, among, likely in zip(kept, candidates, sure, strict=True):
        assert torch.equal(sample, among[likely.argmax()])
    assert (sure.max(1).values > sure[:, 0]).any()


def test_a_text_is_ranked_by_the_class_that_is_told_with_it(
    store: ObjectStore, tmp_path: Path
) -> None:
    """Or by that of the example whose text it is; without either there is nothing to rank by."""
    data = load_dataset("digits", store, columns=("caption",), split="train")
    file, about, pack = stored(tmp_path, "dalle", data)
    assert about["given"] == ["caption"]
    told, ranking = {"caption": "a bold seven"}, Ranking(CANDIDATES, store)
    with pytest.raises(UserError, match="not known here: give y"):
        sample_reranked(file, about, 2, ranking, told)
    kept = torch.from_numpy(sample_reranked(file, about, 2, ranking, told | {"y": 7}))
    caption = torch.tensor(list(b"a bold seven"))
    width = about["data"]["columns"]["caption"]["shape"][0]
    column = torch.nn.functional.pad(caption, (0, width - len(caption)))
    each = column.expand(2 * CANDIDATES, -1)
    drawn = pack.sample(2 * CANDIDATES, given={"caption": each})[0]
    best = classifier().eval()(drawn).softmax(1)[:, 7].reshape(2, -1).argmax(1)
    assert torch.equal(kept, drawn.unflatten(0, (2, -1))[torch.arange(2), best])
    examples = {"caption": each[:2], "y": torch.tensor([7, 7])}
    same = sample_reranked(file, about, 2, ranking, examples=examples)
    assert torch.equal(torch.from_numpy(same), kept)


def test_one_candidate_is_the_sample(store: ObjectStore, tmp_path: Path) -> None:
    file, about, _ = stored(tmp_path, "cgan", load_dataset("digits", store, split="train"))
    found = sample_reranked(file, about, COUNT, Ranking(1, store), seed=2)
    assert (found == sample_lane(file, about, COUNT, seed=2)).all()


def test_samples_without_a_class_are_not_ranked(store: ObjectStore, tmp_path: Path) -> None:
    file, about, _ = stored(tmp_path, "gan", load_dataset("digits", store, split="train"))
    with pytest.raises(UserError, match="not known here: give y"):
        sample_reranked(file, about, COUNT, Ranking(2, store))


def test_a_picture_shows_the_best_of_more_and_more_candidates(
    store: ObjectStore, tmp_path: Path
) -> None:
    """Each at least as likely as those before; the first is the first candidate."""
    splits = tuple(load_dataset("digits", store, split=split) for split in ("train", "test"))
    _, _, pack = stored(tmp_path, "cgan", splits[0])
    lane = PicturedLane.of(pack, splits, store, 24, values={"y": 7})  # type: ignore[arg-type]
    sheet = reranked(lane)
    assert (sheet.columns, len(sheet.samples)) == (len(MOST), 3 * len(MOST))
    sure = classifier().eval()(sheet.samples).softmax(1)[:, 7].reshape(3, -1)
    assert (sure[:, 1:] >= sure[:, :-1]).all()
    assert (sure[:, -1] > sure[:, 0]).all()
    drawn = pack.sample(3 * MOST[-1], given={"y": torch.full((3 * MOST[-1],), 7)})[0]
    assert torch.equal(sheet.samples[:: len(MOST)], drawn[:: MOST[-1]])


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    _sample.add_parser(parser.add_subparsers())
    return parser.parse_args(["sample", "name", *words])


def test_the_command_line_ranks_candidates(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENSWEEP_STORE", store.uri)
    file, about, _ = stored(tmp_path, "cgan", load_dataset("digits", store, split="train"))
    args = arguments("--count", "6", "--seed", "5", "--rerank", "5", "--set", "y=4")
    _, data = _sample._draw(args, file, about, ".npy")
    known = sample_reranked(file, about, COUNT, Ranking(CANDIDATES, store), {"y": 4}, seed=5)
    assert (np.load(io.BytesIO(data)) == known).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rerank", "0"], "--rerank 0 must be 1 or more"),
        (
            ["--rerank", "2", "--what", "walks"],
            "--rerank is of samples: leave it out, or --what wa",
        ),
    ],
)
def test_a_ranking_that_cannot_be_is_one_line(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _sample.run(arguments(*words))


@pytest.mark.slow("trains a cGAN until it knows some classes", minutes=0.4)
def test_another_classifier_sees_the_class_in_more_of_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of other examples: the gain is no artefact of the classifier that ranks."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "benchmarks")
    script = importlib.import_module("reranking")
    args = script.parser().parse_args(["cgan", "--preset", "--images", "100000"])
    found = script.measured(args, open_store(tmp_path.as_uri()))
    assert found["independent.examples"] > 0.9
    assert found["independent.4"] > found["independent.1"] + 0.1
    assert found["independent.16"] > found["independent.4"]
