"""What runs inside a Train worker: the data, the judge, and the pack at work."""

import time
from typing import Any

import torch

from gensweep.metrics import Evaluator, FeatureNet, train_classifier
from gensweep.storage import Checkpoints, ObjectStore, open_store
from gensweep.sweep._bench import work
from gensweep.sweep._judge import Judge, likelihood_kind
from gensweep.sweep._ranks import SharedDesk, ranks
from gensweep.sweep._sweep import Sweep

HEARTBEAT_S = 5.0
FIRST_CHECKPOINT_S, CHECKPOINT_S = 5.0, 30.0
REFERENCE = 10_000
"""Training examples from which label shares and the classifier's check are taken."""


class RemoteDesk:
    """The desk of the sweep, reached through Ray; checkpoints go straight to the store."""

    def __init__(self, actor: Any, owner: str, store: ObjectStore, sweep: str):
        self._actor, self.owner = actor, owner
        self._checkpoints = Checkpoints(store, f"sweeps/{sweep}/checkpoints/{owner}")
        self._store, self._sweep = store, sweep
        self._step = 0
        self._beat = time.monotonic()
        self._saved = self._beat - CHECKPOINT_S + FIRST_CHECKPOINT_S

    def _ask(self, method: str, *args: Any) -> Any:
        import ray

        return ray.get(getattr(self._actor, method).remote(self.owner, *args))

    def lease(self, count: int, stratum: dict[str, Any] | None) -> Any:
        return self._ask("lease", count, stratum)

    def report(self, number: int, images: int, metrics: dict[str, float], png: bytes) -> str:
        return str(self._ask("report", number, images, metrics, png))

    def heartbeat(self, seen: dict[int, int]) -> str:
        now = time.monotonic()
        if now - self._beat >= HEARTBEAT_S:
            self._beat = now
            if not self._ask("heartbeat", seen):
                return "stop"
        if now - self._saved >= CHECKPOINT_S:
            self._saved = now
            return "save"
        return "go"

    def checkpoints(self, lanes: dict[int, bytes]) -> None:
        """Store the lanes; steps go on from one pack of the owner to the next, as pruning needs."""
        self._step += 1
        named = {str(number): data for number, data in lanes.items()}
        self._checkpoints.write(self._step, named, {"owner": self.owner})
        self._ask("checkpoint", list(lanes), {"owner": self.owner, "step": self._step})
        self._checkpoints.prune(2)

    def restore(self, pointer: dict[str, Any], number: int) -> bytes | None:
        """The lane's last checkpoint that verifies, or None: begin again."""
        place = Checkpoints(self._store, f"sweeps/{self._sweep}/checkpoints/{pointer['owner']}")
        try:
            return place.read_lane(str(number))[0]
        except LookupError:
            return None

    def finish(self, number: int, state: str, cause: str, result: dict[str, Any]) -> None:
        weights = result.pop("weights", b"")
        if weights:
            self._store.put(f"sweeps/{self._sweep}/trials/{number:04d}/lane.safetensors", weights)
        self._ask("finish", number, state, cause, result)


def examples(dataset: Any, limit: int | None = None) -> dict[str, torch.Tensor]:
    """The first `limit` examples as training sees them: x in [-1, 1], and y if labelled."""
    count = dataset.count if limit is None else min(limit, dataset.count)
    return dict(dataset.source("cpu").gather(torch.arange(count)))


def feature_net(store: ObjectStore, dataset: Any, told: Any = print) -> FeatureNet:
    """The data set's classifier: trained once, then read from the store by the data's hash."""
    key = f"features/{dataset.name}-{dataset.hash[:16]}-v1.pt"
    if store.exists(key):
        return FeatureNet.load(store.get(key))
    told(f"training the feature network of {dataset.name} (once)")
    tensors = examples(dataset)
    net = train_classifier(tensors["x"], tensors["y"], dataset.classes)
    store.put(key, net.save())
    return net


def make_judge(sweep: Sweep, store: ObjectStore, train: Any, test: Any) -> Judge:
    """The judge of all trials of a sweep; the same for the same data and seed."""
    held_out = examples(test) if test is not None else {}
    evaluator = Evaluator.for_dataset(
        train.name,
        examples(train, REFERENCE),
        held_out,
        modes=train.modes,
        mode_std=train.mode_std,
        classifier=None if train.modes is not None else feature_net(store, train),
        samples=2500 if train.modes is not None else sweep.samples,
    )
    x = held_out["x"] if held_out else examples(train, REFERENCE)["x"]
    return Judge(evaluator, train, x, train.modes, evaluator.protocol["fake_samples"],
                 sweep.truncations, likelihood_kind(sweep.model))  # fmt: skip


def loop(config: dict[str, Any]) -> None:
    """The Train worker's loop."""
    from gensweep.data import load_dataset

    sweep, fleet = config["sweep"], config["fleet"]
    torch.set_num_threads(fleet.threads)
    store = open_store(config["store"])
    train = load_dataset(config["data"], store, split="train")
    test = None if train.modes is not None else load_dataset(config["data"], store, split="test")
    desk: Any = RemoteDesk(config["desk"], config["owner"], store, sweep.name)
    share = ranks()
    device = "cuda" if fleet.use_gpu else "cpu"
    judge = make_judge(sweep, store, train, test)
    work(sweep, desk if share.count == 1 else SharedDesk(desk), judge, train.source(device),
         device=device, ranks=share)  # fmt: skip
