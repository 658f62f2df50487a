"""Judges requests by IAM policies as AWS documents it.

A denial that applies wins; else a role needs an allowance of its own policies and of its boundary,
or one that a resource's policy gives to it by name. What is not known here is an error.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
Values = list[str]
ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}


@dataclass(frozen=True)
class Request:
    """Somebody asks for an action on a resource; `principal` is an ARN or a service."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


def allowed(request: Request, own: list[Any], boundary: Any, of_resource: list[Any]) -> bool:
    """Whether `request` passes: the role's documents, its boundary, the resource's policies."""
    everything = [*own, *([boundary] if boundary else []), *of_resource]
    if any(applies(s, request) for s in statements(everything, "Deny")):
        return False
    by_role = any(applies(s, request) for s in statements(own, "Allow"))
    in_bounds = not boundary or any(applies(s, request) for s in statements([boundary], "Allow"))
    by_resource = any(applies(s, request) for s in statements(of_resource, "Allow"))
    return (by_role and in_bounds) or by_resource


def statements(documents: Iterable[Any], effect: str) -> Iterable[Statement]:
    for document in documents:
        for statement in document["Statement"]:
            unknown = set(statement) - ELEMENTS
            assert not unknown, f"{unknown} of {statement.get('Sid')} is not known here"
            if statement["Effect"] == effect:
                yield statement


def applies(statement: Statement, request: Request) -> bool:
    return (
        any(like(p.lower(), request.action.lower()) for p in listed(statement["Action"]))
        and any(like(p, request.resource) for p in listed(statement["Resource"]))
        and names(statement.get("Principal"), request.principal)
        and all(
            holds(operator, key, listed(wanted), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def listed(value: Any) -> Values:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


@cache
def like(pattern: str, text: str) -> bool:
    """IAM's wildcards: * for any characters, ? for one."""
    parts = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, re.DOTALL))


def names(principal: Any, who: str) -> bool:
    """Whether a principal element means `who`; the account's root means nobody directly."""
    if principal is None or principal in ("*", {"AWS": "*"}):
        return True
    (kind,) = principal
    return kind in ("AWS", "Service") and who in listed(principal[kind])


def arn_like(pattern: str, text: str) -> bool:
    """Part by part, so that no wildcard reaches beyond a colon."""
    wanted, given = pattern.split(":", 5), text.split(":", 5)
    return len(wanted) == len(given) and all(map(like, wanted, given))


def equal(wanted: str, given: str) -> bool:
    return wanted == given


def less(wanted: str, given: str) -> bool:
    return float(given) < float(wanted)


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": equal,
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": equal,
    "NumericLessThan": less,
}
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike"}


def holds(operator: str, key: str, wanted: Values, context: Mapping[str, Any]) -> bool:
    """One condition. A key that is not there fails it, unless its operator says otherwise."""
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    given = None if found is None else listed(found)
    if operator == "Null":
        return (given is None) == (wanted == ["true"])
    quantifier, _, plain = operator.rpartition(":")
    assert quantifier in ("", "ForAllValues", "ForAnyValue"), f"{operator} is not known here"
    plain, if_exists = plain.removesuffix("IfExists"), plain.endswith("IfExists")
    negated = plain in NEGATED
    test = OPERATORS.get(NEGATED.get(plain, plain))
    assert test, f"the operator {operator} is not known here"
    if given is None:
        return negated or if_exists or quantifier == "ForAllValues"
    matches = [any(test(w, g) for w in wanted) != negated for g in given]
    return all(matches) if quantifier == "ForAllValues" or negated else any(matches)
