"""One signal of an EDF file: how its digital values become µV, or why they cannot."""

import re
from dataclasses import dataclass

# The micro sign comes as Latin-1, as UTF-8 read as Latin-1, and as the Greek letter.
_MICROVOLT_UNITS = ("uv", "µv", "μv", "â\xb5v", "î¼v", "microv", "mcv")
_UV_PER_UNIT = {"nV": 1e-3, "mV": 1e3, "mv": 1e3, "V": 1e6}
# A smaller span cannot hold scalp EEG and a larger one no amplifier has: the unit is wrong.
_PLAUSIBLE_SPAN_UV = (10.0, 1e6)


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """One signal: where it lies in a data record, and how its numbers become µV.

    `microvolts = digital * gain_uv + offset_uv`, unless `fault` says why there is no such relation.
    """

    label: str
    samples_per_record: int
    first_sample: int
    digital_min: int = 0
    digital_max: int = 0
    gain_uv: float = 0.0
    offset_uv: float = 0.0
    fault: str | None = None
    issue: str | None = None


def calibrated(
    label: str, n_samples: int, first_sample: int, n_bits: int, fields: dict[str, bytes]
) -> EdfSignal:
    """The signal with its gain, or with the reason why it has none.

    `fields` are the raw texts of the header by name: `physical_min`, `digital_max`, `unit`, ...
    """

    def faulty(fault: str) -> EdfSignal:
        return EdfSignal(label, n_samples, first_sample, fault=f"{label}: {fault}")

    names = ("physical_min", "physical_max", "digital_min", "digital_max")
    parsed = [number_of(fields[name]) for name in names]
    for name, (value, _) in zip(names, parsed, strict=True):
        if value is None:
            return faulty(f"found {name} {text_of(fields[name])!r}, expected a number")
    physical_min, physical_max, digital_min, digital_max = (value or 0.0 for value, _ in parsed)
    if physical_min == physical_max:
        return faulty(f"physical minimum = maximum = {physical_min:g}, so it has no gain")
    limit = 1 << (n_bits - 1)
    if not -limit <= digital_min < digital_max < limit:
        return faulty(
            f"found a digital range of {digital_min:g} to {digital_max:g}, "
            f"expected minimum < maximum within {n_bits} bits"
        )
    unit = text_of(fields["unit"])
    uv_per_unit = 1.0 if unit.lower() in _MICROVOLT_UNITS else _UV_PER_UNIT.get(unit)
    if uv_per_unit is None:
        return faulty(f"found unit {unit!r}, expected uV, mV, nV or V")
    span_uv = abs(physical_max - physical_min) * uv_per_unit
    if not _PLAUSIBLE_SPAN_UV[0] <= span_uv <= _PLAUSIBLE_SPAN_UV[1]:
        return faulty(
            f"found a physical range of {physical_min:g} to {physical_max:g} {unit}, which no EEG "
            "amplifier has; the unit is probably wrong"
        )
    gain_uv = (physical_max - physical_min) * uv_per_unit / (digital_max - digital_min)
    notes = [f"{name}: {note}" for name, (_, note) in zip(names, parsed, strict=True) if note]
    if gain_uv < 0:
        notes.append("physical minimum above maximum, read as inverted polarity")
    return EdfSignal(
        label,
        n_samples,
        first_sample,
        digital_min=int(digital_min),
        digital_max=int(digital_max),
        gain_uv=gain_uv,
        offset_uv=physical_min * uv_per_unit - digital_min * gain_uv,
        issue=f"{label}: {', '.join(notes)}" if notes else None,
    )


def text_of(field: bytes) -> str:
    """The text of a header field, without padding."""
    return field.decode("latin-1").strip(" \0\t\r\n")


def integer_of(field: bytes) -> int | None:
    """The whole number of a header field, None where it is none."""
    text = text_of(field)
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def number_of(field: bytes) -> tuple[float | None, str | None]:
    """The number of a field, and what had to be read leniently; None where it is no number."""
    text = text_of(field)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return float(text), None
    if re.fullmatch(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", text):
        return float(text.replace(",", ".")), f"decimal comma in {text!r}"
    return None, None
