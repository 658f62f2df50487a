"""Compares the identities of two sweeps, and says in what they differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Pass `value` through JSON, so that fresh ones compare with stored ones."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """List "key: old -> new" for each leaf that differs, by key.

    >>> difference({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2})
    ['a.b: 1 -> 3']
    """
    return [f"{key}: {before} -> {after}" for key, before, after in leaf_differences(old, new)]


def leaf_differences(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield key, old and new value, as JSON, of each leaf that differs, by key; `none`: absent."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for key in sorted({*before, *after}):
        pair = _show(before, key), _show(after, key)
        if pair[0] != pair[1]:
            yield (key, *pair)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _show(leaves: Mapping[str, Any], key: str) -> str:
    return json.dumps(leaves[key], default=str) if key in leaves else "none"
