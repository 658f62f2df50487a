"""Figures of papers: each is of a metric that its entry has, and names its source."""

import re
from math import log

import pytest

from gensweep.cli import main
from gensweep.evaluation import Likelihood
from gensweep.sweep import describe
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.published import PUBLISHED

SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
FIGURES = [(name, figure) for name, figures in PUBLISHED.items() for figure in figures]


@pytest.mark.parametrize(
    ("name", "figure"), FIGURES, ids=[f"{n}-{f.data}-{f.value:.3g}" for n, f in FIGURES]
)
def test_a_figure_is_of_a_metric_of_its_entry(name: str, figure: object) -> None:
    """At the settings of the data's preset, where there is one, its pixels are the paper's."""
    model = CATALOG[name]
    assert figure in model.published
    found = next(one for one in model.published if one == figure)
    preset = model.presets.get(found.data)
    examples = RandomExamples(SHAPES[found.data], 10)
    game = model.game(model.config(**(preset.settings if preset else {})), examples)
    measured = Likelihood.of_game(game, {"x": examples.x}, "test")
    assert measured is not None
    assert found.metric in measured.metrics
    assert found.value > 0
    assert re.match(r"arXiv:\d{4}\.\d{5}", found.source) or re.match(
        r"arXiv:\d{4}\.\d{4}", found.source
    )
    assert found.protocol
    once = "once" in found.of
    assert not preset or once or measured.of.partition(";")[0] == found.of


def test_nice_is_told_in_bits() -> None:
    """1,980.50 nats of a density over [0, 1]^784 are those of 256 levels minus 784 ln 256."""
    (figure,) = CATALOG["nice"].published
    nats_of_levels = 784 * log(256) - 1980.50
    assert figure.value * 784 * log(2) == pytest.approx(nats_of_levels)


def test_a_model_tells_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "realnvp"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("published")]
    assert lines[0].startswith("published: bits_per_dim 1.06 on mnist, of pixels dequantised at")
    assert lines[0].endswith("(arXiv:1908.09257, table 5, quoted)")
    assert [one["value"] for one in describe(CATALOG["realnvp"])["published"]] == [1.06, 3.49]
    assert len(lines) == 2
    assert describe(CATALOG["gan"])["published"] == []
