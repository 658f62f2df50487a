"""Object stores in S3 or in a folder, and checkpoints that survive torn writes.

Runs in: every process.
"""

from gensweep.storage._checkpoints import Blob, Checkpoints, Manifest
from gensweep.storage._checksummed_json import dump_checksummed, load_checksummed
from gensweep.storage._errors import (
    CorruptObjectError,
    MissingBucketError,
    MissingKeyError,
    StoreError,
    StoreUnavailableError,
)
from gensweep.storage._file import FileStore
from gensweep.storage._keys import safe_name
from gensweep.storage._open import open_store
from gensweep.storage._protocol import ObjectStore
from gensweep.storage._report_pictures import load_report_pictures, store_report_pictures
from gensweep.storage._s3 import S3Store
from gensweep.storage._staged import staged_store
from gensweep.storage._trial_artifacts import (
    TrialArtifacts,
    TrialArtifactWriter,
    load_sample_grids,
    load_stored_lane,
    load_trained_lane,
)

__all__ = [
    "Blob",
    "Checkpoints",
    "CorruptObjectError",
    "FileStore",
    "Manifest",
    "MissingBucketError",
    "MissingKeyError",
    "ObjectStore",
    "S3Store",
    "StoreError",
    "StoreUnavailableError",
    "TrialArtifactWriter",
    "TrialArtifacts",
    "dump_checksummed",
    "load_checksummed",
    "load_report_pictures",
    "load_sample_grids",
    "load_stored_lane",
    "load_trained_lane",
    "open_store",
    "safe_name",
    "staged_store",
    "store_report_pictures",
]
