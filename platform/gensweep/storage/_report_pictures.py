"""Stores the pictures of a report that are of no single trial's course, beside the sweep."""

from collections.abc import Mapping, Sequence

from gensweep.errors import UserError
from gensweep.storage._errors import MissingKeyError
from gensweep.storage._open import open_store


def store_report_pictures(uri: str, sweep: str, pictures: Mapping[str, bytes]) -> list[str]:
    """Put PNG files by what they show into the store at `uri`; return what is there, in order.

    A store that refuses costs the pictures alone.
    """
    try:
        store = open_store(uri)
        for place, png in enumerate(pictures.values()):
            store.put(_key(sweep, place), png)
    except UserError:
        return []
    return list(pictures)


def load_report_pictures(uri: str, sweep: str, names: Sequence[str]) -> dict[str, bytes]:
    """Read the pictures that were stored under `names`; those that are lost are left out."""
    found = {}
    for place, name in enumerate(names):
        try:
            found[name] = open_store(uri).get(_key(sweep, place))
        except (UserError, MissingKeyError):
            continue
    return found


def _key(sweep: str, place: int) -> str:
    return f"sweeps/{sweep}/pictures/{place:02d}.png"
