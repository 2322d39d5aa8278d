"""Resampling and filtering: every recording to one rate and one band, without edge transients."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy import signal as sp

from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.montage import MISSING_POLICIES, MONTAGES, MissingPolicy, Montage
from seizure.eeg.recording import Recording
from seizure.eeg.resampling import Resampler

_BAND_ORDER = 3
_MAINS_QUALITY = 30.0  # 2 Hz wide at 60 Hz

MAX_INTERPOLATED = len(CANONICAL_19) // 2

Phase = Literal["causal", "zero"]
PHASES: tuple[Phase, ...] = get_args(Phase)
# Mirrored EEG on both sides of a recording that is filtered forwards and backwards, in periods of
# the band's lower edge; more changes nothing above 0.01 µV. On 1/f noise of 30 µV the first second
# is then wrong by 2.6 µV in the mean, with scipy's odd padding by 8.1 µV, and causally by 8.0 µV.
_PADDING_PERIODS = 3


@dataclass(frozen=True)
class Preprocessing:
    """Everything that decides what the cache holds; a changed value makes another cache.

    `mains_hz` None leaves the mains in. `phase` "causal" filters forwards only, so that it can
    stream; "zero" forwards and backwards: nothing is delayed, the attenuation doubles (6 dB at the
    band's edges), and every sample depends on the whole recording. `missing` says what happens
    to a recording that lacks electrodes: "mask" leaves them out, for a detector that can go
    without; `max_interpolated` is how many may be estimated with "interpolate". `montage` is what
    the channels of the cache are.
    """

    rate_hz: float = 256.0
    band_low_hz: float = 0.5
    band_high_hz: float = 120.0
    mains_hz: float | None = 60.0
    phase: Phase = "causal"
    missing: MissingPolicy = "interpolate_midline"
    max_interpolated: int = 3
    montage: Montage = "referential"

    def __post_init__(self) -> None:
        if not 0 < self.band_low_hz < self.band_high_hz < self.rate_hz / 2:
            raise ValueError(
                f"preprocessing: found band {self.band_low_hz}-{self.band_high_hz} Hz at "
                f"{self.rate_hz} Hz, expected 0 < band_low_hz < band_high_hz < {self.rate_hz / 2} "
                f"(half of rate_hz); raise rate_hz or lower band_high_hz"
            )
        if self.mains_hz is not None and not 0 < self.mains_hz < self.rate_hz / 2:
            raise ValueError(
                f"preprocessing: found mains_hz {self.mains_hz} at {self.rate_hz} Hz, expected a "
                f"value below {self.rate_hz / 2} Hz, or null for no notch"
            )
        known_values = (("phase", PHASES), ("missing", MISSING_POLICIES), ("montage", MONTAGES))
        for name, known in known_values:
            if getattr(self, name) not in known:
                raise ValueError(
                    f"preprocessing: found {name} {getattr(self, name)!r}, expected one of "
                    f"{', '.join(known)}"
                )
        if not 0 <= self.max_interpolated <= MAX_INTERPOLATED:
            raise ValueError(
                f"preprocessing: found max_interpolated {self.max_interpolated}, expected 0 to "
                f"{MAX_INTERPOLATED} of the {len(CANONICAL_19)} electrodes"
            )

    def describe(self) -> str:
        """Rate, band, mains and phase in words, for a report.

        >>> Preprocessing(mains_hz=50.0, phase="zero").describe()
        '256 Hz, band 0.5-120 Hz, mains 50 Hz notched out, zero phase, referential montage'
        """
        mains = "kept" if self.mains_hz is None else f"{self.mains_hz:g} Hz notched out"
        return (
            f"{self.rate_hz:g} Hz, band {self.band_low_hz:g}-{self.band_high_hz:g} Hz, mains "
            f"{mains}, {self.phase}{' phase' if self.phase == 'zero' else ''}, {self.montage} "
            f"montage"
        )


def filter_recording(recording: Recording, preprocessing: Preprocessing) -> Recording:
    """The recording at `rate_hz`, band-passed and with the mains notched out.

    Each channel runs in float64 through one cascade of second-order sections that starts in the
    steady state of its first sample: an offset of 3 mV makes no transient. Resampling comes first
    and is symmetric: it looks `resampling_look_ahead_s` (0.1 s) into the future in either phase,
    0 s where the source already has the rate.

    Raises:
        ValueError: the source is sampled too slowly for the band, or its rate has no usable ratio.

    >>> import numpy as np
    >>> raw = Recording(np.full((1, 2500), 3000.0, np.float32), 250.0, ("Cz",))
    >>> out = filter_recording(raw, Preprocessing())
    >>> out.rate_hz, out.n_samples, bool(np.abs(out.signal_uv).max() < 0.1)
    (256.0, 2560, True)
    """
    if preprocessing.band_high_hz >= recording.rate_hz / 2:
        raise ValueError(
            f"found a source at {recording.rate_hz:g} Hz, which holds nothing above "
            f"{recording.rate_hz / 2:g} Hz, expected more than {preprocessing.band_high_hz:g} Hz; "
            f"set preprocess.band_high_hz below {recording.rate_hz / 2:g}"
        )
    if recording.n_samples == 0:
        raise ValueError("found no sample, expected at least one")
    resample = Resampler(recording.rate_hz, preprocessing.rate_hz)
    sections = design_sections(preprocessing)
    n_samples = -(-recording.n_samples * resample.up // resample.down)
    filtered = np.empty((len(recording.signal_uv), n_samples), np.float32)
    for channel, source in enumerate(recording.signal_uv):
        # Zero padding would ring at both ends by the size of the electrode's offset.
        values = resample(source.astype(np.float64))
        if preprocessing.phase == "causal":
            filtered[channel] = CausalFilter(sections)(values)
        else:
            filtered[channel] = _filter_both_ways(sections, values, preprocessing)
    return replace(recording, signal_uv=filtered, rate_hz=preprocessing.rate_hz)


class CausalFilter:
    """A cascade of second-order sections over one channel, in as many pieces as it arrives in.

    It starts in the steady state of its first sample and carries its state from piece to piece, so
    that pieces give, to the last bit, what the whole gives.

    >>> cascade = CausalFilter(design_sections(Preprocessing()))
    >>> pieces = [cascade(np.full(5, 3000.0)) for _ in range(2)]
    >>> bool(np.abs(pieces).max() < 1e-6)
    True
    """

    def __init__(self, sections: np.ndarray) -> None:
        self._sections = sections
        self._state: np.ndarray | None = None

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The next samples, filtered: float64 (sample,) to (sample,)."""
        if len(values) == 0:
            return values
        if self._state is None:
            self._state = sp.sosfilt_zi(self._sections) * values[0]
        filtered, self._state = sp.sosfilt(self._sections, values, zi=self._state)
        return filtered


def _filter_both_ways(
    sections: np.ndarray, values: np.ndarray, preprocessing: Preprocessing
) -> np.ndarray:
    n_padding = round(_PADDING_PERIODS / preprocessing.band_low_hz * preprocessing.rate_hz)
    n_padding = min(n_padding, len(values) - 1)  # a mirror cannot be longer than what it shows
    return np.asarray(sp.sosfiltfilt(sections, values, padtype="even", padlen=n_padding))


def design_sections(preprocessing: Preprocessing) -> np.ndarray:
    """`(section, 6)` second-order sections: Butterworth band-pass of order 3, then the notch."""
    rate_hz = preprocessing.rate_hz
    band = (preprocessing.band_low_hz, preprocessing.band_high_hz)
    sections = np.asarray(sp.butter(_BAND_ORDER, band, "bandpass", fs=rate_hz, output="sos"))
    if preprocessing.mains_hz is None:
        return sections
    notch = sp.tf2sos(*sp.iirnotch(preprocessing.mains_hz, _MAINS_QUALITY, fs=rate_hz))
    return np.concatenate([sections, notch])
