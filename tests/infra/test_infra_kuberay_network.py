"""Who may talk to whom by the network policies for Kubernetes, as its documentation defines them.

A connection needs the leave of both ends. A pod that no policy of a direction selects may do
anything in that direction; otherwise what some rule of such a policy allows.
"""

import copy
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / "infra" / "kuberay" / "network-policy.yaml"
POLICIES = list(yaml.safe_load_all(FILE.read_text()))
HERE = "gensweep"


@dataclass(frozen=True)
class Pod:
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = HERE
    ip: str = "10.1.2.3"
    space: dict[str, str] = field(default_factory=dict)
    """Labels of its namespace beside its name."""


def chosen(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return all(labels.get(key) == value for key, value in wanted)


def is_peer(peer: dict[str, Any], pod: Pod) -> bool:
    if "ipBlock" in peer:
        block, ip = peer["ipBlock"], ip_address(pod.ip)
        inside = ip in ip_network(block["cidr"])
        return inside and not any(ip in ip_network(one) for one in block.get("except", []))
    if "namespaceSelector" in peer:
        name = {"kubernetes.io/metadata.name": pod.namespace}
        if not chosen(peer["namespaceSelector"], pod.space | name):
            return False
    elif pod.namespace != HERE:
        return False
    return chosen(peer.get("podSelector", {}), pod.labels)


def grants(rule: dict[str, Any], side: str, other: Pod, port: tuple[str, int]) -> bool:
    ports = [(each["protocol"], each["port"]) for each in rule.get("ports", [])]
    peers = rule.get(side, [])
    return (not ports or port in ports) and (not peers or any(is_peer(p, other) for p in peers))


def lets(way: str, pod: Pod, other: Pod, port: tuple[str, int], policies: list[Any]) -> bool:
    """Whether `pod` may, in that direction."""
    if pod.namespace != HERE:
        return True
    specs = [p["spec"] for p in policies if way in p["spec"]["policyTypes"]]
    mine = [spec for spec in specs if chosen(spec["podSelector"], pod.labels)]
    side = {"Ingress": "from", "Egress": "to"}[way]
    rules = [rule for spec in mine for rule in spec.get(way.lower(), [])]
    return not mine or any(grants(rule, side, other, port) for rule in rules)


def may(source: Pod, target: Pod, port: int, protocol: str = "TCP",
        policies: list[Any] | None = None) -> bool:  # fmt: skip
    rules, where = POLICIES if policies is None else policies, (protocol, port)
    out = lets("Egress", source, target, where, rules)
    return out and lets("Ingress", target, source, where, rules)


HEAD, WORKER = Pod({"gensweep/role": "head"}), Pod({"gensweep/role": "worker"})
SUBMITTER, BARE = Pod({"gensweep/role": "submitter"}), Pod()
OPERATOR = Pod({"app.kubernetes.io/name": "kuberay-operator"}, namespace="kuberay")
LIKE_IT = Pod({"app.kubernetes.io/name": "kuberay-operator"}, namespace="elsewhere")
FOREIGN = Pod({"gensweep/role": "worker"}, namespace="elsewhere")
INTERNET, PRIVATE = Pod(namespace="", ip="52.1.2.3"), Pod(namespace="", ip="10.9.9.9")
METADATA = Pod(namespace="", ip="169.254.169.254")
DNS = Pod({"k8s-app": "kube-dns"}, namespace="kube-system")
SERVICES = Pod(namespace="services", space={"gensweep/services": "true"})
STRANGERS = {"foreign": FOREIGN, "like the operator": LIKE_IT, "internet": INTERNET,
             "private": PRIVATE, "names": DNS, "services": SERVICES, "bare": BARE}  # fmt: skip
PORTS = (8265, 6379, 10001, 8076, 44217)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("source", STRANGERS.values(), ids=STRANGERS)
def test_nobody_outside_reaches_rays_ports(source: Pod, port: int) -> None:
    assert not may(source, HEAD, port)
    assert not may(source, WORKER, port)


@pytest.mark.parametrize("port", PORTS)
def test_rays_nodes_reach_one_another(port: int) -> None:
    pairs = [(WORKER, HEAD), (HEAD, WORKER), (WORKER, WORKER)]
    assert all(may(one, other, port) for one, other in pairs)


@pytest.mark.parametrize("port", PORTS)
def test_the_operator_and_a_submitter_reach_the_jobs_api_alone(port: int) -> None:
    for source in (OPERATOR, SUBMITTER):
        assert may(source, HEAD, port) is (port == 8265)
        assert not may(source, WORKER, port)


def test_the_way_out_is_names_and_tls() -> None:
    for pod in (HEAD, WORKER):
        assert may(pod, INTERNET, 443)
        assert not may(pod, INTERNET, 80)
        assert not may(pod, INTERNET, 22)
        assert may(pod, DNS, 53, "UDP")
        assert not any(may(pod, METADATA, port) for port in (80, 443))
    assert may(SUBMITTER, DNS, 53, "UDP")
    assert not may(SUBMITTER, INTERNET, 443)
    assert not may(BARE, INTERNET, 443)


def test_mlflow_the_ledger_and_the_api_server_are_the_heads_alone() -> None:
    for port in (5000, 5432):
        assert may(HEAD, SERVICES, port)
        assert not may(WORKER, SERVICES, port)
        assert not may(HEAD, Pod(namespace="elsewhere"), port)
    assert may(HEAD, PRIVATE, 6443)
    assert not may(WORKER, PRIVATE, 6443)
    assert not may(HEAD, INTERNET, 6443)


def test_a_pod_that_nobody_thought_of_is_shut_off() -> None:
    everyone = [p for p in POLICIES if p["spec"]["podSelector"] == {}]
    assert any(set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} and "ingress" not in p["spec"]
               and "egress" not in p["spec"] for p in everyone)  # fmt: skip


def test_the_check_sees_a_policy_that_is_missing() -> None:
    """Without the default an unknown pod may do anything; without a rule the worker nothing."""
    assert may(BARE, INTERNET, 80, policies=[])
    less = [p for p in copy.deepcopy(POLICIES) if p["metadata"]["name"] != "ray-nodes"]
    assert not may(WORKER, HEAD, 6379, policies=less)
