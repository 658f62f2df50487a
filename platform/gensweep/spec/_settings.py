"""Declares a field of a sweep in one place.

`setting` gives a field its default, its documentation, its command-line option, its place in the
identity, and whether a resumed sweep keeps it. The option parser, `Sweep.identity` and `--resume`
read these declarations, so that a new field needs no other edit.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType
from typing import Any, TypeVar, get_args

from gensweep.errors import UserError

KEY = "setting"
"""Under which a field's metadata hold its `Setting`."""
T = TypeVar("T")


def unchanged(value: Any) -> Any:
    """The value itself."""
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """The command-line option of a field, which gives it its name and its type."""

    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    without_value: str | None = None
    """The value that the option alone stands for; None: it needs one."""

    group: str = ""
    """Heading of `--help` under which it stands; empty: the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The entry of a field in the JSON by which a resumed sweep is compared with its beginning.

    Entries are stored with sweeps: another key or encoding makes those of before unresumable.
    """

    key: str = ""
    """Empty: the field's name."""

    encode: Callable[[Any], Any] = unchanged
    """From the field's value to plain JSON."""

    always: bool = True
    """False: a field that has its default has no entry, as sweeps from before the field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """The declaration of a field, beside its default."""

    help: str
    """Documentation, and the help of the option; `{value}` becomes the script's own value."""

    option: Option | None = None
    """None: only a script can set the field."""

    least: int | None = None
    """The field is a whole number from here; None: another function checks it."""

    kept_on_resume: bool = False
    """`--resume` takes the value that the sweep began with, and refuses another."""

    identity: Identity | None = None
    """None: two sweeps that differ in it ask the same question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration(Setting):
    """A field's setting, with what the dataclass knows of the field."""

    name: str
    kind: type[Any]
    """Of its values, without `| None`."""

    default: Any
    """`dataclasses.MISSING` where a value must be given."""

    @property
    def flag(self) -> str:
        """The option as it is typed.

        >>> Declaration(name="max_hours", kind=float, default=None, help="").flag
        '--max-hours'
        """
        return "--" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """The name of its entry in the identity."""
        return self.name if self.identity is None else self.identity.key or self.name


def setting(
    default: T,
    help: str,
    *,
    option: Option | None = None,
    least: int | None = None,
    kept_on_resume: bool = False,
    identity: Identity | None = None,
) -> T:
    """Declare a field with a default; a mutable one is copied for each object."""
    declared = Setting(
        help=help, option=option, least=least, kept_on_resume=kept_on_resume, identity=identity
    )
    if isinstance(default, dict):
        made: T = field(default_factory=lambda: copy.copy(default), metadata={KEY: declared})
        return made
    return field(default=default, metadata={KEY: declared})


def about(help: str, identity: Identity | None = None) -> Mapping[str, Setting]:
    """The `metadata` of a field that every script must give."""
    return {KEY: Setting(help=help, identity=identity)}


def declarations(record: Any) -> tuple[Declaration, ...]:
    """The declared fields of a dataclass, or of an object of one, in their order."""
    return tuple(_declaration(f, f.metadata[KEY]) for f in fields(record) if KEY in f.metadata)


def _declaration(of: "Field[Any]", declared: Setting) -> Declaration:
    kinds = [kind for kind in get_args(of.type) or (of.type,) if kind is not NoneType]
    default = of.default if of.default_factory is MISSING else of.default_factory()
    return Declaration(
        help=declared.help, option=declared.option, least=declared.least,
        kept_on_resume=declared.kept_on_resume,
        identity=declared.identity, name=of.name, kind=kinds[0], default=default,
    )  # fmt: skip


def check_counts(record: Any) -> None:
    """`UserError` unless every field with a `least` is a whole number from there, or its None."""
    for declared in declarations(record):
        value = getattr(record, declared.name)
        if declared.least is None or (value is None and declared.default is None):
            continue
        if not isinstance(value, int) or value < declared.least:
            name, least = declared.name, declared.least
            raise UserError(
                f"`{name} >= {least}` must hold, as a whole number, but got {name}={value}."
            )


def identity_of(record: Any) -> dict[str, Any]:
    """The entries that the declared fields of `record` have in its identity, as plain JSON."""
    entries = {}
    for declared in declarations(record):
        value = getattr(record, declared.name)
        identity = declared.identity
        if identity is not None and (identity.always or value != declared.default):
            entries[declared.key] = identity.encode(value)
    return entries
