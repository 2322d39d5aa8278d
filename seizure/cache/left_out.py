"""Recordings that a cache holds no shard of: the reason is kept, until the recording changes.

So a corpus with unreadable files is not read again at every start, and a finished cache can be used
from a disk that cannot be written. `verify` tries them again.
"""

import json
from pathlib import Path

from seizure.cache.fingerprint import fingerprint
from seizure.cache.shard import replacing
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.filtering import Preprocessing


def left_out_file(folder: Path, recording: CorpusRecording) -> Path:
    """Where the reason is kept, beside where the shard would be."""
    return folder / recording.split / f"{recording.stem}.left_out.json"


def remember(folder: Path, recording: CorpusRecording, wanted: str, reason: str) -> None:
    """Keep why the recording of this fingerprint cannot be used."""
    with replacing(left_out_file(folder, recording)) as file:
        text = json.dumps({"fingerprint": wanted, "reason": reason}, ensure_ascii=False)
        file.write(text.encode("utf-8", "surrogateescape") + b"\n")


def remembered(
    folder: Path, recording: CorpusRecording, preprocessing: Preprocessing
) -> str | None:
    """Why the recording cannot be used; None if that is not known of what it is now."""
    path = left_out_file(folder, recording)
    if not path.exists():
        return None
    try:
        kept = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
        is_current = kept["fingerprint"] == fingerprint(recording, preprocessing)
        return str(kept["reason"]) if is_current else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # its task reads it again and says what is wrong
