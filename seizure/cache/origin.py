"""Which folder of recordings a cache was made from, so that two of one name are not mixed up."""

import os
from pathlib import Path

from seizure.cache.shard import CacheError, replacing

ORIGIN_FILE = "origin.txt"


def claim(folder: Path, root: Path) -> None:
    """Make `folder` the cache of the corpus in `root`, if it is nobody else's.

    A corpus that was moved, or is mounted elsewhere on this machine, keeps its cache: another one
    is in the way only while its folder exists.

    Raises:
        CacheError: it is the cache of another corpus that is still there, or cannot be written.

    >>> import tempfile
    >>> cache, corpus = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    >>> claim(cache, corpus)
    >>> (cache / ORIGIN_FILE).read_text().strip() == str(corpus)
    True
    """
    path = folder / ORIGIN_FILE
    if path.exists():
        known = Path(path.read_bytes().decode("utf-8", "surrogateescape").rstrip("\n"))
        if known.is_dir() and known.resolve() != root.resolve():
            raise CacheError(
                f"{folder}: found the cache of {known}, expected that of {root}, whose cache would "
                "be there too; correct corpus.root, or set paths.cache to another folder for one "
                "of them"
            )
        # A finished cache may lie on a disk that cannot be written.
        if known.is_dir() or not os.access(folder, os.W_OK):
            return
    with replacing(path) as file:
        file.write(f"{root}\n".encode("utf-8", "surrogateescape"))
