"""What a shard was made from, in a few characters: the same fingerprint means no work to do."""

import hashlib
import json
from dataclasses import asdict

from seizure.cache.shard import SCHEMA_VERSION
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.filtering import Preprocessing

# Raise this when reading, filtering or quantising changes what comes out for the same settings.
_CHAIN_VERSION = 2


def preprocessing_hash(preprocessing: Preprocessing) -> str:
    """Eight hexadecimal digits that change with any setting and with the code's chain version.

    >>> preprocessing_hash(Preprocessing()) == preprocessing_hash(Preprocessing(mains_hz=50.0))
    False
    """
    content = {**asdict(preprocessing), "chain": _CHAIN_VERSION}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def fingerprint(recording: CorpusRecording, preprocessing: Preprocessing) -> str:
    """Sixteen hexadecimal digits of a recording's source files and of how they are prepared.

    The EDF counts by size and time of change, the annotations (`.csv_bi` and the `.csv` beside it)
    by content, and what else decides the events by the recording's `key`. Raises OSError if the
    EDF is gone.
    """
    status = recording.edf.stat()
    digest = hashlib.sha256()
    facts = (
        SCHEMA_VERSION, preprocessing_hash(preprocessing), recording.stem, recording.patient,
        recording.session, recording.split, status.st_size, status.st_mtime_ns,
    )  # fmt: skip
    digest.update(repr(facts).encode())
    digest.update(recording.key.encode())
    if recording.annotation is not None and recording.annotation != recording.edf:
        for path in (recording.annotation, recording.annotation.with_suffix(".csv")):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                content = b"absent"
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]
