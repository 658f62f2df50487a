"""Makes the schemas in this folder anew.

    python trim.py KUBERAY KUBERNETES

KUBERAY is a checkout of github.com/ray-project/kuberay, KUBERNETES the `_definitions.json` of a
Kubernetes version, as the package kubernetes-validate brings it. Descriptions go, nothing else.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CRDS = "helm-chart/kuberay-operator/crds/ray.io_{}.yaml"
CORE = {
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "Namespace": "io.k8s.api.core.v1.Namespace",
    "NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
}


def bare(schema: Any) -> Any:
    """Without descriptions; a property may have that name."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: v for k, v in schema.items() if k != "description" or isinstance(v, dict)}
    return {name: bare(value) for name, value in kept.items()}


def custom(kuberay: Path, plural: str) -> tuple[str, Any]:
    """Kind and schema of version v1."""
    found = yaml.safe_load((kuberay / CRDS.format(plural)).read_text())["spec"]
    v1 = next(version for version in found["versions"] if version["name"] == "v1")
    return found["names"]["kind"], bare(v1["schema"]["openAPIV3Schema"])


def resolved(definitions: dict[str, Any], schema: Any) -> Any:
    """With every reference in its place; none of these kinds holds itself."""
    if isinstance(schema, list):
        return [resolved(definitions, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(definitions, definitions[schema["$ref"].rpartition("/")[2]])
    return {name: resolved(definitions, value) for name, value in schema.items()}


def main(kuberay: Path, kubernetes: Path) -> None:
    definitions = json.loads(kubernetes.read_text())["$defs"]
    schemas = dict(custom(kuberay, plural) for plural in ("rayclusters", "rayjobs"))
    schemas |= {kind: bare(resolved(definitions, definitions[name])) for kind, name in CORE.items()}
    for kind, schema in schemas.items():
        text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
        (HERE / f"{kind}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
