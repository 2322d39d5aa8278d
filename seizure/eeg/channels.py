"""Electrodes of the 10-20 system and their derivations: order, spellings in the wild, places."""

import re
from collections.abc import Sequence

import numpy as np

CANONICAL_19 = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz",
    "Pz", "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2",
)  # fmt: skip

# The longitudinal bipolar montage ("double banana"), each chain from front to back.
BIPOLAR_18 = (
    "Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fz-Cz",
    "Cz-Pz", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2",
)  # fmt: skip

# The 10-10 system renamed four electrodes of the 10-20 system.
_RENAMED = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
_BY_UPPER_CASE = {name.upper(): name for name in CANONICAL_19} | _RENAMED

# A common reference, never a second scalp electrode: `Fp1-Cz` is a derivation, not Fp1.
_REFERENCES = (
    "REF", "LE", "AR", "AVG", "AVE", "AV", "CAR", "A1", "A2", "A1A2", "A1+A2", "AA",
    "M1", "M2", "M1M2", "M1+M2", "CLE", "LER", "G2", "CS2",
)  # fmt: skip

_LABEL = re.compile(
    r"(?:(?:EEG|POL)[ _]*)?(?P<electrode>[A-Z]{1,3}\d{0,2})"
    r"(?:[ _]*[-:/][ _]*(?P<second>[A-Z0-9+]+(?:-\d)?))?"
)
# Any electrode of the 10-10 system, to tell `FP1-F7` or `FT9-FT10` from a reference.
_ELECTRODE = re.compile(r"(?:FP|AF|FC|FT|CP|TP|PO|F|C|T|P|O|I)(?:Z|\d{1,2})")


def _parts(label: str) -> tuple[str, str | None] | None:
    match = _LABEL.fullmatch(" ".join(label.upper().split()))
    return (match["electrode"], match["second"]) if match else None


def canonical_name(label: str) -> str | None:
    """The electrode of the 10-20 system that a referential channel label names, or None.

    >>> canonical_name("EEG FP1-REF"), canonical_name("T7"), canonical_name("FP1-F7")
    ('Fp1', 'T3', None)
    """
    parts = _parts(label)
    if parts is None or (parts[1] is not None and parts[1] not in _REFERENCES):
        return None
    return _BY_UPPER_CASE.get(parts[0])


def reference_name(label: str) -> str | None:
    """The reference that a referential label states, in upper case; None where it states none.

    >>> reference_name("EEG Fp1-Ref"), reference_name("Fp1")
    ('REF', None)
    """
    parts = _parts(label)
    return parts[1] if parts is not None and parts[1] in _REFERENCES else None


def is_bipolar(label: str) -> bool:
    """Whether a label names the difference of two scalp electrodes.

    >>> is_bipolar("T8-P8-1"), is_bipolar("EEG FP1-LE")
    (True, False)
    """
    parts = _parts(label)
    if parts is None or parts[1] is None:
        return False
    second = re.sub(r"-\d$", "", parts[1])
    return bool(_ELECTRODE.fullmatch(parts[0]) and _ELECTRODE.fullmatch(second))


def derivation_name(label: str) -> str | None:
    """The two electrodes of the 10-20 system whose difference a label names, or None.

    A number at the end, with which some programs tell equal labels apart, does not count.

    >>> derivation_name("T8-P8-1"), derivation_name("EEG FP1-F7"), derivation_name("FP1-REF")
    ('T4-T6', 'Fp1-F7', None)
    """
    parts = _parts(label)
    if parts is None or parts[1] is None:
        return None
    first = _BY_UPPER_CASE.get(parts[0])
    second = _BY_UPPER_CASE.get(re.sub(r"-\d$", "", parts[1]))
    return None if first is None or second is None else f"{first}-{second}"


def mirrored_name(name: str) -> str:
    """The channel on the other side of the head: odd numbers are left, even right, z the midline.

    >>> mirrored_name("Fp1"), mirrored_name("F8-T4"), mirrored_name("Fz-Cz")
    ('Fp2', 'F7-T3', 'Fz-Cz')
    """

    def other_side(number: re.Match[str]) -> str:
        place = int(number[0])
        return str(place + 1 if place % 2 else place - 1)

    return re.sub(r"\d+", other_side, name)


def mirror_order(channel_names: Sequence[str]) -> tuple[int, ...]:
    """For each channel, the place of the one on the other side: an index that mirrors the head.

    Raises:
        ValueError: names a channel whose mirror image is not among them.

    >>> mirror_order(("T3", "Cz", "T4"))
    (2, 1, 0)
    """
    place = {name: i for i, name in enumerate(channel_names)}
    lonely = [name for name in channel_names if mirrored_name(name) not in place]
    if lonely:
        raise ValueError(
            f"found {', '.join(lonely)} without a channel on the other side, expected "
            f"{', '.join(map(mirrored_name, lonely))} too; set augmentation.mirror.probability=0"
        )
    return tuple(place[mirrored_name(name)] for name in channel_names)


def _positions() -> np.ndarray:
    def on_sphere(inclination_deg: float, azimuth_deg: float) -> np.ndarray:
        """`azimuth_deg` from the nose towards the right ear; x right, y front, z up."""
        inclination, azimuth = np.deg2rad(inclination_deg), np.deg2rad(azimuth_deg)
        return np.array(
            [
                np.sin(inclination) * np.sin(azimuth),
                np.sin(inclination) * np.cos(azimuth),
                np.cos(inclination),
            ]
        )

    ring = {"Fp": 18, "F7": 54, "T3": 90, "T5": 126, "O": 162}
    places = {"Cz": on_sphere(0, 0), "Fz": on_sphere(45, 0), "Pz": on_sphere(45, 180)}
    for side, suffix in ((-1, ("1", "7", "3", "5")), (1, ("2", "8", "4", "6"))):
        places["Fp" + suffix[0]] = on_sphere(90, side * ring["Fp"])
        places["F" + suffix[1]] = on_sphere(90, side * ring["F7"])
        places["T" + suffix[2]] = on_sphere(90, side * ring["T3"])
        places["T" + suffix[3]] = on_sphere(90, side * ring["T5"])
        places["O" + suffix[0]] = on_sphere(90, side * ring["O"])
        places["C" + suffix[2]] = on_sphere(45, side * 90)
        for row, outer, middle in (("F", "F" + suffix[1], "Fz"), ("P", "T" + suffix[3], "Pz")):
            halfway = places[outer] + places[middle]
            places[row + suffix[2]] = halfway / np.linalg.norm(halfway)
    return np.stack([places[name] for name in CANONICAL_19])


POSITIONS = _positions()
"""`(19, 3)` unit vectors in the order of `CANONICAL_19`: x right, y front, z up.

Source: Jasper 1958, the ten twenty electrode system, on a sphere: the outer ring on the equator in
steps of 36°, the midline and C3/C4 at 45°, F3/F4/P3/P4 halfway between the ring and the midline.
"""
POSITIONS.setflags(write=False)


def positions_of(channel_names: Sequence[str]) -> np.ndarray:
    """Unit vectors `(channel, 3)` of electrodes, and of derivations halfway between their two.

    Raises:
        ValueError: names what has no place in the 10-20 system.

    >>> positions_of(("Cz", "C3-C4")).round(3).tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """
    place: dict[str, np.ndarray] = dict(zip(CANONICAL_19, POSITIONS, strict=True))
    unknown = [n for n in channel_names if not set(n.split("-")) <= place.keys()]
    if unknown:
        raise ValueError(
            f"no position is known for {', '.join(unknown)}; expected electrodes of the 10-20 "
            f"system ({', '.join(CANONICAL_19)}) or derivations of two of them, like F7-T3"
        )
    sums = [sum(place[electrode] for electrode in name.split("-")) for name in channel_names]
    places = np.asarray(sums, np.float64).reshape(-1, 3)
    return places / np.linalg.norm(places, axis=1, keepdims=True)
