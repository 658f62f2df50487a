"""The manifests for KubeRay, against its own schema, and what they promise.

An API server drops a field that it does not know without a word: here such a field is an error.
"""

import copy
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gensweep.cluster import launchable_hosts

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "kuberay"
CRDS = Path(__file__).with_name("crds")
MANIFESTS = ("namespace", "config", "home", "network-policy", "raycluster", "rayjob")


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text()))


OBJECTS = [document for name in MANIFESTS for document in documents(name)]
CLUSTER, JOB = documents("raycluster")[0], documents("rayjob")[0]
SPECS = {"RayCluster": CLUSTER["spec"], "RayJob": JOB["spec"]["rayClusterSpec"]}


def strict(schema: Any) -> Any:
    """The same, but an object with named properties has no other ones."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(value) for name, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def validator(kind: str) -> Draft202012Validator:
    schema = json.loads(gzip.decompress((CRDS / f"{kind}.json.gz").read_bytes()))
    return Draft202012Validator(strict(schema))


VALIDATORS = {kind: validator(kind) for kind in {document["kind"] for document in OBJECTS}}


def faults(document: dict[str, Any]) -> list[str]:
    found = VALIDATORS[document["kind"]].iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


def templates(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    workers = {group["groupName"]: group["template"] for group in spec["workerGroupSpecs"]}
    return {"head": spec["headGroupSpec"]["template"], **workers}


PODS = {f"{kind} {name}": template for kind, spec in SPECS.items()
        for name, template in templates(spec).items()}  # fmt: skip
PODS["RayJob submitter"] = JOB["spec"]["submitterPodTemplate"]


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field, wherever it is."""
    if isinstance(value, list):
        for each in value:
            yield from walk(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name, each
            yield from walk(each)


@pytest.mark.parametrize("document", OBJECTS, ids=lambda d: f"{d['kind']} {d['metadata']['name']}")
def test_every_field_is_in_the_schema(document: dict[str, Any]) -> None:
    assert faults(document) == []
    assert document["kind"] == "Namespace" or document["metadata"]["namespace"] == "gensweep"


def misspelt(path: str, wrong: str) -> dict[str, Any]:
    document = copy.deepcopy(CLUSTER)
    *way, last = path.split(".")
    place = document["spec"]
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[wrong] = place.pop(last)
    return document


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("authOptions", "authOption"),
        ("authOptions.mode", "Mode"),
        ("gcsFaultToleranceOptions.storage.deletionPolicy", "deletePolicy"),
        ("autoscalerOptions.volumeMounts", "volumesMounts"),
        ("headGroupSpec.template.spec.automountServiceAccountToken", "automountServiceAccount"),
        ("headGroupSpec.template.spec.containers.0.securityContext", "securityContexts"),
        ("workerGroupSpecs.0.minReplicas", "minReplica"),
        ("workerGroupSpecs.0.template.spec.volumes.0.emptyDir.sizeLimit", "limit"),
    ],
)
def test_a_misspelt_field_is_refused(path: str, wrong: str) -> None:
    assert any(wrong in fault for fault in faults(misspelt(path, wrong)))


@pytest.mark.parametrize(
    ("part", "name", "wrong"),
    [
        ("authOptions", "mode", "tokens"),
        ("gcsFaultToleranceOptions", "backend", "sqlite"),
        ("autoscalerOptions", "version", "v3"),
        ("headGroupSpec", "serviceType", 1),
    ],
)
def test_a_wrong_value_is_refused(part: str, name: str, wrong: Any) -> None:
    document = copy.deepcopy(CLUSTER)
    document["spec"][part][name] = wrong
    assert any(name in fault for fault in faults(document))


def test_both_clusters_are_the_same_but_for_rays_state() -> None:
    kept, job = copy.deepcopy(SPECS["RayCluster"]), copy.deepcopy(SPECS["RayJob"])
    assert kept.pop("gcsFaultToleranceOptions")["backend"] == "rocksdb"
    assert kept == job


@pytest.mark.parametrize("kind", SPECS)
def test_clusters_are_authenticated_private_and_scale_from_zero(kind: str) -> None:
    spec = SPECS[kind]
    assert spec["authOptions"] == {"mode": "token", "secretName": "gensweep-token"}
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["autoscalerOptions"]["version"] == "v2"
    head = spec["headGroupSpec"]
    assert (head["serviceType"], head["enableIngress"]) == ("ClusterIP", False)
    assert head["rayStartParams"] == {"num-cpus": "0", "num-gpus": "0"}
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] == group["replicas"] == 0 < group["maxReplicas"]


@pytest.mark.parametrize("kind", SPECS)
def test_a_sweep_is_planned_for_what_the_groups_can_grow_to(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = next(d for d in OBJECTS if d["metadata"]["name"] == "gensweep-pools")
    (tmp_path / "pools.yaml").write_text(pools["data"]["pools.yaml"])
    monkeypatch.setenv("GENSWEEP_CLUSTER_CONFIG", str(tmp_path / "pools.yaml"))
    groups = SPECS[kind]["workerGroupSpecs"]
    limits = {g["groupName"]: g["template"]["spec"]["containers"][0]["resources"]["limits"]
              for g in groups}  # fmt: skip
    for resource, name in (("CPU", "cpu"), ("GPU", "nvidia.com/gpu")):
        all_of_them = sum(g["maxReplicas"] * float(limits[g["groupName"]][name]) for g in groups)
        hosts = launchable_hosts(resource)
        offered = sum(host.gpus if resource == "GPU" else host.cpus for host in hosts)
        assert offered == all_of_them > 0
    head = templates(SPECS[kind])["head"]["spec"]["containers"][0]
    assert {"name": "GENSWEEP_CLUSTER_CONFIG", "value": "/etc/gensweep/pools.yaml"} in head["env"]


def test_the_version_of_ray_is_the_one_that_is_installed() -> None:
    pinned = re.search(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert {spec["rayVersion"] for spec in SPECS.values()} == {pinned[1]}


def test_every_pod_has_the_same_image() -> None:
    images = {c["image"] for pod in PODS.values() for c in pod["spec"]["containers"]}
    assert len(images) == 1
    assert not images.pop().endswith(":latest")


CONTEXTS = {
    name: container["securityContext"]
    for name, pod in PODS.items() for container in pod["spec"]["containers"]
} | {f"{kind} autoscaler": spec["autoscalerOptions"]["securityContext"]
     for kind, spec in SPECS.items()}  # fmt: skip


@pytest.mark.parametrize("name", CONTEXTS)
def test_containers_can_change_nothing_but_their_volumes(name: str) -> None:
    assert CONTEXTS[name] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", PODS)
def test_pods_are_restricted(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 1000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    volumes = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
    assert volumes <= {"configMap", "emptyDir", "persistentVolumeClaim", "projected"}
    fields = dict(walk(spec))
    assert not {"hostNetwork", "hostPID", "hostIPC", "privileged", "hostPort"} & set(fields)
    for container in spec["containers"]:
        assert set(container["resources"]["limits"]) >= {"cpu", "memory"}
        assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize("kind", SPECS)
def test_the_right_to_scale_is_with_the_autoscaler_alone(kind: str) -> None:
    spec = SPECS[kind]
    mounted = [m["name"] for m in spec["autoscalerOptions"]["volumeMounts"]]
    assert "kube-api" in mounted
    for template in templates(spec).values():
        for container in template["spec"]["containers"]:
            assert "kube-api" not in [m["name"] for m in container["volumeMounts"]]


@pytest.mark.parametrize("kind", SPECS)
def test_no_secret_is_written_down_and_workers_have_only_the_stores(kind: str) -> None:
    named = {}
    for role, template in templates(SPECS[kind]).items():
        container = template["spec"]["containers"][0]
        named[role] = {e["secretRef"]["name"] for e in container["envFrom"] if "secretRef" in e}
        told = {e["name"] for e in container["env"]}
        assert not [name for name in told if re.search("TOKEN|PASSWORD|SECRET|KEY", name)]
    assert named == {"head": {"gensweep-store", "gensweep-head"}, "gpu": {"gensweep-store"}}
    assert [d for d in OBJECTS if d["kind"] == "Secret"] == []


@pytest.mark.parametrize("kind", SPECS)
def test_a_worker_has_the_time_that_its_drain_takes(kind: str) -> None:
    pod = templates(SPECS[kind])["gpu"]["spec"]
    env = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
    drain = int(env["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    assert 60 <= drain < pod["terminationGracePeriodSeconds"] <= 120


def test_the_job_ends_its_cluster_and_tries_again() -> None:
    spec = JOB["spec"]
    assert "python sweeps/gan_stability.py --preset cluster" in spec["entrypoint"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["backoffLimit"] > 0
    assert spec["activeDeadlineSeconds"] > spec["preRunningDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0


def test_the_namespace_refuses_what_is_not_restricted() -> None:
    labels = documents("namespace")[0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_kustomization_names_every_file_but_the_job() -> None:
    named = set(documents("kustomization")[0]["resources"])
    assert named == {f"{name}.yaml" for name in MANIFESTS if name != "rayjob"}


def test_the_image_runs_as_the_manifests_say() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    user = re.search(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    assert user is not None
    assert {(p["spec"]["securityContext"]["runAsUser"], p["spec"]["securityContext"]["runAsGroup"])
            for p in PODS.values()} == {(int(user[1]), int(user[2]))}  # fmt: skip
    assert "dist/gensweep-bundle.tar.gz" in text
    assert "--require-hashes -r /opt/gensweep/requirements.txt" in text
