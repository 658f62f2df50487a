"""`gensweep models`: the catalogue, and what one of its models is."""

import argparse
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.catalog import field_text
from gensweep.cli._find_model import NAMES, find_model
from gensweep.json_text import json_text

if TYPE_CHECKING:
    from gensweep.report import CommandText


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "models", help="the models that can be swept",
        description="List the models that can be swept, or tell all of one: what it is, the data "
        "that it takes, what it offers, and its hyperparameters.",
    )  # fmt: skip
    parser.add_argument("model", nargs="?", metavar="MODEL", help=NAMES)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--html", type=Path, metavar="FOLDER",
                        help="write pages to look things up there: every model, metric and "
                        "option; index.html leads to all")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.sweep import catalog, describe

    if args.html and (args.model or args.json):
        raise UserError("--html writes pages of all models: leave the model and --json out.")
    if args.model:
        model = find_model(args.model)
        told = describe(model) | _data(model)
        print(json_text(told) if args.json else "\n".join(_lines(told)))
        return 0
    if not (args.html or args.json):
        print(f"{_table(catalog().values())}\n\n`gensweep models NAME` tells all of one.")
        return 0
    models = [describe(model) | _data(model) for model in catalog().values()]
    print(_write_pages(models, args.parser, args.html) if args.html else json_text(models))
    return 0


def _table(models: Iterable[Any]) -> str:
    from gensweep.catalog import summary
    from gensweep.report import output_width, text_table

    rows = [[m.name, m.family, ", ".join(_given(_games(m))), summary(m)] for m in models]
    return text_table(["name", "family", "given", "what it is"], rows, output_width())


def _games(model: Any) -> dict[tuple[int, ...], Any]:
    """Make the model's game, with its defaults, for those of the known shapes that it takes."""
    from gensweep.cli._check import SHAPES
    from gensweep.testing import RandomExamples

    games: dict[tuple[int, ...], Any] = {}
    for shape in SHAPES:
        with contextlib.suppress(Exception):
            games[shape] = model.game(model.config(), RandomExamples(shape=shape))
    return games


def _given(games: Mapping[Any, Any]) -> list[str]:
    """List the columns that samples are conditioned on."""
    return sorted({name for game in games.values() for name in getattr(game, "given", ())})


def _data(model: Any) -> dict[str, Any]:
    """Tell which of the known data sets' shapes a model takes, and the columns it is given.

    Of its players, for the first of the shapes, the parameters, and the turns in a round.
    """
    games = _games(model)
    players = _players(next(iter(games.values())), model.config()) if games else {}
    return {"shapes": [list(shape) for shape in games], "given": _given(games), "players": players}


def _players(game: Any, config: Any) -> dict[str, dict[str, int]]:
    """Count the parameters of each player's network, and its turns in a round."""
    import torch

    with torch.device("meta"):  # shapes alone: no memory, no time
        networks = {name: player.build() for name, player in game.players.items()}
    turns = {name: player.turns for name, player in game.players.items()}
    return {
        name: {"parameters": sum(p.numel() for p in network.parameters()),
               "turns": getattr(config, turns[name]) if isinstance(turns[name], str)
               else turns[name]}
        for name, network in networks.items()
    }  # fmt: skip


def _write_pages(
    models: list[dict[str, Any]], parser: argparse.ArgumentParser, folder: Path
) -> Path:
    """Write the reference's pages into a folder; return the first."""
    from gensweep.errors import UserError
    from gensweep.report import reference_pages

    pages = reference_pages(models, list(_commands(parser)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            (folder / name).write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--html {folder} cannot be written ({error.strerror}): choose another "
                        "place.") from error  # fmt: skip
    return folder / "index.html"


def _commands(parser: argparse.ArgumentParser) -> Iterator["CommandText"]:
    """Yield every command of ours, and the options of every sweep's script."""
    from gensweep.catalog import catalog
    from gensweep.planning import options_parser
    from gensweep.report import command_text
    from gensweep.sweep import Sweep

    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    abouts = {one.dest: one.help or "" for one in commands._choices_actions}
    model = next(iter(catalog().values()))
    sweep = Sweep(name="script", model=model, space=model.space)
    about = "The options of every sweep's script. Defaults may be others where a script sets them."
    yield command_text("python SCRIPT", about, options_parser(about, sweep))
    for name, command in commands.choices.items():
        yield command_text(f"gensweep {name}", abouts[name], command)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['name']} ({told['family']}, {told['paper']}): {told['summary']}."
    shapes = "; ".join(" x ".join(map(str, shape)) for shape in told["shapes"])
    yield f"examples: {shapes or 'none of the known shapes, with its defaults'}"
    yield f"given: {', '.join(told['given']) or 'nothing'}"
    yield f"offers: {', '.join(told['capabilities']) or 'samples'}"
    for data, preset in told["presets"].items():
        values = ", ".join(f"{name}={value}" for name, value in preset["settings"].items())
        yield f"preset for {data}, {preset['images']:,} images: {values}"
    for row in told["measured"]:
        yield f"measured: {_measured(row)}"
    for figure in told["published"]:
        yield f"published: {_published(figure)}"
    yield "hyperparameters, searched by default where marked *; trials of a pack may differ in"
    yield "those of lane and latent, and those of sampling may change after training:"
    for field in told["fields"]:
        mark = "*" if field["searched"] else " "
        value = f"{field['name']}={field['default']}"
        yield f" {mark} {value:32} {field['scope']:9}{field_text(field)}".rstrip()


def _measured(row: Mapping[str, Any]) -> str:
    """Write a row of our tables in one line."""
    setting = f"{row['setting']}: " if row["setting"] else ""
    cells = ", ".join(f"{name} {value}" for name, value in row["cells"].items())
    return f"{setting}{cells} (models/{row['page']}, {row['title']})"


def _published(figure: Mapping[str, Any]) -> str:
    """Write a paper's figure in one line, with how it was made."""
    budget = f" after {figure['budget']}" if figure["budget"] else ""
    return (
        f"{figure['metric']} {figure['value']:.4g} on {figure['data']}{budget}, of {figure['of']}; "
        f"{figure['protocol']} ({figure['source']}, {figure['evidence']})"
    )
