"""Seeded synthetic scalp EEG as EDF in TUSZ's layout; for running, testing and ranking only."""

from seizure.corpus.synthetic.corpus import make_corpus
from seizure.corpus.synthetic.mne_raw import to_mne
from seizure.corpus.synthetic.recording import SimulatedRecording, simulate_recording
from seizure.corpus.synthetic.scene import TruthEvent
from seizure.corpus.synthetic.spec import SyntheticSpec

__all__ = [
    "SimulatedRecording",
    "SyntheticSpec",
    "TruthEvent",
    "make_corpus",
    "simulate_recording",
    "to_mne",
]
