"""EDF and BDF files as recordings in µV: a montage by name, or a refusal that says why.

The data records are read here with numpy instead of with edfio or MNE: a record is a fixed layout
of 16-bit (BDF: 24-bit) integers, so once the header has been audited the rest is one reshape,
nothing is left that a library could guess differently, and channels that nobody needs are never
converted.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seizure.eeg.channels import BIPOLAR_18, CANONICAL_19, reference_name
from seizure.eeg.edf_annotations import refuse_gaps
from seizure.eeg.edf_bytes import opened
from seizure.eeg.edf_header import EdfHeader, audit_header
from seizure.eeg.edf_selection import Selection, select
from seizure.eeg.edf_signal import EdfSignal
from seizure.eeg.interpolation import spline_weights
from seizure.eeg.montage import MissingPolicy, Montage, channels_of, derive, without
from seizure.eeg.recording import Recording, UnreadableRecording

__all__ = ["audit_header", "read_edf"]

_BLOCK_BYTES = 1 << 23


def read_edf(
    path: str | Path,
    missing: MissingPolicy = "interpolate_midline",
    montage: Montage = "referential",
    max_interpolated: int = 3,
) -> Recording:
    """A montage of an EDF or BDF file, unfiltered, in µV, at its own rate.

    `missing` says which electrodes may be estimated by spherical splines where a file has none:
    Fz and Pz with "interpolate_midline", any `max_interpolated` with "interpolate"; with "mask"
    nothing is estimated, and channels that lack one are `masked`. `bipolar` is read as recorded
    where the file has the 18 derivations, else derived from the electrodes.

    Raises:
        UnreadableRecording: names the file and the reason.
    """
    header = audit_header(path)
    selection = select(header, montage, missing, max_interpolated)
    refuse_gaps(header)
    values_uv, issues = _read_signals(header, selection.signals)
    return assembled(header, selection, values_uv, (*header.issues, *issues), montage)


def assembled(
    header: EdfHeader,
    selection: Selection,
    values_uv: np.ndarray,
    said: Sequence[str],
    montage: Montage,
) -> Recording:
    """A montage from the samples `(signal, sample)` of what was selected, float32 in µV.

    `said` is what is known to be odd already. Raises `UnreadableRecording`.
    """
    issues: list[str] = []
    channel_names = channels_of(montage)
    masked = without(channel_names, selection.absent) if selection.is_masked else ()
    names = [entry.name for entry in selection.picked]
    flat = [n for n, row in zip(names, values_uv, strict=False) if np.all(row == row[0])]
    if len(flat) == len(names):
        raise UnreadableRecording(header.path, "every electrode is constant: there is no EEG in it")
    if flat:
        issues.append(f"constant: {', '.join(flat)}")
    if selection.is_bipolar:
        signal_uv = _as_recorded(header, selection, values_uv, issues)
    else:
        _say_references(selection, issues)
        absent = selection.absent if selection.is_masked else ()
        signal_uv = derive(_with_estimates(selection, values_uv), montage, absent)
    if masked:
        signal_uv[np.isin(channel_names, masked)] = 0
    issues += _identical(signal_uv, channel_names, (*flat, *masked))
    return Recording(
        signal_uv=signal_uv,
        rate_hz=selection.signals[0].samples_per_record / header.record_s,
        channel_names=channel_names,
        interpolated=() if selection.is_masked else selection.absent,
        masked=masked,
        issues=(*said, *issues),
        is_truncated=header.is_truncated,
        start=header.start,
    )


def _as_recorded(
    header: EdfHeader, selection: Selection, values_uv: np.ndarray, issues: list[str]
) -> np.ndarray:
    """The derivations of a bipolar file; twins must agree sample by sample and are dropped."""
    n_twins = 0
    for row, entry in enumerate(selection.picked):
        for twin in entry.twins:
            other_uv = values_uv[len(selection.picked) + n_twins]
            if not np.array_equal(values_uv[row], other_uv):
                raise UnreadableRecording(
                    header.path,
                    f"found two channels for {entry.name}, {entry.signal.label!r} and "
                    f"{twin.label!r}, with different samples, expected one; export the file with "
                    "the right one",
                )
            issues.append(f"{twin.label} is there twice with the same samples, read once")
            n_twins += 1
        if entry.is_reversed:
            np.negative(values_uv[row], out=values_uv[row])
            issues.append(f"{entry.name} read as minus {entry.signal.label}")
    if not selection.absent:
        return values_uv[: len(selection.picked)]
    signal_uv = np.zeros((len(BIPOLAR_18), values_uv.shape[1]), np.float32)
    rows = [BIPOLAR_18.index(entry.name) for entry in selection.picked]
    signal_uv[rows] = values_uv[: len(selection.picked)]
    return signal_uv


def _with_estimates(selection: Selection, values_uv: np.ndarray) -> np.ndarray:
    """All 19 electrodes, the absent ones estimated from the present, or zero if masked."""
    if not selection.absent:
        return values_uv
    signal_uv = np.zeros((len(CANONICAL_19), values_uv.shape[1]), np.float32)
    signal_uv[[CANONICAL_19.index(entry.name) for entry in selection.picked]] = values_uv
    if selection.is_masked:
        return signal_uv
    estimate = spline_weights(selection.absent).astype(np.float32) @ values_uv
    signal_uv[[CANONICAL_19.index(name) for name in selection.absent]] = estimate
    return signal_uv


def _say_references(selection: Selection, issues: list[str]) -> None:
    stated = {reference_name(entry.signal.label) or "unnamed" for entry in selection.picked}
    if len(stated) > 1:
        issues.append(f"different references: {', '.join(sorted(stated))}")


def _identical(signal_uv: np.ndarray, names: Sequence[str], flat: Sequence[str]) -> list[str]:
    """Channels with the same samples: a program wrote zeros for what it lacked, then re-referenced.

    SzCORE's conversion to BIDS does so, for one.
    """
    groups: dict[bytes, list[int]] = {}
    for channel, row in enumerate(signal_uv):
        groups.setdefault(row[:1024].tobytes(), []).append(channel)
    said = []
    for first, *others in groups.values():
        same = [c for c in others if np.array_equal(signal_uv[first], signal_uv[c])]
        alike = [names[c] for c in (first, *same) if names[c] not in flat]
        if len(alike) > 1:
            said.append(f"identical: {', '.join(alike)}")
    return said


def _read_signals(header: EdfHeader, chosen: Sequence[EdfSignal]) -> tuple[np.ndarray, list[str]]:
    """`(signal, sample)` float32 in µV, and what was odd about the samples."""
    n_per_record = chosen[0].samples_per_record
    values_uv = np.empty((len(chosen), header.n_records * n_per_record), np.float32)
    beyond = np.zeros(len(chosen), np.int64)
    n_block = max(1, _BLOCK_BYTES // header.record_bytes)
    with opened(header.path) as file:
        file.seek(header.header_bytes)
        for first in range(0, header.n_records, n_block):
            n_records = min(n_block, header.n_records - first)
            content = file.read(n_records * header.record_bytes)
            if len(content) < n_records * header.record_bytes:
                raise UnreadableRecording(header.path, "the file shrank while it was read")
            block = np.frombuffer(content, np.uint8).reshape(n_records, header.record_bytes)
            into = slice(first * n_per_record, (first + n_records) * n_per_record)
            for i, signal in enumerate(chosen):
                samples = _digital(block, signal, header.sample_bytes)
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


def _digital(block: np.ndarray, signal: EdfSignal, sample_bytes: int) -> np.ndarray:
    """The integers `(record, sample)` of one signal in a block of records of raw bytes."""
    first = signal.first_sample
    stop = first + signal.samples_per_record
    if sample_bytes == 2:
        return block.view("<i2")[:, first:stop]
    parts = block[:, 3 * first : 3 * stop].reshape(len(block), -1, 3).astype(np.int32)
    # The highest byte carries the sign.
    high = parts[..., 2].astype(np.int8).astype(np.int32)
    return parts[..., 0] | (parts[..., 1] << 8) | (high << 16)
