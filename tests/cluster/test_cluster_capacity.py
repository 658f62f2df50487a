"""What a cluster could hold: by the pools' caps and the cap over all of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gensweep.cluster import launchable_hosts
from gensweep.errors import UserError


def config(most: int, **pools: tuple[int, dict[str, int]]) -> dict[str, Any]:
    types = {name: {"max_workers": n, "resources": r} for name, (n, r) in pools.items()}
    head = {"max_workers": 0, "resources": {"CPU": 0}}
    return {"max_workers": most, "head_node_type": "head",
            "available_node_types": {"head": head, **types}}  # fmt: skip


@pytest.mark.parametrize(
    ("most", "gpus", "cpus"), [(0, 0, 0), (1, 8, 16), (3, 17, 40), (9, 20, 60)]
)
def test_the_largest_workers_count_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, gpus: int, cpus: int
) -> None:
    pools = config(
        most,
        large=(2, {"CPU": 8, "GPU": 8}),
        small=(4, {"CPU": 3, "GPU": 1}),
        plain=(2, {"CPU": 16}),
    )
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump(pools))
    monkeypatch.setenv("GENSWEEP_CLUSTER_CONFIG", str(file))
    assert sum(host.gpus for host in launchable_hosts("GPU")) == gpus
    assert sum(host.cpus for host in launchable_hosts("CPU")) == cpus


@pytest.mark.parametrize("text", ["max_workers: 3", "head_node_type: [", "- a"])
def test_what_is_no_configuration_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    monkeypatch.setenv("GENSWEEP_CLUSTER_CONFIG", str(file))
    with pytest.raises(UserError, match="is no cluster's configuration"):
        launchable_hosts()
