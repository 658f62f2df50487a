"""Object stores, and checkpoints that survive torn writes.

Runs in: every process.
"""

from gensweep.storage._errors import (
    CorruptObjectError,
    MissingKeyError,
    StoreError,
    StoreUnavailableError,
)
from gensweep.storage._file import FileStore
from gensweep.storage._keys import clean_key, join_key, safe_name
from gensweep.storage._open import open_store
from gensweep.storage._protocol import ObjectStore
from gensweep.storage._s3 import S3Store
from gensweep.storage._seal import seal, unseal
from gensweep.storage._staged import staged
from gensweep.storage._trial_artifacts import (
    TrialArtifacts,
    TrialArtifactWriter,
    load_sample_grids,
    load_trained_lane,
)
from gensweep.storage.checkpoints import Blob, Checkpoints, Manifest

__all__ = [
    "Blob",
    "Checkpoints",
    "CorruptObjectError",
    "TrialArtifacts",
    "FileStore",
    "Manifest",
    "MissingKeyError",
    "ObjectStore",
    "S3Store",
    "TrialArtifactWriter",
    "StoreError",
    "StoreUnavailableError",
    "clean_key",
    "load_sample_grids",
    "join_key",
    "load_trained_lane",
    "open_store",
    "safe_name",
    "seal",
    "staged",
    "unseal",
]
