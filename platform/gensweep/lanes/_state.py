"""The whole state of one lane, apart from its pack: it can be stored, moved, or run alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from gensweep.errors import refuse_unreadable


@dataclass(frozen=True, slots=True)
class LaneState:
    """State of a lane: tensors by name, and the trial's configuration, seed, ticks and budget.

    >>> import torch
    >>> state = LaneState({"a/flat": torch.ones(2)}, {"ticks": 3})
    >>> LaneState.from_bytes(state.to_bytes()).meta["ticks"]
    3
    """

    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any] = field(default_factory=dict)
    """What goes with them as JSON; it is replaced, never changed."""

    def of_player(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of one player, by their names in its stack."""
        prefix = f"{name}/"
        own = {key: tensor for key, tensor in self.tensors.items() if key.startswith(prefix)}
        return {key.removeprefix(prefix): tensor for key, tensor in own.items()}

    def to_bytes(self) -> bytes:
        """Serialise as safetensors, which holds no code."""
        from safetensors.torch import save

        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        return bytes(save(tensors, {"lane": json.dumps(dict(self.meta))}))

    @classmethod
    def from_bytes(cls, data: bytes) -> "LaneState":
        """Read what `to_bytes` wrote; `UserError` for anything else."""
        from safetensors.torch import load

        with refuse_unreadable("the state of a lane", "take it from the sweep's store again"):
            length = int.from_bytes(data[:8], "little")
            header = json.loads(data[8 : 8 + length])
            return cls(load(data), dict(json.loads(header["__metadata__"]["lane"])))
