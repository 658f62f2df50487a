"""The node provider against EC2 as moto plays it, with shortages on the wire."""

from collections.abc import Iterator
from typing import Any

import pytest
from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig

from emulator import (
    ENV,
    Wire,
    alive,
    cluster_yaml,
    launch_template,
    moto_server,
    subnets,
    wire_to,
)
from gensweep.cluster import FleetNodeProvider
from gensweep.errors import UserError
from infra.aws import client

pytestmark = pytest.mark.slow("moto plays EC2", minutes=0.4)
TAGS = {
    "ray-node-type": "worker",
    "ray-user-node-type": "spot",
    "ray-launch-request": "8a6e7c1e-0000-4000-8000-000000000000",
    "ray-node-name": "ray-tests-worker",
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def wire(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire_to(moto) as wire:
        for name, value in {**ENV, "AWS_ENDPOINT_URL": wire.address}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("RAY_CLOUD_INSTANCE_ID", "i-head")
        yield wire
    ec2 = client("ec2", moto)
    if left := list(alive(ec2)):
        ec2.terminate_instances(InstanceIds=left)


@pytest.fixture
def ec2(moto: str) -> Any:
    return client("ec2", moto)


@pytest.fixture
def pool(ec2: Any, request: pytest.FixtureRequest) -> dict[str, Any]:
    return {
        "launch_template": {"id": launch_template(ec2, request.node.name), "version": "1"},
        "instance_types": ["g6.xlarge", "g5.xlarge"],
        "subnets": subnets(ec2),
        "market": "spot",
        "fallback": True,
        "max_workers": 4,
    }


def provider(**changes: Any) -> FleetNodeProvider:
    config = {"region": "eu-central-1", "max_workers": 6, "on_demand_after": 2}
    return FleetNodeProvider(config | changes, "tests")


def test_instances_carry_their_names_and_are_found_by_them(wire: Wire, ec2: Any, pool: Any) -> None:
    mine = provider()
    ids = list(mine.create_node(pool, TAGS, 2))
    assert wire.asked == [(pool["launch_template"]["id"], "spot", 2)]
    assert {i: tags["gensweep:pool"] for i, tags in alive(ec2).items()} == dict.fromkeys(
        ids, "spot"
    )
    for tags in alive(ec2).values():
        assert tags | TAGS == tags
        assert tags["Name"] == "tests-spot"
        assert tags["gensweep:cluster"] == tags["ray-cluster-name"] == "tests"
    again = provider()
    assert set(again.non_terminated_nodes({"ray-user-node-type": "spot"})) == set(ids)
    assert again.node_tags(ids[0])["ray-launch-request"] == TAGS["ray-launch-request"]
    assert again.is_running(ids[0])
    assert again.internal_ip(ids[0]).count(".") == 3


def test_the_head_is_known_and_never_ended(wire: Wire, ec2: Any, pool: Any) -> None:
    mine = provider()
    assert mine.non_terminated_nodes({}) == ["i-head"]
    assert mine.node_tags("i-head")["ray-node-type"] == "head"
    (worker,) = mine.create_node(pool, TAGS, 1)
    mine.terminate_nodes(["i-head", worker])
    assert mine.non_terminated_nodes({}) == ["i-head"]
    assert mine.is_terminated(worker)


def test_another_clusters_instances_are_left_alone(wire: Wire, pool: Any) -> None:
    other = FleetNodeProvider({"max_workers": 2}, "other")
    other.create_node(pool, TAGS, 1)
    assert provider().non_terminated_nodes({}) == ["i-head"]


def test_many_instances_come_page_by_page(wire: Wire, pool: Any,
                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("gensweep.cluster._fleet.PAGE_SIZE", 5)
    mine = provider(max_workers=20)
    mine.create_node({**pool, "max_workers": 20}, TAGS, 12)
    wire.pages.clear()
    assert len(provider().non_terminated_nodes({"ray-node-type": "worker"})) == 12
    assert len([page for page in wire.pages if page]) == 2


def test_ended_instances_end_again_without_an_error(wire: Wire, pool: Any) -> None:
    mine = provider()
    ids = list(mine.create_node(pool, TAGS, 2))
    mine.terminate_nodes([ids[0], "i-00000000000000000"])
    mine.terminate_nodes(ids)
    assert mine.non_terminated_nodes({}) == ["i-head"]


@pytest.mark.parametrize(("most", "of_pool", "come"), [(6, 3, 3), (2, 4, 2), (0, 4, 0), (6, 0, 0)])
def test_caps_hold(wire: Wire, ec2: Any, pool: Any, most: int, of_pool: int, come: int) -> None:
    mine = provider(max_workers=most)
    with pytest.raises(NodeLaunchException, match=rf"{come} of 5 instances: max_workers: "):
        mine.create_node({**pool, "max_workers": of_pool}, TAGS, 5)
    assert len(alive(ec2)) == come
    with pytest.raises(NodeLaunchException, match="0 of 1 instances"):
        provider(max_workers=most).create_node({**pool, "max_workers": of_pool}, TAGS, 1)
    assert len(alive(ec2)) == come


def test_a_part_that_comes_is_kept_and_the_rest_refused(wire: Wire, ec2: Any, pool: Any) -> None:
    wire.left[pool["launch_template"]["id"], "spot"] = 1
    mine = provider()
    with pytest.raises(NodeLaunchException) as caught:
        mine.create_node(pool, TAGS, 3)
    assert str(caught.value).endswith(
        "pool spot: 1 of 3 instances: spot InsufficientInstanceCapacity (There is no such capacity "
        "in your zones.): add instance types or subnets to the pool"
    )
    assert set(mine.non_terminated_nodes({})) == {"i-head", *alive(ec2)}
    assert len(alive(ec2)) == 1


def test_after_failures_in_a_row_on_demand_comes(wire: Wire, ec2: Any, pool: Any) -> None:
    template = pool["launch_template"]["id"]
    wire.left[template, "spot"] = 0
    mine = provider(on_demand_after=2)
    with pytest.raises(NodeLaunchException, match="spot InsufficientInstanceCapacity"):
        mine.create_node(pool, TAGS, 1)
    mine.create_node(pool, TAGS, 1)
    mine.create_node(pool, TAGS, 1)
    markets = [market for _, market, _ in wire.asked]
    assert markets == ["spot", "spot", "on-demand", "on-demand"]
    assert len(alive(ec2)) == 2


def test_after_a_while_spot_is_tried_again(wire: Wire, pool: Any,
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    template = pool["launch_template"]["id"]
    wire.left[template, "spot"] = 0
    mine = provider(on_demand_after=1)
    mine.create_node(pool, TAGS, 1)
    monkeypatch.setattr("gensweep.cluster._provider.SPOT_RETRY_S", 0.0)
    del wire.left[template, "spot"]
    mine.create_node(pool, TAGS, 1)
    assert [market for _, market, _ in wire.asked] == ["spot", "on-demand", "spot"]


def test_a_pool_without_fallback_stays_with_spot(wire: Wire, pool: Any) -> None:
    wire.left[pool["launch_template"]["id"], "spot"] = 0
    mine = provider(on_demand_after=1)
    for _ in range(3):
        with pytest.raises(NodeLaunchException, match="0 of 1"):
            mine.create_node({**pool, "fallback": False}, TAGS, 1)
    assert {market for _, market, _ in wire.asked} == {"spot"}


def test_a_throttled_launch_is_repeated_as_the_same(wire: Wire, ec2: Any, pool: Any) -> None:
    mine = provider()
    mine.non_terminated_nodes({})
    wire.throttled = 2
    assert len(mine.create_node(pool, TAGS, 1)) == 1
    assert len(alive(ec2)) == 1


def test_each_launch_has_a_token_of_its_own(wire: Wire, pool: Any) -> None:
    mine = provider()
    for _ in range(3):
        mine.create_node(pool, TAGS, 1)
    assert len(set(wire.tokens)) == 3
    assert all(len(token) <= 64 for token in wire.tokens)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subnets": []}, "pool spot: node_config has no subnets: add it to cluster.yaml"),
        ({"market": "bids"}, "pool spot: market is 'bids': choose from spot, on-demand"),
        ({"typo": 1}, "pool spot: node_config has typo: use only "),
        ({"launch_template": {"version": "1"}}, "pool spot: launch_template has no id"),
        ({"launch_template": {"id": "lt-0"}}, "pool spot: 0 of 1 instances: spot InvalidLaunch"),
    ],
)
def test_a_wrong_pool_is_told_in_a_line(wire: Wire, pool: Any, change: Any, said: str) -> None:
    with pytest.raises(NodeLaunchException) as caught:
        provider().create_node({**pool, **change}, TAGS, 1)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "provider.max_workers is missing: add it to cluster.yaml."),
        ({"max_workers": "many"}, "provider.max_workers must be a whole number from 0"),
        (
            {"max_workers": 1, "join_timeout_s": 0},
            "provider.join_timeout_s must be a whole",
        ),
    ],
)
def test_a_wrong_provider_is_told_in_a_line(wire: Wire, config: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        FleetNodeProvider(config, "tests")


def test_the_autoscaler_waits_as_long_as_cluster_yaml_says(wire: Wire) -> None:
    provider()
    for given, wait in [({}, 900), ({"join_timeout_s": 78}, 78)]:
        config = AutoscalingConfig(cluster_yaml("tests", {}, **given), skip_content_hash=True)
        reconcile = config.get_instance_reconcile_config()
        assert reconcile.allocate_status_timeout_s == wait
        assert reconcile.max_num_retry_request_to_allocate == 3
