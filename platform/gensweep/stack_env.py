"""Reads the variables that point a process at the embedded stack of its checkout."""

import os
import shlex
from collections.abc import MutableMapping

from gensweep.errors import UserError
from gensweep.home import Home, find_home

STORES = frozenset({
    "GENSWEEP_STORE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
})  # fmt: skip
"""Variables that say which store is meant, or whose it is."""


def load_env(home: Home | None = None) -> dict[str, str]:
    """Read the variables of the checkout's stack; `{}` if it has never been up."""
    file = (home or find_home()).env_file
    if not file.exists():
        return {}
    words = (shlex.split(line)[1] for line in file.read_text().splitlines())
    return dict(word.split("=", 1) for word in words)


def apply_env(
    home: Home | None = None, environ: MutableMapping[str, str] | None = None
) -> dict[str, str]:
    """Set the stack's variables where they are not set; return those that were set.

    An endpoint and its keys belong together: if the caller names a store, an endpoint or keys,
    none of the stack's store variables is set.
    """
    target = os.environ if environ is None else environ
    found = load_env(home)
    if not STORES.isdisjoint(target):
        found = {k: v for k, v in found.items() if not k.startswith(("AWS_", "GENSWEEP_STORE"))}
    new = {name: value for name, value in found.items() if name not in target}
    target.update(new)
    return new


def required_env(variable: str) -> str:
    """Return the value of an environment variable; `UserError` if it is not set."""
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable} is not set: run `gensweep up` and `. .gensweep/env`, or point "
                        "it at your own.")  # fmt: skip
    return value
