"""Decides which rows of a table are which split, and what their classes are, before any image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gensweep.data._labels import NO_CLASS, Label, check_repeats, class_names
from gensweep.data._splits import EVERY, by_seed, kind_of_file, split_files
from gensweep.errors import UserError


class Table(Protocol):
    """Rows in files that have the same columns."""

    @property
    def files(self) -> list[str]: ...
    @property
    def uri(self) -> str: ...
    def where(self, file: str) -> str: ...
    def rows(self, file: str) -> int: ...
    def labels(self, file: str, column: str) -> list[Label]: ...


@dataclass(frozen=True)
class RowPlan:
    """The split of each file, the names of classes, and what is left out of the test split."""

    table: Table
    uses: dict[str, str]
    """File to `train`, `test`, `unused`, or `hidden` for a test split without classes.

    Where no file tells, all are `train`.
    """

    told: bool
    """True if the files tell the split."""

    label: str | None = None
    """The column of the classes."""

    names: tuple[str, ...] = ()
    hidden: int = 0
    """Test rows that have no class, while all training rows have one."""

    seeded: bool = False
    """Where no file tells, a tenth is the test split by seed, and not every tenth row."""

    @property
    def by(self) -> str:
        """Say where the split is from."""
        if self.told:
            return "split by file"
        return "test: every tenth row" if self._few is None else "test: a tenth of all by seed"

    def files(self, split: str) -> list[str]:
        """The files that have rows of a split."""
        return [file for file, use in self.uses.items()
                if use == (split if self.told else "train")]  # fmt: skip

    def rows(self, split: str, start: int, labels: Sequence[Label] | None, count: int) -> list[int]:
        """Choose a split's rows among `count` of its files' rows, of which `start` came before."""
        chosen = np.ones(count, bool)
        if not self.told:
            numbers = np.arange(start, start + count)
            test = numbers % EVERY == EVERY - 1 if self._few is None else self._few[numbers]
            chosen = test == (split == "test")
        if labels is not None and (self.names or ("",))[-1] != NO_CLASS:
            chosen &= [label is not None for label in labels]
        found: list[int] = np.flatnonzero(chosen).tolist()
        return found

    def numbers(self, labels: Sequence[Label]) -> NDArray[np.int64]:
        """The numbers of classes."""
        number: dict[Label, int] = {name: i for i, name in enumerate(self.names)}
        last = len(self.names) - 1
        found = [last if one is None else one if isinstance(one, int) else number[one]
                 for one in labels]  # fmt: skip
        return np.array(found, np.int64)

    @cached_property
    def _few(self) -> NDArray[np.bool_] | None:
        """Marks of the test rows that a seed chooses; None: every tenth is one."""
        count = sum(map(self.table.rows, self.files("train")))
        return by_seed(count) if self.seeded or count < EVERY else None


def plan_rows(
    table: Table, label: str | None, given: Sequence[str], *, asked: bool, seeded: bool = False
) -> RowPlan:
    """Read all classes: a file may hold a single one, as sorted tables do.

    `UserError` if a column that the user `asked` for has none, or if one that is found by its name
    hardly repeats a value.
    """
    splits = split_files(table.files, table.uri)
    uses = splits or dict.fromkeys(table.files, "train")
    plan = RowPlan(table, uses, splits is not None, seeded=seeded)
    if label is None:
        return plan
    train = _classes(table, label, plan.files("train"))
    if not {*train} - {None}:
        if asked:
            raise UserError(f"column {label!r} of {table.where(table.files[0])} has no classes: "
                            "name another by --label, or say --label none.")  # fmt: skip
        return plan
    plan, test, hidden = _known_test(plan, label)
    if not asked:
        check_repeats(train + test, label, table.uri)
    names = class_names({*train, *test}, given, label, table.uri)
    names += (NO_CLASS,) if None in train else ()
    hidden += 0 if None in train else test[None]
    return replace(plan, label=label, names=names, hidden=hidden)


def _known_test(plan: RowPlan, label: str) -> tuple[RowPlan, Counter[Label], int]:
    """Leave out a test split without classes, as competitions have it, for the validation split.

    Returns its classes, and the number of rows that are left out.
    """
    test = _classes(plan.table, label, plan.files("test") if plan.told else [])
    if {*test} - {None} or not test:
        return plan, test, 0
    spare = [file for file, use in plan.uses.items()
             if use == "unused" and kind_of_file(file) == "validation"]  # fmt: skip
    found = _classes(plan.table, label, spare)
    known = bool({*found} - {None})
    uses = {file: "hidden" if use == "test" else "test" if known and file in spare else use
            for file, use in plan.uses.items()}  # fmt: skip
    return replace(plan, uses=uses, told=known), found if known else Counter(), test.total()


def _classes(table: Table, label: str, files: Sequence[str]) -> Counter[Label]:
    return sum((Counter(table.labels(file, label)) for file in files), Counter[Label]())
