"""Files that are replaced atomically."""

import os
import secrets
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    scratch.replace(file)
