"""How hard the corpus is: how often seizures are mimicked, and how far they stand out."""

from dataclasses import dataclass
from typing import Literal

Difficulty = Literal["easy", "medium", "hard"]


@dataclass(frozen=True, slots=True)
class Level:
    """Factors on `medium`: mimics and artefacts an hour, and the amplitude of ictal rhythms.

    `rhythm_size` is that of seizures and of every mimic alike, against the same background: at no
    level does amplitude tell one from the other.
    """

    mimics: float
    artefacts: float
    rhythm_size: float


LEVELS: dict[Difficulty, Level] = {
    "easy": Level(mimics=0.25, artefacts=0.4, rhythm_size=1.8),
    "medium": Level(mimics=1.0, artefacts=1.0, rhythm_size=1.0),
    "hard": Level(mimics=2.0, artefacts=1.5, rhythm_size=0.7),
}
