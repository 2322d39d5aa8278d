"""The YAML by which an algorithm is entered at the SzCORE benchmark, checked by its rules.

Source: github.com/esl-epfl/szcore, config/schema.json (JSON schema, draft 7), restated here.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from seizure.events.export import write_atomically

_EMAIL = re.compile(r"\S+@\S+\.\S{2,}")
_IMAGE = re.compile(r".+/.+:.+")
_URL = re.compile(r"(https|http|ftp|sftp)://.+")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])")


class AlgorithmCardError(ValueError):
    """An entry that the benchmark's check would refuse."""


@dataclass(frozen=True)
class Person:
    """An author; what is None is left out."""

    # For the configuration: a misspelt key is refused, not forgotten.
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    given_names: str | None = None
    family_names: str | None = None
    affiliation: str | None = None
    email: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self)
        _check("email", self.email, _EMAIL, "an address like ada@lab.org")


@dataclass(frozen=True)
class AlgorithmCard:
    """One entry; `image` is where the container can be pulled from, what is None is left out.

    Raises `AlgorithmCardError` for what the benchmark's schema refuses.

    >>> AlgorithmCard("A", "A", "ghcr.io/lab/a:1.0", (Person("Ada", "L"),), "MIT").image
    'ghcr.io/lab/a:1.0'
    """

    title: str
    short_title: str
    image: str
    authors: tuple[Person, ...]
    license: str
    version: str | float | None = None
    date_released: str | None = None
    abstract: str | None = None
    repository: str | None = None
    datasets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_texts(self)
        _check("image", self.image, _IMAGE, "a name with registry and tag, ghcr.io/lab/name:1.0")
        _check("repository", self.repository, _URL, "a URL that begins with https://")
        _check("date_released", self.date_released, _DATE, "a day like 2026-12-31")
        for name in ("authors", "datasets"):
            entries = getattr(self, name)
            if entries is not None and (not entries or len(set(entries)) < len(entries)):
                raise AlgorithmCardError(
                    f"{name}: found {len(entries)}, {len(set(entries))} of them different, "
                    "expected at least one, none twice"
                )
        if any(not dataset for dataset in self.datasets or ()):
            raise AlgorithmCardError("datasets: found an empty name, expected some text")


def write_algorithm(path: str | Path, card: AlgorithmCard) -> Path:
    """Write an entry as YAML, in the order of the fields."""
    text = yaml.safe_dump(_plain(asdict(card)), sort_keys=False, allow_unicode=True, width=88)
    return write_atomically(path, text)


def read_algorithm(path: str | Path) -> AlgorithmCard:
    """Read and check an entry, also one that was edited. Raises `AlgorithmCardError`."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        authors = tuple(Person(**author) for author in content.pop("authors"))
        datasets = content.pop("datasets", None)
        return AlgorithmCard(
            **content, authors=authors, datasets=None if datasets is None else tuple(datasets)
        )
    # An unknown or missing key is Python's own error of the constructor, and names it.
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise AlgorithmCardError(f"{path}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items() if below is not None}
    return [_plain(below) for below in value] if isinstance(value, list | tuple) else value


def _check_texts(entry: Person | AlgorithmCard) -> None:
    for name, value in vars(entry).items():
        if isinstance(value, str) and not value.strip():
            raise AlgorithmCardError(f"{name}: found an empty text, expected some or none at all")


def _check(name: str, value: str | None, pattern: re.Pattern[str], expected: str) -> None:
    # YAML reads an unquoted date as a date.
    if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
        raise AlgorithmCardError(f"{name}: found {value!r}, expected {expected}")
