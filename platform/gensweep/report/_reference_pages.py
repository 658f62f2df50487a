"""Renders static pages to look things up: every command's options, every metric, every model.

Each page stands alone: style within, nothing loaded from elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from gensweep.catalog import bounds_text
from gensweep.known_metrics import METRICS
from gensweep.report._command_text import CommandText
from gensweep.report._page import environment
from gensweep.report._svg import element, figure, text
from gensweep.space import dimension_text
from gensweep.training_metrics import FORMULAS, OF_A_PLAYER
from gensweep.versions import VERSION

ADDRESSES = (
    (re.compile(r"arXiv:(\d{4}\.\d{4,5})"), "https://arxiv.org/abs/"),
    (re.compile(r"doi:(10\.[^\s,;]+)"), "https://doi.org/"),
)
"""Papers as sources name them, and where a link leads."""
LABELS = {True: "more is better", False: "less is better", None: "neither end is better"}


def reference_pages(
    models: Sequence[Mapping[str, Any]], commands: Sequence[CommandText]
) -> dict[str, str]:
    """Return the pages by file name, of which `index.html` leads to all others.

    `models` are descriptions as `gensweep models --json` has them.
    """
    shared = {"version": VERSION, "models": models, "page_name": page_name}
    jinja = environment()
    jinja.filters |= {"linked": linked, "bounds": bounds_text, "dimension": dimension_text}

    def render(template: str, **values: Any) -> str:
        return jinja.get_template(f"reference/{template}.jinja").render(**shared, **values)

    pages = {
        "index.html": render("index", title="gensweep"),
        "options.html": render("options", title="Commands and options", commands=commands),
        "metrics.html": render("metrics", title="Metrics", metrics=METRICS.values(),
                               directions=LABELS, training=_training_texts()),
    }  # fmt: skip
    for model in models:
        drawn = networks_figure(model.get("players", {}))
        pages[page_name(model["name"])] = render("model", title=model["name"], model=model,
                                                 figure=drawn)  # fmt: skip
    return pages


def _training_texts() -> dict[str, str]:
    """Tell what each metric of training is; PLAYER stands for the name of a player."""
    of_player = {f"PLAYER{end}": text.format(player="PLAYER") for end, text in OF_A_PLAYER.items()}
    return {**FORMULAS, **of_player}


def page_name(model: str) -> str:
    """Return the file of a model's page.

    >>> page_name("my model")
    'model-my_model.html'
    """
    return f"model-{re.sub(r'[^A-Za-z0-9_.-]', '_', model)}.html"


def linked(words: str) -> Markup:
    """Escape a text in which papers become links.

    >>> linked("<arXiv:1701.07875, table 2>")
    Markup('&lt;<a href="https://arxiv.org/abs/1701.07875">arXiv:1701.07875</a>, table 2&gt;')
    """
    html = str(escape(words))
    for pattern, address in ADDRESSES:
        html = pattern.sub(rf'<a href="{address}\1">\g<0></a>', html)
    return Markup(html)


def networks_figure(players: Mapping[str, Mapping[str, int]]) -> Markup | None:
    """Draw a bar for each player: the parameters of its network at the model's defaults."""
    if not players:
        return None
    width, parts = 340, list[Markup]()
    largest = max(one["parameters"] for one in players.values()) or 1
    for row, (name, one) in enumerate(players.items()):
        top, turns = 4 + 36 * row, one["turns"]
        says = f"{name}: {one['parameters']:,}, {turns} turn{'s' if turns != 1 else ''} a round"
        parts += [
            text(0, top + 10, says, "start"),
            element("rect", title=says, x=0, y=top + 16, height=10, class_="bar",
                    width=f"{width * one['parameters'] / largest:.1f}"),
        ]  # fmt: skip
    return figure(width, 4 + 36 * len(players), parts, "Parameters of each player's network")
