"""Which signals of a file become which channels, or why they cannot."""

from dataclasses import dataclass

from seizure.eeg.channels import (
    BIPOLAR_18,
    CANONICAL_19,
    canonical_name,
    derivation_name,
    is_bipolar,
)
from seizure.eeg.edf_header import EdfHeader
from seizure.eeg.edf_signal import EdfSignal
from seizure.eeg.montage import MissingPolicy, Montage, channels_of, without
from seizure.eeg.recording import UnreadableRecording

_MIDLINE = ("Fz", "Pz")
# Fewer have no pair to compare.
MIN_PRESENT = 2
# Outside of this no scalp EEG is recorded: the duration of a record is wrong.
_PLAUSIBLE_RATE_HZ = (20.0, 100_000.0)


@dataclass(frozen=True, slots=True)
class Picked:
    """The signal of one channel; `twins` are others that say they are the same.

    `is_reversed` where the file has the electrodes of a derivation the other way round.
    """

    name: str
    signal: EdfSignal
    twins: tuple[EdfSignal, ...] = ()
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read: electrodes or derivations, and which are `absent`: to be interpolated, or
    with `is_masked` left out."""

    picked: tuple[Picked, ...]
    absent: tuple[str, ...] = ()
    is_bipolar: bool = False
    is_masked: bool = False

    @property
    def signals(self) -> tuple[EdfSignal, ...]:
        """Every signal to read: those of the channels in order, then the twins."""
        twins = (twin for entry in self.picked for twin in entry.twins)
        return (*(entry.signal for entry in self.picked), *twins)


def select(
    header: EdfHeader, montage: Montage, missing: MissingPolicy, max_interpolated: int
) -> Selection:
    """The signals that give a montage: derivations as recorded, else electrodes to derive it from.

    Raises:
        UnreadableRecording: says which channels are missing or unusable.
    """
    selection = _derivations(header, missing) if montage == "bipolar" else None
    if selection is None:
        selection = _electrodes(header, montage, missing, max_interpolated)
    for signal in selection.signals:
        if signal.fault is not None:
            raise UnreadableRecording(header.path, signal.fault)
    _refuse_rates(header, selection.signals)
    return selection


def _derivations(header: EdfHeader, missing: MissingPolicy) -> Selection | None:
    """The 18 derivations, None where the file has not all of them.

    Those that there are with `missing` "mask", if the file has no electrodes to derive them from.
    """
    found: dict[str, list[EdfSignal]] = {}
    for signal in header.signals:
        name = derivation_name(signal.label)
        if name is not None:
            found.setdefault(name, []).append(signal)
    picked = []
    for name in BIPOLAR_18:
        turned = "-".join(reversed(name.split("-")))
        signals = found.get(name) or found.get(turned)
        if signals is None:
            continue
        picked.append(Picked(name, signals[0], tuple(signals[1:]), name not in found))
    absent = tuple(n for n in BIPOLAR_18 if n not in {entry.name for entry in picked})
    if absent and (missing != "mask" or len(picked) < MIN_PRESENT or _n_electrodes(header) > 1):
        return None
    return Selection(tuple(picked), absent, is_bipolar=True, is_masked=bool(absent))


def _n_electrodes(header: EdfHeader) -> int:
    return sum(canonical_name(signal.label) is not None for signal in header.signals)


def _electrodes(
    header: EdfHeader, montage: Montage, missing: MissingPolicy, max_interpolated: int
) -> Selection:
    found: dict[str, EdfSignal] = {}
    for signal in header.signals:
        name = canonical_name(signal.label)
        if name is None:
            continue
        if name in found:
            raise UnreadableRecording(
                header.path,
                f"found two channels for {name}: {found[name].label!r} and {signal.label!r}, "
                "expected one; export the file with one of them",
            )
        found[name] = signal
    absent = tuple(name for name in CANONICAL_19 if name not in found)
    may_be_absent = {
        "refuse": not absent,
        "interpolate_midline": set(absent) <= set(_MIDLINE),
        "interpolate": len(absent) <= max_interpolated,
        "mask": len(channels_of(montage)) - len(without(channels_of(montage), absent))
        >= MIN_PRESENT,
    }
    if not may_be_absent[missing]:
        reason = _missing_reason(header, absent, montage, missing, max_interpolated)
        raise UnreadableRecording(header.path, reason)
    present = (name for name in CANONICAL_19 if name in found)
    picked = tuple(Picked(name, found[name]) for name in present)
    return Selection(picked, absent, is_masked=missing == "mask")


def _missing_reason(
    header: EdfHeader,
    absent: tuple[str, ...],
    montage: Montage,
    missing: MissingPolicy,
    max_interpolated: int,
) -> str:
    labels = [signal.label for signal in header.signals]
    derivations = [label for label in labels if is_bipolar(label)]
    if len(derivations) > len(CANONICAL_19) - len(absent):
        if montage == "bipolar":
            have = {derivation_name(label) for label in derivations}
            have |= {"-".join(reversed(name.split("-"))) for name in have if name}
            lacking = [name for name in BIPOLAR_18 if name not in have]
            return (
                f"missing derivations {', '.join(lacking)} (found channels {', '.join(labels)}): "
                "derivations cannot be interpolated; leave the recording out"
            )
        return (
            f"bipolar derivations; referential electrodes cannot be recovered from them, which "
            f"preprocess.montage={montage} needs (found {', '.join(derivations[:3])}, ..., "
            "expected labels like 'EEG FP1-REF'): set preprocess.montage=bipolar, with a detector "
            "trained on it, or export the recording with a common reference"
        )
    if len(absent) == len(CANONICAL_19):
        return (
            f"no electrode of the 10-20 system (found channels {', '.join(labels)}): what was "
            f"recorded elsewhere, such as behind the ear, gives no {montage} montage; leave the "
            "recording out, or name its channels like 'EEG FP1-REF'"
        )
    allowed = {
        "refuse": "none may be missing with preprocess.missing=refuse",
        "interpolate_midline": "only Fz and Pz are interpolated with "
        "preprocess.missing=interpolate_midline",
        "interpolate": f"up to {max_interpolated} are interpolated with "
        f"preprocess.max_interpolated={max_interpolated}",
        "mask": f"at least {MIN_PRESENT} channels must be left with preprocess.missing=mask",
    }
    return (
        f"missing electrodes {', '.join(absent)} (found channels {', '.join(labels)}): "
        f"{allowed[missing]}; add them, or leave the recording out"
    )


def _refuse_rates(header: EdfHeader, signals: tuple[EdfSignal, ...]) -> None:
    rates = {s.samples_per_record / header.record_s: s.label for s in signals}
    if len(rates) > 1:
        found = ", ".join(f"{label!r} at {rate:g} Hz" for rate, label in rates.items())
        raise UnreadableRecording(
            header.path, f"found electrodes at different rates ({found}), expected one rate"
        )
    rate_hz = next(iter(rates))
    low_hz, high_hz = _PLAUSIBLE_RATE_HZ
    if not low_hz <= rate_hz <= high_hz:
        raise UnreadableRecording(
            header.path,
            f"found {signals[0].samples_per_record} samples in a record of {header.record_s:g} s, "
            f"which is {rate_hz:g} Hz, expected {low_hz:g} to {high_hz:g} Hz; the duration of a "
            "record is probably wrong",
        )
