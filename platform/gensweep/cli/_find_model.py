"""Finds the model that a command names: in the catalogue, in a Python file, or in a module."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from gensweep.catalog import is_model, model_named
from gensweep.errors import UserError
from gensweep.frames import with_user_line
from gensweep.game import Model

NAMES = (
    "a name that `gensweep models` lists, a file that defines a model (lsgan.py, or lsgan.py:NAME "
    "of several), or module:NAME"
)
SUFFIX = ".py"


def find_model(text: str) -> Model:
    """Return the model that is called `text`, as `NAMES` says; `UserError` if there is none.

    A file is run as a module that is not `__main__`, its folder first on the path of imports.
    """
    where, _, name = text.partition(":")
    if where.endswith(SUFFIX):
        path = Path(where)
        if not path.is_file():
            raise UserError(f"there is no file {where}: name one that defines a model.")
        sys.path.insert(0, str(path.resolve().parent))
        return _only_model(_run(where, lambda: _load(path)), where, name)
    if ":" not in text:
        return model_named(text)
    sys.path.insert(0, "")
    return _only_model(_run(where, lambda: importlib.import_module(where)), where, name)


def _load(path: Path) -> ModuleType:
    """Import a file, under a name that hides no other module."""
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_the_command_line", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(where: str, load: Callable[[], ModuleType]) -> ModuleType:
    """Load what is at `where`; `UserError` in place of whatever it raises."""
    try:
        return load()
    except SystemExit as error:
        raise UserError(
            f"{where} ends when it is imported: put what runs a sweep under "
            '`if __name__ == "__main__":`.'
        ) from error
    except Exception as error:
        raise UserError(f"{where} cannot be imported: {with_user_line(error)}") from error


def _only_model(module: ModuleType, where: str, name: str) -> Model:
    """Return the model of that name; empty: the only one that there is."""
    models = {n: value for n, value in vars(module).items() if is_model(value)}
    choice = ", ".join(f"{where}:{n}" for n in models)
    if not models:
        raise UserError(f"{where} has no model: define one, an object of gensweep_models.game.Model"
                        ", at its top level.")  # fmt: skip
    if name and name not in models:
        raise UserError(f"{where} has no model {name!r}: choose from {choice}.")
    if not name and len({id(model) for model in models.values()}) > 1:
        raise UserError(f"{where} has several models: choose from {choice}.")
    return models[name or next(iter(models))]
