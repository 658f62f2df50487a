"""Data sets: found in their usual formats, ingested once, gathered on the device.

Runs in: every process but the coordinator's actor.
"""

from gensweep.data._dataset import BatchSource, Dataset, Resident, Streamed
from gensweep.data._dataset_cache import cache_folder
from gensweep.data._download import NAMES, download
from gensweep.data._find_source import find_source
from gensweep.data._load import load_dataset
from gensweep.data._source import Meta, Source

__all__ = [
    "BatchSource",
    "Dataset",
    "Meta",
    "NAMES",
    "Resident",
    "Source",
    "Streamed",
    "cache_folder",
    "download",
    "find_source",
    "load_dataset",
]
