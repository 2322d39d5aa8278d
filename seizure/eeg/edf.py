"""EDF files as recordings in µV: 19 electrodes by name, or a refusal that says why.

The data records are read here with numpy instead of with edfio or MNE: a record is a fixed layout
of 16-bit integers, so once the header has been audited the rest is one reshape, nothing is left
that a library could guess differently, and channels that nobody needs are never converted.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seizure.eeg.channels import CANONICAL_19, canonical_name, is_bipolar, reference_name
from seizure.eeg.edf_header import ANNOTATIONS_LABEL, EdfHeader, EdfSignal, audit_header
from seizure.eeg.filtering import MissingPolicy
from seizure.eeg.interpolation import spline_weights
from seizure.eeg.recording import Recording, UnreadableRecording

__all__ = ["audit_header", "read_edf"]

_BLOCK_BYTES = 1 << 23
_MIDLINE = ("Fz", "Pz")
_GAP_S = 0.01
_ONSET = re.compile(rb"([+-][0-9]+(?:\.[0-9]*)?)(?:\x15[0-9.]*)?\x14")


def read_edf(path: str | Path, missing: MissingPolicy = "interpolate_midline") -> Recording:
    """The 19 canonical electrodes of a referential EDF file, unfiltered, in µV, at its own rate.

    `missing="interpolate_midline"` estimates Fz and Pz by spherical splines where a file has none;
    any other missing electrode, or any at all with "refuse", makes the file unreadable.

    Raises:
        UnreadableRecording: names the file and the reason.
    """
    header = audit_header(path)
    electrodes = _select_electrodes(header, missing)
    _refuse_gaps(header)
    present = [name for name in CANONICAL_19 if name in electrodes]
    chosen = [electrodes[name] for name in present]
    values_uv, issues = _read_signals(header, chosen)
    flat = [n for n, row in zip(present, values_uv, strict=True) if np.all(row == row[0])]
    if len(flat) == len(present):
        raise UnreadableRecording(header.path, "every electrode is constant: there is no EEG in it")
    references = sorted({reference_name(signal.label) or "unnamed" for signal in chosen})
    if len(references) > 1:
        issues.append(f"different references: {', '.join(references)}")
    if flat:
        issues.append(f"constant: {', '.join(flat)}")
    absent = tuple(name for name in CANONICAL_19 if name not in electrodes)
    signal_uv = values_uv
    if absent:
        signal_uv = np.empty((len(CANONICAL_19), values_uv.shape[1]), np.float32)
        signal_uv[[CANONICAL_19.index(name) for name in present]] = values_uv
        estimate = spline_weights(absent).astype(np.float32) @ values_uv
        signal_uv[[CANONICAL_19.index(name) for name in absent]] = estimate
    return Recording(
        signal_uv=signal_uv,
        rate_hz=chosen[0].samples_per_record / header.record_s,
        channel_names=CANONICAL_19,
        interpolated=absent,
        issues=(*header.issues, *issues),
        is_truncated=header.is_truncated,
        start=header.start,
    )


def _select_electrodes(header: EdfHeader, missing: MissingPolicy) -> dict[str, EdfSignal]:
    electrodes: dict[str, EdfSignal] = {}
    for signal in header.signals:
        name = canonical_name(signal.label)
        if name is None:
            continue
        if name in electrodes:
            raise UnreadableRecording(
                header.path,
                f"found two channels for {name}: {electrodes[name].label!r} and {signal.label!r}, "
                "expected one; export the file with one of them",
            )
        electrodes[name] = signal
    absent = [name for name in CANONICAL_19 if name not in electrodes]
    may_be_absent = _MIDLINE if missing == "interpolate_midline" else ()
    if not set(absent) <= set(may_be_absent):
        raise UnreadableRecording(header.path, _missing_reason(header, absent))
    for signal in electrodes.values():
        if signal.fault is not None:
            raise UnreadableRecording(header.path, signal.fault)
    rates = {s.samples_per_record / header.record_s: s.label for s in electrodes.values()}
    if len(rates) > 1:
        found = ", ".join(f"{label!r} at {rate:g} Hz" for rate, label in rates.items())
        raise UnreadableRecording(
            header.path, f"found electrodes at different rates ({found}), expected one rate"
        )
    return electrodes


def _missing_reason(header: EdfHeader, absent: list[str]) -> str:
    labels = [signal.label for signal in header.signals]
    derivations = [label for label in labels if is_bipolar(label)]
    if len(derivations) > len(CANONICAL_19) - len(absent):
        return (
            f"bipolar derivations; referential electrodes cannot be recovered "
            f"(found {', '.join(derivations[:3])}, ..., expected labels like 'EEG FP1-REF'): "
            "export the recording with a common reference, or leave it out"
        )
    return (
        f"missing electrodes {', '.join(absent)} (found channels {', '.join(labels)}): add them, "
        "or leave the recording out; only Fz and Pz can be interpolated, "
        "with preprocess.missing=interpolate_midline"
    )


def _read_signals(header: EdfHeader, chosen: Sequence[EdfSignal]) -> tuple[np.ndarray, list[str]]:
    """`(signal, sample)` float32 in µV, and what was odd about the samples."""
    n_per_record = chosen[0].samples_per_record
    values_uv = np.empty((len(chosen), header.n_records * n_per_record), np.float32)
    beyond = np.zeros(len(chosen), np.int64)
    n_block = max(1, _BLOCK_BYTES // (2 * header.record_samples))
    with header.path.open("rb") as file:
        file.seek(header.header_bytes)
        for first in range(0, header.n_records, n_block):
            n_records = min(n_block, header.n_records - first)
            digital = np.fromfile(file, "<i2", n_records * header.record_samples)
            if digital.size < n_records * header.record_samples:
                raise UnreadableRecording(header.path, "the file shrank while it was read")
            digital = digital.reshape(n_records, header.record_samples)
            into = slice(first * n_per_record, (first + n_records) * n_per_record)
            for i, signal in enumerate(chosen):
                samples = digital[:, signal.first_sample : signal.first_sample + n_per_record]
                out = values_uv[i, into].reshape(samples.shape)
                np.multiply(samples, np.float32(signal.gain_uv), out=out, dtype=np.float32)
                out += np.float32(signal.offset_uv)
                if samples.min() < signal.digital_min or samples.max() > signal.digital_max:
                    outside = (samples < signal.digital_min) | (samples > signal.digital_max)
                    beyond[i] += int(outside.sum())
    issues = [signal.issue for signal in chosen if signal.issue is not None]
    for signal, n_beyond in zip(chosen, beyond, strict=True):
        if n_beyond:
            issues.append(f"{signal.label}: {n_beyond} samples outside the stated digital range")
    return values_uv, issues


def _refuse_gaps(header: EdfHeader) -> None:
    """Raise where the records of an EDF+ file do not follow each other without a pause."""
    if not header.is_plus:
        return
    onsets_s = _record_onsets_s(header)
    if onsets_s is None:
        if header.is_discontinuous:
            raise UnreadableRecording(
                header.path, "EDF+D without readable record times, so gaps cannot be excluded; "
                "convert it to EDF+C",
            )  # fmt: skip
        return
    expected_s = onsets_s[0] + header.record_s * np.arange(len(onsets_s))
    late = np.flatnonzero(np.abs(onsets_s - expected_s) > _GAP_S)
    if len(late):
        record = int(late[0])
        raise UnreadableRecording(
            header.path,
            f"gap before record {record}: it starts at {onsets_s[record]:g} s, expected "
            f"{expected_s[record]:g} s; split the file at its gaps",
        )


def _record_onsets_s(header: EdfHeader) -> np.ndarray | None:
    """The start of each record from its first time-stamped annotation, None if one has none."""
    track = next((s for s in header.signals if s.label == ANNOTATIONS_LABEL), None)
    if track is None:
        return None
    onsets_s = np.empty(header.n_records)
    with header.path.open("rb") as file:
        for record in range(header.n_records):
            start = record * header.record_samples + track.first_sample
            file.seek(header.header_bytes + 2 * start)
            match = _ONSET.match(file.read(2 * track.samples_per_record))
            if match is None:
                return None
            onsets_s[record] = float(match[1])
    return onsets_s
