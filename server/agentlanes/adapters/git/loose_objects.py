"""Copies one of git's loose objects, and believes its name only when its content gives that name."""

from __future__ import annotations

import hashlib
import re
import zlib
from pathlib import Path

from agentlanes.adapters.git.held_folder import HeldFile

_HEADER = re.compile(rb"(?:commit|tree|blob|tag) (0|[1-9][0-9]{0,18})\0")
_HEADER_LIMIT = 32
_STEP = 1 << 20


def copy_object(source: HeldFile, target: Path, name: bytes) -> bool:
    """False where the file is no object of that name; then nothing is written. `target` is ours."""
    digest = hashlib.sha1(usedforsecurity=False) if len(name) == 40 else hashlib.sha256()
    inflate = zlib.decompressobj()
    header, size, seen = b"", -1, 0
    partial = target.with_name(f"tmp_{target.name}")
    try:
        with partial.open("wb") as copy:
            for chunk in source.chunks():
                copy.write(chunk)
                waiting = chunk
                while waiting and not inflate.eof:
                    # In steps: a small file may stand for a content of any size.
                    content = inflate.decompress(waiting, _STEP)
                    waiting = inflate.unconsumed_tail
                    digest.update(content)
                    seen += len(content)
                    if size < 0:
                        header += content[:_HEADER_LIMIT]
                        found = _HEADER.match(header)
                        if found is not None:
                            size = found.end() + int(found[1])
                        elif len(header) >= _HEADER_LIMIT:
                            return False
                    if 0 <= size < seen:
                        return False
        if not inflate.eof or inflate.unused_data or seen != size or digest.hexdigest().encode() != name:
            return False
        partial.chmod(0o444)
        partial.replace(target)
    except zlib.error:
        return False
    else:
        return True
    finally:
        partial.unlink(missing_ok=True)
