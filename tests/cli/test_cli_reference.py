"""The pages of `gensweep models --html`: no model, field, metric or option lacks its text."""

import argparse
import re
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import photograph
from gensweep.cli import main
from gensweep.cli._main import COMMANDS
from gensweep.known_metrics import METRICS
from gensweep.planning import options_parser
from gensweep.sweep import Sweep, catalog, describe
from gensweep.training_metrics import FORMULAS, OF_A_PLAYER

ENTRY = re.compile(r"<dt.*?>(.*?)</dt>\s*<dd>(.*?)</dd>", re.DOTALL)
LINK, TAG = re.compile(r"</?a\b[^>]*>"), re.compile(r"<[^>]+>")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reference") / "pages"
    assert main(["models", "--html", str(folder)]) == 0
    return {file.name: file.read_text() for file in folder.iterdir()}


def words(html: str) -> str:
    """What a reader sees of a part of a page, in one line."""
    return " ".join(unescape(TAG.sub(" ", LINK.sub("", html))).split())


def entries(page: str) -> dict[str, str]:
    """What each term of a page's lists is, and what is said of it."""
    return {words(term): words(says) for term, says in ENTRY.findall(page)}


def test_every_page_is_reached_and_loads_nothing(pages: dict[str, str]) -> None:
    named = {target for page in pages.values() for target in re.findall(r'href="([^":#]+)"', page)}
    assert named == set(pages)
    for page in pages.values():
        assert "<script" not in page
        assert not re.search(r"(?:src|@import|url\()", page)
        assert set(re.findall(r"<(\w+) [^>]*https?://", page)) <= {"a"}


def test_every_model_has_its_page(pages: dict[str, str]) -> None:
    listed = entries(pages["index.html"])
    for name, model in catalog().items():
        told, page = describe(model), pages[f"model-{name}.html"]
        assert listed[name] == told["summary"]
        said = entries(page)
        assert said["Paper"] == model.paper
        assert said["Examples"][0] in "123", name
        for field in told["fields"]:
            default = str(field["default"]) or "''"
            text = said[f"{field['name']} = {default}"]
            assert field["meaning"], (name, field["name"])
            assert text.startswith(f"{field['meaning']} {field['scope']}")
            assert ("searched by default: " in text) == field["searched"]
        assert page.count("<rect") >= 1, name
        for data, preset in told["presets"].items():
            assert f"<h3>{data}, {preset['images']:,} images</h3>" in page
        assert page.count("Reached, as a test holds it to") == sum(
            preset["reached"] is not None for preset in told["presets"].values()
        )
        for figure in told["published"]:
            assert figure["protocol"] in words(page)


def test_our_tables_are_on_the_pages_row_by_row(pages: dict[str, str]) -> None:
    """Each number of a line that begins with an entry is on the entry's page."""
    folder = Path(__file__).parents[2] / "models"
    row = re.compile(r"^\| `(\w+)`[^|]*\|(.*)\|$", re.MULTILINE)
    lines = [found for name in ("QUALITY.md", "THROUGHPUT.md", "MNIST.md")
             for found in row.findall((folder / name).read_text())]  # fmt: skip
    assert len(lines) > 60
    for name, cells in lines:
        shown = words(pages[f"model-{name}.html"])
        assert [cell for part in cells.split("|") if (cell := part.strip()) not in shown] == []


def test_every_metric_has_formula_direction_and_source(pages: dict[str, str]) -> None:
    measured, _, training = pages["metrics.html"].partition("<h2>Training metrics</h2>")
    said = entries(measured)
    assert len(said) == len(METRICS)
    trained = entries(training)
    assert trained.items() >= FORMULAS.items()
    assert {name.removeprefix("PLAYER") for name in trained} - set(FORMULAS) == set(OF_A_PLAYER)
    for name, metric in METRICS.items():
        text = said[f"{name} ({metric.unit})" if metric.unit else name]
        assert text.startswith(metric.formula)
        assert re.search(r"(more|less|neither end) is better; of ", text)
        assert text.endswith(metric.source or "its formula defines it")
        if metric.source.startswith("arXiv:"):
            link = f"https://arxiv.org/abs/{metric.source.removeprefix('arXiv:').split(',')[0]}"
            assert f'<a href="{link}">' in pages["metrics.html"]


def test_every_option_of_commands_and_scripts_says_what_it_does(pages: dict[str, str]) -> None:
    subparsers = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS:
        command.add_parser(subparsers)
    model = next(iter(catalog().values()))
    script = options_parser("", Sweep(name="script", model=model, space=model.space))
    parsers = {f"gensweep {name}": parser for name, parser in subparsers.choices.items()}
    sections = dict(re.findall(r"<h2><code>(.*?)</code></h2>\s*(.*?)</section>",
                               pages["options.html"], re.DOTALL))  # fmt: skip
    assert set(sections) == {"python SCRIPT", *parsers}
    for name, parser in {"python SCRIPT": script, **parsers}.items():
        about, said = sections[name], entries(sections[name])
        assert len(words(about.partition("</p>")[0])) > 10, name
        known = {flag for usage in said for flag in re.findall(r"(?<!\S)-[\w-]+", usage)}
        options = {flag for action in parser._actions for flag in action.option_strings}
        assert known == options - {"-h", "--help"}
        assert [usage for usage, text in said.items() if len(text) < 5] == []


@pytest.mark.stack
def test_a_browser_shows_them_on_a_phone_too(
    pages: dict[str, str], page: Page, tmp_path: Path
) -> None:
    for name, text in pages.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("index", "options", "metrics", "model-gan", "model-vqgan", "model-dalle"):
        photograph(page, tmp_path / f"{name}.html", name)


def test_pages_of_one_model_are_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "gan", "--html", "pages"]) == 2
    assert capsys.readouterr().err.startswith("error: --html writes pages of all models: leave ")
    assert not Path("pages").exists()
