"""The file in which one configuration of a model travels from a sweep to a script: TOML or JSON."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gensweep.errors import UserError
from gensweep.json_text import json_text, numbers_of_json

VALUES = "hyperparameters"
"""The table of the file that has them; what else stands in it says where they are from."""
SUFFIXES = (".toml", ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationFile:
    """A model's hyperparameters by name, and where they are from.

    >>> file = ConfigurationFile(model="gan", values={"learning_rate": 1e-4, "objective": "hinge"})
    >>> print(file.toml())
    model = "gan"
    <BLANKLINE>
    [hyperparameters]
    learning_rate = 0.0001
    objective = "hinge"
    <BLANKLINE>
    """

    model: str
    values: Mapping[str, Any]
    about: Mapping[str, str | int | float] = field(default_factory=dict)

    def text(self, suffix: str) -> str:
        """Write it as the file's ending says; `UserError` for an unknown one."""
        check_suffix(suffix)
        return self.toml() if suffix == ".toml" else self.json()

    def json(self) -> str:
        """Write it as JSON."""
        told = {"model": self.model, **self.about, VALUES: dict(self.values)}
        return json_text(told) + "\n"

    def toml(self) -> str:
        """Write it as TOML, which has no word for a value of None: the model's default stays."""
        told = {"model": self.model, **self.about}
        lines = [f"{name} = {_toml(value)}" for name, value in told.items()]
        lines += ["", f"[{VALUES}]"]
        lines += [f"{name} = {_toml(v)}" for name, v in self.values.items() if v is not None]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; `UserError` if it is none of a configuration."""
        check_suffix(path.suffix)
        try:
            text = path.read_text(encoding="utf-8")
            told = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}): `gensweep export NAME` "
                            "writes such a file.") from error  # fmt: skip
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no {path.suffix[1:].upper()}: {error}.") from error
        values = told.get(VALUES) if isinstance(told, dict) else None
        if not isinstance(values, dict) or not values:
            raise UserError(f"{path} has no [{VALUES}]: give each a line, such as "
                            "learning_rate = 0.001, below it.")  # fmt: skip
        about = {n: v for n, v in told.items() if n not in ("model", VALUES)}
        if path.suffix == ".json":
            values = numbers_of_json(values)
        made = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        return cls(model=str(told.get("model", "")), values=made, about=about)


def check_suffix(suffix: str) -> None:
    """`UserError` unless a configuration can be written to a file of that ending."""
    if suffix not in SUFFIXES:
        raise UserError(f"a configuration is written as {' or '.join(SUFFIXES)}, but got the "
                        f"ending {suffix!r}.")  # fmt: skip


def _toml(value: Any) -> str:
    """Write a number, a name, a truth value or a list of them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
