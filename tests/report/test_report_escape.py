"""No text of a sweep or of its trials is ever taken for HTML."""

from html.parser import HTMLParser
from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.redact import redact
from gensweep.report import SweepFacts, build_report

HOSTILE = """z<script>alert('x')</script></title></style>{{ 7 * 7 }}&amp;"><img onerror="y">"""
PUBLISHED = ("metric", "value", "of", "protocol", "budget", "source", "evidence")
PLAIN = "z" * len(HOSTILE)
"""Sorts as HOSTILE does, and is as long, so that the page has the same parts in the same order."""


class Parts(HTMLParser):
    """The elements of a page with the names of their attributes, and what a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.texts += [value for _, value in attrs if value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def trials_with(text: str) -> list[dict[str, Any]]:
    """One trial of each kind of end; `text` is the name or the value of all that has one."""
    copy = {"images": 5, "from": 0, "params": {text: text, "rate": 0.1}}
    ends = ("converged", "unconverged", "collapsed", "diverged", "pruned", text)
    return [
        {
            "number": number, "group": number, "images": 10, "outcome": end, "cause": text,
            "state": "completed" if number < 2 else text,
            "params": {"objective": text, "rate": 0.5 / (number + 1), text: text},
            "metrics": {text: 1.0 + number, "modes": 3.0},
            "curves": {text: [[1.0, 2.0, 3.0]]},
            "history": {text: [[1.0, 2.0], [2.0, 3.0]]} if number == 0 else {},
            "lineage": [copy] if number == 1 else [],
        }
        for number, end in enumerate(ends)
    ]  # fmt: skip


def page_with(text: str) -> str:
    bounds = {"converged_modes": 1.0, "converged_high_quality": 0.8, "collapsed_modes": 0.75}
    facts = SweepFacts(
        name=text,
        summary=text,
        not_searched={text: text},
        lookup={text: {text: text}},
        held_out=text,
        lane_time=text,
        protocol={"kind": "points", "modes": 8, "bounds": bounds, "verdict": text,
                  "sampling": text, "curve": [text, text], text: text},
        versions={text: text},
        published=[dict.fromkeys(PUBLISHED, text)],
        next_command=text,
    )  # fmt: skip
    images = {"0": b"png", "2": b"png", "real": b"png"}
    return build_report(facts, trials_with(text), images, objective=Objective(metric=text),
                        map_axis="rate", group_by="objective",
                        scatter_of=("modes", text, text))  # fmt: skip


def test_hostile_text_makes_no_element_and_no_attribute() -> None:
    hostile, plain = Parts(page_with(HOSTILE)), Parts(page_with(PLAIN))
    assert hostile.elements == plain.elements
    assert sum(name == "script" for name, *_ in hostile.elements) == 1
    assert len(plain.elements) > 300  # every section is there


def test_hostile_text_is_shown_as_it_is() -> None:
    shown = Parts(page_with(HOSTILE)).texts
    assert shown.count(HOSTILE) >= 25
    said = [
        f"The same in all trials: {HOSTILE}={HOSTILE}.",
        f"Held out: {HOSTILE}.",
        f"Outcomes of {HOSTILE}",
        f"{HOSTILE} against modes",
        f"trial 0, converged: objective={HOSTILE}, rate=0.5, {HOSTILE}={HOSTILE}",
    ]
    assert [words for words in said if words not in shown] == []


@pytest.mark.parametrize("place", ["parameter", "name", "cause"])
def test_a_script_stays_text(place: str) -> None:
    script = "<script>alert(1)</script>"
    trials = trials_with("x")
    trials[0]["params"]["objective"] = script if place == "parameter" else "x"
    trials[0]["cause"] = script if place == "cause" else ""
    facts = SweepFacts(name=script if place == "name" else "x")
    page = build_report(facts, trials, {}, objective=Objective(metric="x"), map_axis="rate")
    assert script not in page
    assert any(script in text for text in Parts(page).texts)


def test_the_filter_of_secrets_knows_how_a_page_writes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = """it's <my> "word" & none else's"""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    page = page_with(secret)
    assert secret in Parts(page).texts
    assert not any("my" in text and "word" in text for text in Parts(redact(page)).texts)
