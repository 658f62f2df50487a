"""What a sweep costs: price tables, hosts, estimates, and a sweep that stops within its bound."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import cluster_yaml
from gensweep.cluster import launchable_hosts, load_prices
from gensweep.cluster._hosts import (
    Host,
    choose_hosts,
    describe_hosts,
    hosts_of_type,
    hourly_cost,
)
from gensweep.errors import UserError
from gensweep.planning._cost import Quote

ROW = {"gpu": "L4", "gpus": 1, "on_demand": 2.0, "spot": 0.5}


def write(folder: Path, **changes: Any) -> str:
    table = {"currency": "EUR", "date": "2026-01-01", "regions": {"home": {"box": ROW}}} | changes
    path = folder / "prices.json"
    path.write_text(json.dumps(table))
    return str(path)


def test_the_table_that_comes_along_says_what_it_is_worth() -> None:
    path = Path(load_prices(region="us-east-1").file)
    found = json.loads(path.read_text())
    assert "Check before you rely on them" in found["about"]
    for region in found["regions"]:
        prices = load_prices(region=region)
        for kind in prices.table:
            assert 0 < prices.hourly(kind, "spot") < prices.hourly(kind, "on-demand")


def test_the_users_table_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("GENSWEEP_PRICES", write(tmp_path))
    prices = load_prices()
    assert (prices.currency, prices.region) == ("EUR", "home")
    assert prices.hourly("box", "spot") == 0.5
    other = tmp_path / "other"
    other.mkdir()
    assert load_prices(write(other, currency="CHF")).currency == "CHF"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "is no table of prices (Expecting value"),
        ("{}", "has no 'regions'"),
        ("[]", "has no list indices"),
        ({"currency": None, "regions": {}}, "has no region home: add it"),
        ({"regions": {"home": {"box": {}}}}, "has no 'on_demand'"),
        ({"regions": {"home": {"box": ROW | {"spot": 0}}}}, "box: spot must be a number above 0"),
        ({"regions": {"home": {"box": ROW | {"spot": "x"}}}}, "box: spot must be a number above 0"),
        ({"regions": {"home": {"box": ROW | {"gpus": -1}}}}, "box: gpus must be a whole number"),
    ],
)
def test_a_wrong_table_is_told_in_a_line(tmp_path: Path, text: Any, said: str) -> None:
    path = write(tmp_path, **text) if isinstance(text, dict) else str(tmp_path / "prices.json")
    if isinstance(text, str):
        Path(path).write_text(text)
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        load_prices(path, region="home")
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_type_is_told_with_the_known(tmp_path: Path) -> None:
    prices = load_prices(write(tmp_path), region="home")
    with pytest.raises(UserError, match=r"has no p9\.huge in home: add it.*it has box\."):
        prices.hourly("p9.huge", "spot")
    with pytest.raises(UserError, match="cannot be read"):
        load_prices(str(tmp_path / "none.json"))


def test_hosts_are_counted_for_their_gpus() -> None:
    prices = load_prices(region="us-east-1")
    assert describe_hosts(hosts_of_type("g5.12xlarge:spot", 9, prices)) == "3 x g5.12xlarge (spot)"
    assert describe_hosts(hosts_of_type("m7i.large", 0, prices)) == "1 x m7i.large (on-demand)"
    with pytest.raises(UserError, match=r"m7i\.large has no GPU, but --gpus is 2"):
        hosts_of_type("m7i.large", 2, prices)
    with pytest.raises(UserError, match=r"choose g6\.xlarge:spot or g6\.xlarge:on-demand"):
        hosts_of_type("g6.xlarge:cheap", 2, prices)


def test_the_autoscalers_pools_are_hosts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pool(kind: str, gpus: int, most: int) -> dict[str, Any]:
        config = {"instance_types": [kind, "other"], "market": "spot"}
        return {"resources": {"CPU": 4, "GPU": gpus}, "node_config": config, "max_workers": most}

    file = tmp_path / "cluster.yaml"
    pools = {"small": pool("g6.xlarge", 1, 3), "large": pool("g6.12xlarge", 4, 1)}
    file.write_text(yaml.safe_dump(cluster_yaml("prices", pools) | {"max_workers": 3}))
    monkeypatch.setenv("GENSWEEP_CLUSTER_CONFIG", str(file))
    assert describe_hosts(launchable_hosts()) == "1 x g6.12xlarge (spot), 2 x g6.xlarge (spot)"
    assert sum(host.gpus for host in choose_hosts(launchable_hosts(), 5)) == 5
    file.write_text("available_node_types: 7")
    with pytest.raises(UserError, match=r"is no cluster's configuration"):
        launchable_hosts()
    monkeypatch.setenv("GENSWEEP_CLUSTER_CONFIG", str(tmp_path / "none.yaml"))
    assert launchable_hosts() == []


def test_an_estimate_is_time_times_the_price_of_its_hosts() -> None:
    prices, draw = load_prices(region="us-east-1"), random.Random(4)
    kinds = sorted(kind for kind, price in prices.table.items() if price.gpus)
    for _ in range(200):
        hosts = [Host(draw.choice(kinds), draw.choice(("spot", "on-demand")), 1, 4)
                 for _ in range(draw.randint(1, 9))]  # fmt: skip
        seconds = draw.uniform(1.0, 1e6)
        each = [prices.hourly(host.kind, host.market) for host in hosts]
        assert hourly_cost(hosts, prices) == pytest.approx(sum(each))
        said = Quote(hourly=sum(each), currency="USD", hosts="").text(seconds, len(hosts))
        money, worked = (float(n.replace(",", "")) for n in re.findall(r"[\d,]+\.\d+", said)[:2])
        assert money == pytest.approx(sum(each) * seconds / 3600, abs=0.0051)
        assert worked == pytest.approx(len(hosts) * seconds / 3600, abs=0.051)
