"""Reads the price table of instances, which the user can replace."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gensweep.errors import UserError

MARKETS = {"spot": "spot", "on-demand": "on_demand"}
"""Market to its column."""
CURE = "mend it, or leave --prices and GENSWEEP_PRICES out for the table that comes along"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an instance type, by the hour."""

    on_demand: float
    spot: float
    gpus: int = 0

    def __post_init__(self) -> None:
        for name in ("on_demand", "spot"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ValueError(f"{name} must be a number above 0, but is {value!r}")
        if not isinstance(self.gpus, int) or self.gpus < 0:
            raise ValueError(f"gpus must be a whole number, but is {self.gpus!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """The prices of one region."""

    file: str
    currency: str
    region: str
    table: Mapping[str, Price]

    def hourly(self, kind: str, market: str) -> float:
        """Return the cost of an instance for an hour; `UserError` for a type without a price."""
        price = self.price(kind)
        return price.spot if market == "spot" else price.on_demand

    def price(self, kind: str) -> Price:
        """Look up an instance type; `UserError` if the table does not know it."""
        if kind not in self.table:
            raise UserError(f"the price table {self.file} has no {kind or 'untyped node'} in "
                            f"{self.region}: add it, or give another table by --prices FILE; it "
                            f"has {', '.join(sorted(self.table))}.")  # fmt: skip
        return self.table[kind]


def load_prices(file: str | None = None, region: str | None = None) -> Prices:
    """Read the price table in `file`, in that of GENSWEEP_PRICES, or the one that comes along.

    `region` defaults to AWS_REGION or AWS_DEFAULT_REGION, then to one that the table has. Raises
    `UserError` if the table cannot be read, or lacks the region.

    >>> prices = load_prices(region="us-east-1")
    >>> prices.hourly("g6.xlarge", "on-demand"), prices.price("g6.xlarge").gpus
    (0.8048, 1)
    """
    given = file or os.environ.get("GENSWEEP_PRICES")
    path = Path(given) if given else Path(__file__).with_name("prices.json")
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    try:
        found = json.loads(path.read_text())
        regions = found["regions"]
        region = region or (DEFAULT_REGION if DEFAULT_REGION in regions else min(regions))
        if region not in regions:
            known = ", ".join(sorted(regions))
            raise UserError(f"the price table {path} has no region {region}: add it, or name by "
                            f"--prices a table that has it (here: {known or 'none'}).")  # fmt: skip
        table = {kind: _price(kind, row) for kind, row in regions[region].items()}
        return Prices(file=str(path), currency=str(found["currency"]), region=region, table=table)
    except OSError as error:
        raise UserError(
            f"the price table {path} cannot be read ({error.strerror}): {CURE}."
        ) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the price table {path} has no {error}: {CURE}.") from None
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"the price table {path} is no table of prices ({error}): {CURE}."
        ) from None


def _price(kind: str, row: Mapping[str, Any]) -> Price:
    try:
        return Price(row["on_demand"], row["spot"], row.get("gpus", 0))
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from None
