"""`gensweep models`: the catalogue, and what one of its models is."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from gensweep.cli._find_model import NAMES, find_model
from gensweep.json_text import json_text

BOUNDS = {"above": "> {}", "at_least": ">= {}", "below": "< {}", "at_most": "<= {}"}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "models", help="the models that can be swept",
        description="List the models that can be swept, or tell all of one: what it is, the data "
        "that it takes, what it offers, and its hyperparameters.",
    )  # fmt: skip
    parser.add_argument("model", nargs="?", help=NAMES)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.sweep import catalog, describe

    if args.model:
        model = find_model(args.model)
        told = describe(model) | _data(model)
        print(json_text(told) if args.json else "\n".join(_lines(told)))
        return 0
    models = [describe(model) | _data(model) for model in catalog().values()]
    if args.json:
        print(json_text(models))
    else:
        print(f"{_table(models)}\n\n`gensweep models NAME` tells all of one.")
    return 0


def _table(models: list[dict[str, Any]]) -> str:
    from gensweep.report import output_width, text_table

    rows = [[m["name"], m["family"], ", ".join(m["given"]), m["summary"]] for m in models]
    return text_table(["name", "family", "given", "what it is"], rows, output_width())


def _data(model: Any) -> dict[str, Any]:
    """Tell which of the known data sets' shapes a model takes, and the columns it is given."""
    from gensweep.cli._check import SHAPES
    from gensweep.testing import RandomExamples

    games = {}
    for shape in SHAPES:
        try:
            games[shape] = model.game(model.config(), RandomExamples(shape=shape))
        except Exception:
            continue
    given = {name for game in games.values() for name in getattr(game, "given", ())}
    return {"shapes": [list(shape) for shape in games], "given": sorted(given)}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['name']} ({told['family']}, {told['paper']}): {told['summary']}."
    shapes = "; ".join(" x ".join(map(str, shape)) for shape in told["shapes"])
    yield f"examples: {shapes or 'none of the known shapes, with its defaults'}"
    yield f"given: {', '.join(told['given']) or 'nothing'}"
    yield f"offers: {', '.join(told['capabilities']) or 'samples'}"
    for data, preset in told["presets"].items():
        values = ", ".join(f"{name}={value}" for name, value in preset["settings"].items())
        yield f"preset for {data}, {preset['images']:,} images: {values}"
    for figure in told["published"]:
        yield f"published: {_published(figure)}"
    yield "hyperparameters, searched by default where marked *; trials of a pack may differ in"
    yield "those of lane and latent, and those of sampling may change after training:"
    for field in told["fields"]:
        mark, meaning = "*" if field["searched"] else " ", field["meaning"]
        value = f"{field['name']}={field['default']}"
        law = _law(field["bounds"])
        more = "; ".join(filter(None, (meaning, law)))
        yield f" {mark} {value:32} {field['scope']:9}{more}".rstrip()


def _published(figure: Mapping[str, Any]) -> str:
    """Write a paper's figure in one line, with how it was made."""
    budget = f" after {figure['budget']}" if figure["budget"] else ""
    return (
        f"{figure['metric']} {figure['value']:.4g} on {figure['data']}{budget}, of {figure['of']}; "
        f"{figure['protocol']} ({figure['source']}, {figure['evidence']})"
    )


def _law(bounds: Mapping[str, Any]) -> str:
    """Write the bounds of a field.

    >>> _law({"at_least": 0, "below": 1}), _law({"choices": ("adam", "sgd")})
    ('>= 0 and < 1', 'adam or sgd')
    """
    if "choices" in bounds:
        return " or ".join(map(str, bounds["choices"]))
    return " and ".join(BOUNDS[name].format(value) for name, value in bounds.items())
