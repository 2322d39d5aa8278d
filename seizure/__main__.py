"""`python -m seizure` lists what there is to do."""

import sys

VERBS = {
    "look": "draw one page of a recording with its annotations",
    "simulate": "make a corpus of synthetic EEG of any size and difficulty",
    "prepare": "read a corpus of EDF files into a cache that training reads fast",
    "doctor": "verify what a training run takes for granted, and what it will cost",
    "train": "train a detector, score it on patients it never saw, write a report",
    "evaluate": "score a trained detector on a split of a corpus",
    "tune": "choose on dev how a trained detector's probabilities become events",
    "export": "write a trained detector as one file that is enough to predict",
    "submission": "write what an entry at SzCORE's benchmark needs",
    "score": "score annotation files against each other, without a model",
    "predict": "find seizures in EDF files with a trained detector",
}


def main() -> int:
    """Print the verbs; 2 if something else was asked for."""
    for verb, what in VERBS.items():
        print(f"python -m seizure.{verb:<12}{what}")
    print("\nEach answers --help with its own options and an example.")
    if len(sys.argv) > 1 and sys.argv[1] not in ("-h", "--help"):
        print(
            f"error: found {' '.join(sys.argv[1:])!r}; write python -m seizure.<verb>",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
