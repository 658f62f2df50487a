"""The charts that a script adds to its report, and those of the scripts in sweeps/."""

import dataclasses
import importlib.util
import itertools
import logging
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gensweep.driver._report_files import charts_of
from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.planning._check_model import check_metrics
from gensweep.report import SweepFacts, build_report
from gensweep.report._svg import Axes
from gensweep.sweep import Chart
from gensweep.testing import RandomExamples

SCRIPTS = Path(__file__).resolve().parents[2] / "sweeps"
ALMOST_A_LINE = ((0.0, 0.0), (1.0, math.nan), (2.0, 1.0))


def page_of(*charts: Chart) -> str:
    return build_report(
        SweepFacts(), [], {}, objective=Objective.of("distance"), map_axis="x", charts=charts
    )


def paths_in(page: str) -> dict[str, list[tuple[float, ...]]]:
    """Line to the points at which it is drawn."""
    found = re.findall(r'<polyline points="([^"]*)" class="line[^>]*><title>([^<]*)<', page)
    return {
        name: [tuple(map(float, pair.split(","))) for pair in points.split()]
        for points, name in found
    }


def test_a_chart_has_its_lines_legend_and_words() -> None:
    lines = {"one <b>": ALMOST_A_LINE, "two": ((0.0, 1.0), (2.0, 0.0))}
    page = page_of(Chart(title="Two & more", names=("x", "y"), lines=lines, caption="Said."))
    drawn = paths_in(page)
    assert [len(points) for points in drawn.values()] == [2, 2]
    assert "<h3>Two &amp; more</h3>" in page
    assert re.findall(r'<i class="line(\d)"></i>([^<]*)<', page) == [
        ("0", "one &lt;b&gt;"),
        ("1", "two"),
    ]
    assert '<p class="note">Said.</p>' in page
    for name in ("line0", "line5"):
        assert f".line.{name} {{" in page
        assert f"i.{name} {{" in page


def test_values_that_span_decades_are_set_apart_by_their_ratios() -> None:
    decades = {"falls": tuple((float(k), 10.0**-k) for k in range(5))}
    (points,) = paths_in(page_of(Chart(title="f", names=("k", "y"), lines=decades))).values()
    heights = [y for _, y in points]
    steps = [after - before for before, after in itertools.pairwise(heights)]
    assert min(steps) == pytest.approx(max(steps), abs=0.2)
    assert min(steps) > 0


def test_a_square_chart_has_one_scale() -> None:
    flat = ((0.0, 0.0), (4.0, 1.0))
    page = page_of(Chart(title="path", names=("x", "y"), lines={"a": flat}, square=True))
    (points,) = paths_in(page).values()
    across, up = (abs(b - a) for a, b in zip(*points, strict=True))
    assert across == pytest.approx(4 * up, rel=0.01)
    wide = page_of(Chart(title="path", names=("x", "y"), lines={"a": flat}))
    (points,) = paths_in(wide).values()
    across, up = (abs(b - a) for a, b in zip(*points, strict=True))
    assert across == pytest.approx(600 / 215 * up, rel=0.01)


def test_a_chart_without_points_is_left_out() -> None:
    page = page_of(Chart(title="nothing", names=("x", "y"), lines={"a": [(math.inf, 0.0)]}))
    assert "nothing" not in page
    assert "<h2>Figures</h2>" not in page


def load(name: str) -> ModuleType:
    """Import a script of sweeps/ without running it."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script of the smallest game, whose paths are short here."""
    module = load("minimax_game")
    module.STEPS = 30  # type: ignore[attr-defined]
    return module


def test_a_figure_that_fails_costs_only_itself(
    script: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(trials: Sequence[Any]) -> Iterator[Chart]:
        yield Chart(title="half", names=("x", "y"), lines={})
        raise ZeroDivisionError(trials)

    sweep = dataclasses.replace(script.SWEEP, figures=(broken, script.distances))
    with caplog.at_level(logging.WARNING):
        charts = charts_of(sweep, [])
    assert [chart.title for chart in charts][-1] == "Distance from the equilibrium, extragradient"
    assert "half" not in [chart.title for chart in charts]
    assert "the figure broken is left out: ZeroDivisionError" in caplog.text


def test_figures_that_are_no_functions_are_refused_when_a_sweep_is_made(script: ModuleType) -> None:
    for wrong in (script.spirals, ("spirals",)):
        with pytest.raises(UserError, match="figures must be functions of trials"):
            dataclasses.replace(script.SWEEP, figures=wrong)


def radii(chart: Chart) -> dict[str, float]:
    """Each line's distance from the origin at its end, over that at its start."""
    return {
        name: math.hypot(*line[-1]) / math.hypot(*line[0]) for name, line in chart.lines.items()
    }


def test_the_paths_of_the_game_spiral_out_orbit_or_spiral_in(script: ModuleType) -> None:
    at_once, in_turn, extragradient = map(radii, script.spirals([]))
    steps = script.STEPS - 1
    assert at_once["gradient"] == pytest.approx((1 + script.RATE**2) ** (steps / 2), rel=1e-4)
    assert at_once["negative_momentum"] > 1
    assert in_turn["gradient"] == pytest.approx(1, abs=script.RATE)
    rate = 1 - script.RATE**2 + script.RATE**4
    assert extragradient["gradient"] == pytest.approx(rate ** (steps / 2), rel=1e-4)
    for cured in (at_once["optimistic"], at_once["consensus"], in_turn["negative_momentum"]):
        assert cured < 0.9


def test_the_paths_of_the_dirac_gan_tell_cures_from_others(script: ModuleType) -> None:
    script.REGULARISERS = ("none", "r1")  # type: ignore[attr-defined]
    script.OBJECTIVES = ("minimax",)  # type: ignore[attr-defined]
    plain, cured = (radii(chart)["minimax"] for chart in script.dirac_gans([]))
    assert plain > 0.9
    assert cured < 0.5


def test_the_divergences_of_parallel_lines_are_those_of_the_lecture() -> None:
    (chart,) = load("wasserstein_critic").parallel_lines([])
    for theta, value in chart.lines["Jensen-Shannon (nats)"]:
        assert value == pytest.approx(math.log(2) if theta else 0)
    for theta, value in chart.lines["Wasserstein"]:
        assert value == pytest.approx(abs(theta))
    assert (0.0, 0.0) in chart.lines["Wasserstein"]


def test_truncation_is_asked_at_the_thresholds_of_the_paper() -> None:
    assert load("truncation").SWEEP.sampling_grids == {"truncation": (0.04, 0.5, 1.0, 2.0)}


def test_only_the_critic_has_a_slope_where_samples_are() -> None:
    """Which is the steepest allowed, and worth the whole Wasserstein distance of the Gaussians."""
    module = load("wasserstein_critic")
    (chart,) = module.two_gaussians([])
    critic, discriminator = dict(chart.lines["critic / 4"]), dict(chart.lines["discriminator"])
    at = module.FAKE.mean
    assert (critic[at] - critic[at - 1]) * 4 == -1
    assert abs(discriminator[at + 1] - discriminator[at]) < 1e-3
    assert discriminator[0.0] == 0.5
    gap = (critic[module.REAL.mean] - critic[at]) * 4  # of the means, for it is linear
    assert gap == module.FAKE.mean - module.REAL.mean


def test_the_minimax_generator_learns_nothing_where_the_discriminator_wins() -> None:
    losses, slopes = load("gan_stability").generator_losses([])
    gradients = {name: dict(line) for name, line in slopes.lines.items()}
    for logit, minimax in gradients["minimax"].items():
        other = gradients["non_saturating"][logit]
        assert minimax == pytest.approx(-1 / (1 + math.exp(-logit)), abs=1e-6)
        assert other == pytest.approx(-1 / (1 + math.exp(logit)), abs=1e-6)
    for share, loss in losses.lines["non_saturating"]:
        assert loss == pytest.approx(-math.log(share), abs=1e-5)
    for share, loss in losses.lines["minimax"]:
        assert loss == pytest.approx(math.log1p(-share), abs=1e-3)


def test_means_over_the_critics_iterations_are_of_the_trials_that_were_measured() -> None:
    trials = [
        {"params": {"objective": "wasserstein", "critic_iterations": steps},
         "metrics": {"total_variation": value, "high_quality": 1 - value} if value else {}}
        for steps, value in ((5, 0.25), (5, 0.75), (1, 0.125), (2, None))
    ]  # fmt: skip
    variation, quality = load("wasserstein_critic").over_iterations(trials)
    assert variation.lines == {"wasserstein": [(1, 0.125), (5, 0.5)], "wasserstein_gp": []}
    assert quality.lines["wasserstein"] == [(1, 0.875), (5, 0.5)]


def test_a_cure_is_told_by_trials_with_and_without_it() -> None:
    module = load("mode_collapse")
    none = {cure: without for cure, (without, _) in module.CURES.items()}
    trials = [
        {"params": none | {"packing": packing, "learning_rate": rate}, "metrics": metrics}
        for packing, rate, metrics in (
            (1, 3e-4, {"modes": 2}), (1, 7e-4, {}), (4, 3e-4, {"modes": 8}), (4, 3e-2, {"modes": 1})
        )
    ]  # fmt: skip
    charts = {chart.title: chart for chart in module.effects(trials)}
    assert len(charts) == 2 * len(module.CURES)
    packed = charts["modes by packing"].lines
    assert packed["packing=1"] == [(pytest.approx(-3.323, abs=1e-3), 1)]
    assert packed["packing=4"] == [
        (pytest.approx(-3.323, abs=1e-3), 8),
        (pytest.approx(-1.723, abs=1e-3), 1),
    ]
    assert charts["modes by penalty"].lines["penalty=r1"] == []


def test_the_map_of_the_script_shows_what_was_measured(script: ModuleType) -> None:
    trials = [
        {"params": {"order": "in_turn", "method": "gradient", "learning_rate": rate},
         "metrics": metrics}
        for rate, metrics in ((0.1, {"distance": 0.01}), (0.01, {"distance": 1.0}), (1.0, {}))
    ]  # fmt: skip
    _, in_turn, _ = script.distances(trials)
    assert in_turn.lines["gradient"] == [(-2.0, 0.0), (-1.0, -2.0)]


def test_the_script_asks_for_what_is_measured(script: ModuleType) -> None:
    examples = RandomExamples((2,), classes=0)

    class Points:
        """Random points as a data set, with modes."""

        name, modes, mode_std = "points", examples.x[:2], 0.1
        shape, classes, count = examples.shape, examples.classes, examples.count

        def source(self, device: str) -> RandomExamples:
            return examples

    check_metrics(script.SWEEP, Points())  # type: ignore[arg-type]
    assert script.SWEEP.objective("total_variation").direction == "minimize"


def test_a_vaes_trade_is_drawn_by_its_latent_size_and_kl_weight() -> None:
    module = load("vae_tradeoff")
    trials = [
        {"params": {"latent_size": size, "kl_weight": weight}, "metrics": metrics}
        for size, weight, metrics in (
            (4, 0.1, {"rate": 9.0, "distortion": 1.0, "active_units": 4.0, "nll": 12.0}),
            (4, 10.0, {"rate": 0.0, "distortion": 5.0, "active_units": 0.0, "nll": 6.0}),
            (64, 1.0, {}),
        )
    ]
    (trade,) = module.rate_distortion(trials)
    small = "latent_size 2 to 5"
    assert trade.lines == {
        small: [(0.0, 5.0), (9.0, 1.0)], "latent_size 6 to 18": [], "latent_size 19 to 64": [],
    }  # fmt: skip
    active, *_ = module.over_weight(trials)
    assert active.lines[small] == [(-1.0, 1.0), (1.0, 0.0)]
    bound, *_ = module.over_size(trials)
    assert bound.lines["kl_weight 2 to 10"] == [(2.0, 6.0)]


def test_codes_are_compared_by_their_number_length_and_update() -> None:
    module = load("discrete_latents")
    trials = [
        {"params": {"codes": codes, "code_size": 2, "codebook": "ema", "commitment_weight": 0.1},
         "metrics": metrics}
        for codes, metrics in (
            (8, {"perplexity": 6.0, "reconstruction_error": 0.2, "frechet": 9.0}),
            (8, {"perplexity": 4.0, "reconstruction_error": 0.4, "frechet": 7.0}),
            (32, {"perplexity": 20.0, "reconstruction_error": 0.1, "frechet": 5.0}),
            (128, {"perplexity": 90.0}),
        )
    ]  # fmt: skip
    error, distance = module.over_perplexity(trials)
    group = "ema, codes of 2"
    assert error.lines[group] == [(4.0, 0.4), (6.0, 0.2), (20.0, 0.1)]
    assert distance.lines[group] == [(4.0, 7.0), (6.0, 9.0), (20.0, 5.0)]
    assert error.lines["gradient, codes of 8"] == []
    used, means, _ = module.over_codes(trials)
    assert used.lines[group] == [(3.0, 5.0), (5.0, 20.0)]
    assert means.lines[group] == [(3.0, pytest.approx(0.3)), (5.0, 0.1)]
    used, error, _ = module.over_commitment(trials)
    assert used.lines["128 codes, ema"] == [(-1.0, 90.0)]
    assert list(error.lines) == ["32 codes, ema", "8 codes, ema"]


def test_an_axis_of_counts_has_whole_ticks() -> None:
    """As of the best of k configurations: there is no half of one."""
    for points, ticks in (([(1.0, 2.0), (3.0, 1.5)], ["1", "2", "3"]),
                          ([(1.0, 2.0), (2.5, 1.5)], ["1", "1.5", "2", "2.5"])):  # fmt: skip
        drawn = Axes(points, ("k", "value")).draw([], "a figure")
        assert re.findall(r'y="256.0" text-anchor="middle">([\d.]+)<', drawn) == ticks
