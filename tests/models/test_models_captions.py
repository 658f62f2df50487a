"""Texts that games are given: of a column, or of classes' names, and none at all."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gensweep_models.captions import BYTES, NO_CLASS, Captions

TEXTS = ["a bold seven", "an eight", "naïve"]


def column(texts: list[str], length: int = 14) -> torch.Tensor:
    return torch.tensor([list(text.encode().ljust(length, b"\0")) for text in texts])


def data_of(**more: Any) -> SimpleNamespace:
    about = {"dtype": "int64", "shape": (14,), "levels": 255}
    return SimpleNamespace(**{"classes": 0, "columns": {"caption": about}, **more})


def said(row: torch.Tensor) -> str:
    return bytes(token for token in row.tolist() if token < BYTES).decode()


def test_tokens_are_bytes_and_each_place_without_one_has_its_own() -> None:
    captions, given = Captions(data_of(), "caption", 64), {"caption": column(TEXTS)}
    tokens = captions.tokens(given)
    assert captions.given == ("caption",)
    assert [said(row) for row in tokens] == TEXTS
    assert tokens[1, 8:].tolist() == [BYTES + place for place in range(8, 14)]
    assert int(tokens.max()) == captions.codes - 1


def test_longer_texts_are_cut_and_that_is_told() -> None:
    with pytest.warns(UserWarning, match="of caption have up to 14 bytes, of which the first 6 "):
        captions = Captions(data_of(), "caption", 6)
    assert said(captions.tokens({"caption": column(TEXTS)})[0]) == "a bold"
    assert captions.length == 6


def test_longer_names_of_classes_are_cut_and_that_is_told() -> None:
    data = SimpleNamespace(classes=2, class_names=("cat", "naïve magpie"))
    with pytest.warns(UserWarning, match=r"classes have up to 13 bytes.*: set text_length=13 to"):
        captions = Captions(data, "caption", 3)
    assert [said(row) for row in captions.tokens({"y": torch.tensor([0])})] == ["cat"]


@pytest.mark.parametrize("names", [("cat", "magpie"), ()])
def test_without_a_column_names_of_classes_are_texts_with_an_end(names: tuple[str, ...]) -> None:
    captions = Captions(SimpleNamespace(classes=2, class_names=names), "caption", 64)
    tokens = captions.tokens({"y": torch.tensor([1, 0])})
    assert captions.given == ("y",)
    assert [said(row) for row in tokens] == list(reversed(names or ("0", "1")))
    assert bool((tokens[:, -1] >= BYTES).all())


def test_the_class_of_examples_without_one_has_an_empty_text() -> None:
    data = SimpleNamespace(classes=3, class_names=("cat", "owl", NO_CLASS))
    tokens = Captions(data, "caption", 64).tokens({"y": torch.tensor([2, 1])})
    assert [said(row) for row in tokens] == ["", "owl"]


@pytest.mark.parametrize("given", [{"caption": column(TEXTS)}, {"y": torch.tensor([0, 1, 1])}])
def test_dropped_texts_are_empty_and_others_as_they_were(given: dict[str, torch.Tensor]) -> None:
    data = data_of() if "caption" in given else SimpleNamespace(classes=2)
    captions = Captions(data, "caption", 64)
    dropped = torch.tensor([True, False, True])
    tokens = captions.tokens(captions.without(given, dropped))
    empty = BYTES + torch.arange(captions.length)
    assert torch.equal(tokens[0], empty)
    assert torch.equal(tokens[1], captions.tokens(given)[1])
    assert torch.equal(captions.tokens(captions.empty(given)), empty.expand(3, -1))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="have a column caption, or classes, whose names are text"):
        Captions(SimpleNamespace(classes=0, columns={"age": {}}), "caption", 64)
    about = {"dtype": "float32", "shape": (), "levels": 0}
    with pytest.raises(ValueError, match="caption is a column of text"):
        Captions(data_of(columns={"caption": about}), "caption", 64)
