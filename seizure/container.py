"""What a SzCORE container runs: one EDF named by INPUT becomes one TSV named by OUTPUT.

The contract is the benchmark's: both names come in environment variables, files lie under /data and
/output, there is no network and the user is not root. Source: github.com/esl-epfl/szcore, README
and the workflow that evaluates algorithms.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from seizure.cli.command import is_explained
from seizure.events.export import UNKNOWN_START, tsv_of
from seizure.schema import ConfigError
from seizure.trained import load_detector


def predict_one(
    names: Mapping[str, str],
    detector: Path,
    data: Path = Path("/data"),
    output: Path = Path("/output"),
) -> Path:
    """Write the events of `data/$INPUT` to `output/$OUTPUT`, and return that path.

    Nothing is written where anything fails: silence would be scored as one. Raises `ConfigError`
    for a name that is missing, `UnreadableRecording` for EEG that cannot be read.
    """
    missing = [name for name in ("INPUT", "OUTPUT") if not names.get(name)]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)}: not in the environment; expected the name of an EDF below "
            f"{data} in INPUT, and that of a TSV below {output} in OUTPUT"
        )
    edf, target = data / names["INPUT"], output / names["OUTPUT"]
    found = load_detector(detector, accelerator="auto").find_in_file(edf, edf.stem)
    for remark in found.remarks:
        print(f"{edf}: {remark}", file=sys.stderr)
    text = tsv_of(found.events, found.track.duration_s, found.start or UNKNOWN_START, target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In place and not by renaming: the benchmark makes the file beforehand, in a folder in which
    # this user may create none.
    target.write_text(text, encoding="utf-8", newline="\n")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Predict one file; 1 with a reason where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m seizure.container", description=__doc__)
    parser.add_argument("detector", type=Path, help="what seizure.export wrote")
    parser.add_argument("--data", type=Path, default=Path("/data"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    given = parser.parse_args(arguments)
    try:
        written = predict_one(os.environ, given.detector, given.data, given.output)
    except Exception as error:
        if not (is_explained(error) or isinstance(error, OSError)):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
