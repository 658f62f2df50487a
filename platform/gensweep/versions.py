"""Reads the versions of the libraries that made a number."""

from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("gensweep", "torch", "ray", "optuna", "mlflow", "numpy")


def versions() -> dict[str, str]:
    """The version of each of `LIBRARIES` that is installed."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
