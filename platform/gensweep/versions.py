"""Reads the versions of the libraries that made a number."""

from importlib.metadata import PackageNotFoundError, version

VERSION = "0.2.0"
"""Of gensweep, and the one place that says it: the distribution's metadata follow."""
LIBRARIES = ("torch", "ray", "optuna", "mlflow", "numpy")


def versions() -> dict[str, str]:
    """Ours, and the version of each of `LIBRARIES` that is installed."""
    found = {"gensweep": VERSION}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
