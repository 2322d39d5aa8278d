"""What stays the same in one patient: head, background, epilepsy, equipment and nuisances."""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from scipy.special import ndtri

from seizure.corpus.synthetic.difficulty import LEVELS
from seizure.corpus.synthetic.head import Head, patient_head
from seizure.corpus.synthetic.spec import SPLITS, Split, SyntheticSpec, generator

Disorder = Literal["none", "temporal", "frontal", "generalised", "multifocal", "subtle"]
Setting = Literal["awake", "sleep", "icu"]
SeizureType = Literal["absence", "temporal", "frontal", "tonic_clonic", "icu", "subtle", "brief"]

DISORDER_SHARE: dict[Disorder, float] = {
    "temporal": 0.20,
    "frontal": 0.10,
    "generalised": 0.10,
    "multifocal": 0.12,
    "subtle": 0.16,
    "none": 0.32,
}
SETTING_SHARE: dict[Setting, float] = {"awake": 0.40, "sleep": 0.35, "icu": 0.25}
TYPE_SHARE: dict[Disorder, dict[SeizureType, float]] = {
    "none": {},
    "temporal": {"temporal": 0.96, "tonic_clonic": 0.04},
    "frontal": {"frontal": 0.78, "brief": 0.18, "tonic_clonic": 0.04},
    "generalised": {"absence": 0.92, "tonic_clonic": 0.08},
    "multifocal": {"temporal": 0.45, "brief": 0.3, "subtle": 0.25},
    "subtle": {"subtle": 0.8, "brief": 0.2},
}
ICU_TYPE_SHARE: dict[Disorder, dict[SeizureType, float]] = {
    "temporal": {"icu": 0.6, "temporal": 0.4},
    "generalised": {"icu": 0.88, "tonic_clonic": 0.12},
    "multifocal": {"icu": 0.6, "subtle": 0.2, "brief": 0.2},
}
CONFOUNDERS_PER_H = {
    "slowing": 4.5,
    "fast_activity": 0.8,
    "multifocal_discharges": 0.6,
    "arousal": 1.5,
    "rhythmic_delta": 1.2,
    "temporal_theta": 0.8,
    "periodic_discharges": 0.6,
    "spike_wave_burst": 0.8,
    "photic_driving": 0.25,
    "muscle": 10.0,
    "electrode_pop": 5.0,
    "rhythmic_artefact": 1.2,
    "movement": 2.5,
    "chewing": 1.5,
    "pop_train": 0.8,
    "sweat": 0.7,
    "disconnection": 0.3,
}
CEREBRAL = (
    *("slowing", "fast_activity", "multifocal_discharges", "arousal", "rhythmic_delta"),
    *("temporal_theta", "periodic_discharges", "spike_wave_burst", "photic_driving"),
)
MONTAGES = ("01_tcp_ar", "02_tcp_le", "03_tcp_ar_a")
_MISSING = (("FZ",), ("PZ",), ("FZ", "PZ"), ())
GOLDEN = 0.6180339887498949
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Patient:
    """One synthetic patient; `style_key` seeds what all seizures of the patient share.

    `turn` in [0, 1) spreads recordings with and without seizures evenly over patients.
    """

    head: Head
    disorder: Disorder
    setting: Setting
    foci: tuple[int, ...]
    seizures_per_h: float
    type_share: dict[SeizureType, float]
    turn: float
    confounders_per_h: dict[str, float]
    spikes_per_min: float
    gain: float
    exponent: float
    alpha_hz: float
    emg_uv: np.ndarray
    mains_uv: np.ndarray
    blinks_per_min: float
    heart_hz: float
    ecg_uv: np.ndarray
    rate_hz: int
    montage: str
    missing: tuple[str, ...]
    style_key: int

    def style(self, number: int = 0) -> np.random.Generator:
        """A generator that draws the same values every time: the patient's own stereotype."""
        return np.random.Generator(np.random.SFC64([self.style_key, number]))


def draw_patient(spec: SyntheticSpec, split: Split, patient_index: int) -> Patient:
    """The patient `patient_index` of `split`, whatever else is drawn.

    Disorder, setting and seizure rate follow golden-ratio sequences, so that the first patients
    of every split already hold the shares of the design, beginning with one who has seizures.
    """
    rng = generator(spec.seed, split, patient_index, 0)
    start = generator(spec.seed, SPLITS[0], SPLITS.index(split), 1_000_000).random(3)
    disorder = _shared(DISORDER_SHARE, (0.15 * start[0] + patient_index * GOLDEN) % 1.0)
    setting = _shared(SETTING_SHARE, (start[1] + patient_index * (2**0.5 - 1)) % 1.0)
    icu = setting == "icu"
    level = LEVELS[spec.difficulty]
    head = patient_head(2.0 * rng.random(), rng)
    rate = 5.2 * np.exp(0.5 * ndtri((start[2] + patient_index * (3**0.5 - 1)) % 1.0))
    types = TYPE_SHARE[disorder]
    if icu:
        types = ICU_TYPE_SHARE.get(disorder, types)
    electrodes = len(head.electrode_mm)
    impedance = rng.lognormal(0.0, 0.6, electrodes)
    return Patient(
        head=head,
        disorder=disorder,
        setting=setting,
        foci=_foci(head, disorder, rng),
        seizures_per_h=float(np.clip(rate, 2.0, 14.0)) if types else 0.0,
        type_share=types,
        turn=(start[2] + patient_index * (5**0.5 - 2)) % 1.0,
        confounders_per_h={
            cause: often
            * (level.mimics if cause in CEREBRAL else level.artefacts)
            * rng.lognormal(-0.2, 0.9)
            for cause, often in CONFOUNDERS_PER_H.items()
        },
        spikes_per_min=rng.lognormal(0.0, 1.0) if rng.random() < (0.7 if types else 0.15) else 0.0,
        gain=1.4 * rng.lognormal(0.0, 0.4),
        exponent=rng.uniform(2.0, 3.0) + 0.3 * icu,
        alpha_hz=float(np.clip(rng.normal(9.8, 1.0), 7.8, 12.0)) - 1.8 * icu,
        emg_uv=(_muscle_weight(head) * rng.lognormal(-0.35 - 0.7 * icu, 0.5)).astype(np.float32),
        mains_uv=(rng.lognormal(-1.0, 0.8) * impedance).astype(np.float32),
        blinks_per_min=rng.uniform(6.0, 22.0),
        heart_hz=rng.uniform(0.95, 1.6),
        ecg_uv=_ecg_field(head, rng),
        rate_hz=int(rng.choice([250, 256, 400, 512], p=[0.33, 0.5, 0.13, 0.04])),
        montage=str(rng.choice(MONTAGES, p=[0.6, 0.3, 0.1])),
        missing=_MISSING[rng.choice(len(_MISSING), p=[0.05, 0.02, 0.03, 0.9])],
        style_key=int(rng.integers(2**31)),
    )


def _shared(share: dict[Name, float], at: float) -> Name:
    """The name whose share of [0, 1) holds `at`."""
    names = list(share)
    edges = np.cumsum([share[name] for name in names])
    return names[min(int(np.searchsorted(edges, at, side="right")), len(names) - 1)]


def _foci(head: Head, disorder: Disorder, rng: np.random.Generator) -> tuple[int, ...]:
    """Dipoles where the patient's seizures begin."""
    side = -1.0 if rng.random() < 0.5 else 1.0
    centres = {
        "temporal": [(side * 66.0, 5.0, -15.0)],
        "frontal": [(side * 35.0, 50.0, 38.0)],
        "generalised": [(side * 8.0, 55.0, 45.0)],
    }
    anywhere = [tuple(rng.standard_normal(3) * 60.0) for _ in range(3)]
    wanted = centres.get(disorder, anywhere if disorder == "multifocal" else anywhere[:1])
    found = []
    for centre in wanted:
        target = np.asarray(centre) + rng.normal(0.0, 12.0, 3)
        target = target / np.linalg.norm(target) * 72.0
        found.append(int(np.argmin(np.linalg.norm(head.dipole_mm - target, axis=1))))
    return tuple(found)


def _muscle_weight(head: Head) -> np.ndarray:
    """Relative EMG at the electrodes: temporalis and frontalis, hardly any at the vertex."""
    x, y, z = head.electrode_mm.T / 90.0
    return 0.15 + np.clip(np.abs(x), 0, 1) ** 2 * (z < 0.3) + 0.7 * (y > 0.5) * (z < 0.3)


def _ecg_field(head: Head, rng: np.random.Generator) -> np.ndarray:
    """R wave in µV at the electrodes: a far field that grows towards the ears and the left."""
    x, y, z = head.electrode_mm.T / 90.0
    size = rng.lognormal(0.8, 0.6)
    return (size * (-0.7 * x - 0.2 * y - 0.8 * z + 0.3)).astype(np.float32)
