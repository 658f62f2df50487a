"""What papers tell beside what a sweep measured: from a trained trial to its report's table."""

import json
import re
import struct
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch

from gensweep.budget import Budget
from gensweep.catalog import published_figures
from gensweep.data import load_dataset
from gensweep.driver._finish import print_answer
from gensweep.evaluation import Likelihood, draw_examples
from gensweep.lanes import Pack
from gensweep.planning import Plan
from gensweep.report import SweepFacts
from gensweep.report._published import beside_papers
from gensweep.spec import RunRequest
from gensweep.storage import FileStore, TrialArtifacts, TrialArtifactWriter
from gensweep.study import Study, StudySpec
from gensweep.sweep import Sweep
from gensweep.trial import TrialState
from gensweep_models.catalog import CATALOG

IMAGES = 100
COUNTS = {"train": 60, "t10k": 40}
SETTINGS = {"hidden": 8, "latent_size": 2, "batch_size": 20, "binarise": "dynamic"}


def write_mnist(folder: Path) -> None:
    """Write the four files of MNIST, with few examples: a bright block where its class says."""
    folder.mkdir()
    for split, count in COUNTS.items():
        y = torch.arange(count) % 10
        x = torch.zeros(count, 28, 28, dtype=torch.uint8)
        for image, label in zip(x, y.tolist(), strict=True):
            image[2 * label : 2 * label + 8, 4:24] = 200
        for name, array in (("images-idx3", x), ("labels-idx1", y.to(torch.uint8))):
            head = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
            (folder / f"{split}-{name}-ubyte").write_bytes(head + array.numpy().tobytes())


def plan_of(home: Path) -> Plan:
    model, store = CATALOG["vae"], FileStore(home / "store")
    data = f"mnist={home / 'images'}"
    sweep = Sweep(name="s", model=model, data=data, trials=1, budget_images=IMAGES, target="nll",
                  space={"learning_rate": model.space["learning_rate"]},
                  fixed=SETTINGS)  # fmt: skip
    train, test = (load_dataset(data, store, split=split) for split in ("train", "test"))
    return Plan(request=RunRequest(sweep=sweep, script="x.py"), store=f"file://{home / 'store'}",
                tracking_uri="http://127.0.0.1:9", ledger=str(home / "studies"), home=str(home),
                dataset=train, test=test)  # fmt: skip


def ended_report(home: Path) -> dict[str, bytes]:
    """Train, measure, keep and end the one trial of a sweep; return the files that it leaves."""
    plan = plan_of(home)
    sweep, train, test = plan.request.sweep, plan.dataset, plan.test
    assert test is not None
    objective = sweep.objective("frechet")
    spec = StudySpec(
        name="s", space=sweep.space, objective=objective, budget=Budget(trials=1),
        budget_images=IMAGES, sampler="random", repeats=1, settings=sweep.identity(),
    )  # fmt: skip
    with Study.create(spec, plan.ledger) as study:
        (lease,) = study.lease("me", 1)
        config = sweep.config(lease.params)
        pack = Pack(sweep.model, config, train, train.source("cpu"), width=1)
        pack.load(0, config, seed=0, budget_images=IMAGES)
        pack.run(IMAGES // config.batch_size)
        likelihood = Likelihood.of_game(pack.game, draw_examples(test, COUNTS["t10k"]), "test")
        assert likelihood is not None
        lane = TrialArtifacts(number=0, weights=pack.take(0).to_bytes(), png=b"")
        kept = TrialArtifactWriter(FileStore(home / "store"), "s", "me").write([lane])
        (metrics,) = likelihood.measure(pack, [0])
        end = study.resolve_end(lease, TrialState.COMPLETED, "", metrics)
        assert end is not None
        assert study.finish(lease, end, IMAGES, {"outcome": "converged", "kept": kept})
    return print_answer(plan, {"nll": likelihood.protocol}, objective, {})[1]


def table_of(page: str) -> list[list[str]]:
    """The cells of the rows of the table beside the papers."""
    section = page[page.index("<h2>Beside the papers</h2>") :].partition("</section>")[0]
    body = section.partition("<tbody>")[2]
    rows = re.findall("<tr>(.*?)</tr>", body)
    return [[unescape(cell) for cell in re.findall("<td.*?>(.*?)</td>", row)] for row in rows]


def test_a_report_sets_the_best_trial_beside_the_paper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its likelihood on the examples that ranked no trial, at its budget, with both protocols."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    write_mnist(tmp_path / "images")
    files = ended_report(tmp_path)
    test = json.loads(files["trials.json"])["test"]
    (row,) = table_of(files["report.html"].decode())
    metrics, (paper,) = test["metrics"], CATALOG["vae"].published
    ours = f"{metrics['nll']:.4g} ± {metrics['nll_standard_error']:.2g}"
    how = f"{test['protocol']['of']}; iwae; 20 of 40 test examples; 500 importance samples"
    assert row == [
        "nll (nats, less is better)", ours, f"{IMAGES}", how, "86.76", paper.budget,
        f"{paper.of}; {paper.protocol}", "yes", paper.source, paper.evidence,
    ]  # fmt: skip


def best_with(**metrics: float) -> Any:
    return {"number": 3, "images": 9, "metrics": metrics}


def test_figures_without_a_measurement_have_no_row() -> None:
    """Where the examples that rank trials are all there is, they are told of."""
    figures = published_figures(CATALOG["iwae"])
    nll = {"kind": "iwae", "of": figures[0]["of"], "split": "test", "examples": 500,
           "drawn_from": 10_000, "importance_samples": 500}  # fmt: skip
    facts = SweepFacts(published=figures, protocol={"nll": nll})
    table = beside_papers(facts, best_with(nll=90.123))
    assert table is not None
    assert [row[:5] for row in table.rows] == [
        ["nll (nats, less is better)", "90.12", "9", row[3], row[4]] for row in table.rows
    ]
    assert [row[4] for row in table.rows] == ["85.54", "84.78"]
    assert str(table.rows[0][3]).endswith("500 of 10,000 test examples; 500 importance samples")
    for metrics in ({"frechet": 1.0}, {"nll": float("nan")}):
        assert beside_papers(facts, best_with(**metrics)) is None
    assert beside_papers(facts, None) is None
    assert beside_papers(SweepFacts(protocol={"nll": nll}), best_with(nll=90.1)) is None


@pytest.mark.parametrize(
    ("name", "of", "said"),
    [
        ("ddpm", "pixels at 256 levels; the sum over 9 times is estimated at 5 of them", "yes"),
        ("ddpm", "pixels at 17 levels", "no"),
        ("vae", "grey pixels under a Bernoulli: a cross entropy, not a likelihood", "no"),
        ("pixelcnn", "pixels binarised by a draw from their intensities", "no"),
    ],
)
def test_only_the_same_pixels_are_comparable(name: str, of: str, said: str) -> None:
    """What a diffusion bounds is told with how its sum is estimated."""
    facts = SweepFacts(published=published_figures(CATALOG[name]), protocol={"nll": {"of": of}})
    table = beside_papers(facts, best_with(nll=4.0, bits_per_dim=4.0))
    assert table is not None
    (row,) = table.rows
    assert (row[3], row[7]) == (of, said)
