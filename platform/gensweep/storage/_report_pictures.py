"""Stores the pictures of a report that are of no single trial's course, beside the sweep."""

from collections.abc import Mapping, Sequence

from gensweep.errors import UserError
from gensweep.storage._errors import MissingKeyError, StoreUnavailableError
from gensweep.storage._protocol import ObjectStore


def store_report_pictures(
    store: ObjectStore, sweep: str, pictures: Mapping[str, bytes]
) -> list[str]:
    """Put PNG files by what they show into the store; return what is there, in order.

    A store that refuses costs the pictures alone.
    """
    try:
        for place, png in enumerate(pictures.values()):
            store.put(_key(sweep, place), png)
    except UserError:
        return []
    return list(pictures)


def load_report_pictures(store: ObjectStore, sweep: str, names: Sequence[str]) -> dict[str, bytes]:
    """Read the pictures that were stored under `names`; those that are lost are left out."""
    found = {}
    for place, name in enumerate(names):
        try:
            found[name] = store.get(_key(sweep, place))
        except StoreUnavailableError:  # it was waited for: not once more for each of the others
            break
        except (UserError, MissingKeyError):
            continue
    return found


def _key(sweep: str, place: int) -> str:
    return f"sweeps/{sweep}/pictures/{place:02d}.png"
