"""A loaded data set, and the two ways in which training reads its batches.

Shapes: N examples of `shape`; indices of any shape [..., B] give batches [..., B, *shape].
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gensweep.data._dataset_cache import open_array
from gensweep.data._manifest import Manifest
from gensweep.errors import UserError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor


class BatchSource(Protocol):
    """A source of a pack's batches; both kinds give identical values."""

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        """`x` float32, images in [-1, 1] and points as they are, int64 `y` if labelled, columns.

        A column has float32 images in [-1, 1] or float32 numbers, or int64 numbers.
        """


@dataclass(frozen=True)
class Dataset:
    """One split of an ingested data set. It pickles as a reference to the local cache."""

    manifest: Manifest
    split: str
    folder: Path

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def id(self) -> str:
        """The name by which any host loads the same data: `load_dataset(dataset.id, store)`."""
        return self.manifest.id

    @property
    def hash(self) -> str:
        """The sha256 of the examples and labels of both splits, and of the names of classes."""
        return self.manifest.hash

    @property
    def shape(self) -> tuple[int, ...]:
        return self.manifest.meta.shape

    @property
    def classes(self) -> int:
        return self.manifest.meta.classes

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.manifest.meta.class_names

    @property
    def levels(self) -> int:
        """The largest value of a stored pixel, 0 for points."""
        return self.manifest.meta.levels

    @property
    def protocol(self) -> str:
        """The origin of the examples and of the split, in words."""
        return self.manifest.meta.protocol

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of the reader: what was chosen and what was left out, a line each."""
        return self.manifest.notes

    @cached_property
    def count(self) -> int:
        return self.manifest.count(self.split)

    @property
    def modes(self) -> Tensor | None:
        """The centres `[M, 2]` of a known mixture."""
        import torch

        return None if self.manifest.meta.modes is None else torch.tensor(self.manifest.meta.modes)

    @property
    def mean(self) -> tuple[float, ...]:
        """The mean that each number of a table had: its own units are `x * std + mean`.

        Empty for what is not standardised.
        """
        return self.manifest.meta.mean

    @property
    def std(self) -> tuple[float, ...]:
        """The standard deviation that each number of a table had."""
        return self.manifest.meta.std

    @property
    def stacked(self) -> bool:
        """True if every channel is an image with a class of its own."""
        return self.manifest.meta.stacked

    @property
    def mode_std(self) -> float | None:
        return self.manifest.meta.mode_std

    @property
    def nbytes(self) -> int:
        """Bytes of `tensors()`."""
        return self.manifest.nbytes(self.split)

    def fits(self, device_bytes: int) -> bool:
        """Return whether `Resident` needs at most that much of a device's memory."""
        return self.nbytes <= device_bytes

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`x`, `y` if labelled, and other columns, mapped from the local disk."""
        return {name: open_array(self.folder, f"{name}.npy") for name in self.manifest.meta.stored}

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """Describe the named columns beside x and y: dtype, shape and levels of each."""
        return {
            column.name: {"dtype": column.dtype, "shape": column.shape, "levels": column.levels}
            for column in self.manifest.meta.columns
        }

    @cached_property
    def class_counts(self) -> tuple[int, ...]:
        """The number of examples of each class; empty if they have none."""
        import numpy as np

        if not self.classes:
            return ()
        return tuple(np.bincount(self.arrays()["y"], minlength=self.classes).tolist())

    @cached_property
    def class_shares(self) -> tuple[float, ...]:
        """The share of each class among the examples; empty if they have none."""
        return tuple(count / self.count for count in self.class_counts)

    @property
    def pixel_levels(self) -> dict[str, int]:
        """The largest value of a pixel in each array of images, by name."""
        images = [c for c in self.manifest.meta.columns if c.dtype == "uint8"]
        columns = {c.name: c.levels for c in images}
        return columns | ({"x": self.levels} if self.levels else {})

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """uint8 `x` [N, C, H, W] or float32 [N, 2], and int64 `y` [N] if labelled.

        On the CPU they share the disk's pages with all processes of the machine.
        """
        import torch

        return {k: torch.from_numpy(a).to(device) for k, a in self.arrays().items()}

    def source(
        self, device: torch.device | str = "cpu", device_bytes: int | None = None
    ) -> BatchSource:
        """Make a `Resident` if the data fit `device_bytes`, or else a `Streamed`.

        None means half of the device's free memory.
        """
        room = _memory(device) // 2 if device_bytes is None else device_bytes
        return Resident(self, device) if self.fits(room) else Streamed(self, device)

    def images(self, indices: Tensor) -> Tensor:
        """Gather the float32 examples at `indices`, on the CPU."""
        return Streamed(self, "cpu").gather(indices)["x"]


class Resident:
    """Batches from data that stay in the device's memory."""

    def __init__(self, dataset: Dataset, device: torch.device | str = "cpu") -> None:
        self.data = dataset.tensors(device)
        self.levels = dataset.pixel_levels

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        chosen = indices.to(self.data["x"].device, non_blocking=True)
        flat = chosen.reshape(-1)
        batch = {
            name: values.index_select(0, flat).view((*chosen.shape, *values.shape[1:]))
            for name, values in self.data.items()
        }
        return _scaled(batch, self.levels)


class Streamed:
    """Batches from memory-mapped files; the operating system keeps what is used often."""

    def __init__(self, dataset: Dataset, device: torch.device | str = "cpu") -> None:
        import torch

        self.data = dataset.arrays()
        self.levels = dataset.pixel_levels
        self.device = torch.device(device)

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        batch = {name: self._take(values, indices) for name, values in self.data.items()}
        return _scaled(batch, self.levels)

    def _take(self, values: NDArray[Any], indices: Tensor) -> Tensor:
        """Read in the file's order, which a disk reads fastest; return in that of `indices`."""
        import numpy as np
        import torch

        flat = indices.reshape(-1).cpu().numpy()
        if flat.size and (flat.min() < 0 or flat.max() >= len(values)):
            raise IndexError(f"indices must be within 0 and {len(values) - 1}")
        order = np.argsort(flat, kind="stable")
        cuda = self.device.type == "cuda"
        shape = (*indices.shape, *values.shape[1:])
        taken = torch.empty(shape, dtype=torch.from_numpy(values[:0]).dtype, pin_memory=cuda)
        taken.view(len(flat), *values.shape[1:]).numpy()[order] = values[flat[order]]
        return taken.to(self.device, non_blocking=cuda)


def _scaled(batch: dict[str, Tensor], levels: Mapping[str, int]) -> dict[str, Tensor]:
    """Map all images to [-1, 1]; points stay as they are, in float32."""
    images = {name: scale(batch[name], most) for name, most in levels.items()}
    return batch | images | {"x": images.get("x", batch["x"]).float()}


def scale(x: Tensor, levels: int) -> Tensor:
    """Map pixels 0 .. `levels` to float32 in [-1, 1]; points (`levels` 0) stay as they are."""
    return x.float().div_(levels / 2).sub_(1) if levels else x


def _memory(device: torch.device | str) -> int:
    """Return a GPU's free bytes; for the CPU all of the machine's, as data are only mapped."""
    import torch

    place = torch.device(device)
    if place.type == "cuda":
        return int(torch.cuda.mem_get_info(place)[0])
    if place.type != "cpu":
        raise UserError(f"device {str(device)!r} is not supported: choose cpu or cuda.")
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
