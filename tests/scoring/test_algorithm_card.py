"""The entry at the benchmark: what its schema takes is written, what it refuses is refused."""

from dataclasses import replace

import jsonschema
import pytest
import yaml

from seizure.scoring.algorithm_card import (
    AlgorithmCard,
    AlgorithmCardError,
    Person,
    read_algorithm,
    write_algorithm,
)

TEXT = {"type": "string", "minLength": 1}
# The rules of SzCORE's config/schema.json, for a validator that shares no line with our checks.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "short_title", "image", "authors", "license"],
    "properties": {
        **dict.fromkeys(("title", "short_title", "license", "abstract"), TEXT),
        "image": {"type": "string", "pattern": "^.+/.+:.+$"},
        "repository": {"type": "string", "pattern": "^(https|http|ftp|sftp)://.+"},
        "version": {"anyOf": [TEXT, {"type": "number"}]},
        "date_released": {
            "type": "string",
            "pattern": "^[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])$",
        },
        "datasets": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
        "authors": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **dict.fromkeys(("given_names", "family_names", "affiliation"), TEXT),
                    "email": {"type": "string", "pattern": r"^[\S]+@[\S]+\.[\S]{2,}$"},
                },
            },
        },
    },
}
ADA = Person("Ada", "Lovelace", "London", "ada@lab.org")
FULL = AlgorithmCard(
    title="Détecteur: “A”",
    short_title="A",
    image="ghcr.io/lab/a:1.0",
    authors=(ADA, Person("Grace")),
    license="MIT",
    version="1.0",
    date_released="2026-12-31",
    abstract="Finds seizures.\n" * 20,
    repository="https://lab.org/a",
    datasets=("TUH EEG Seizure Corpus", "Siena"),
)
BARE = AlgorithmCard("A", "A", "lab/a:1", (ADA,), "MIT")


@pytest.mark.parametrize("card", [FULL, BARE, replace(BARE, version=1.5)])
def test_what_is_written_passes_the_schema_and_comes_back(tmp_path, card):
    path = write_algorithm(tmp_path / "algorithm.yaml", card)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMA)
    assert read_algorithm(path) == card


CONTENT = {
    "title": "A",
    "short_title": "A",
    "image": "lab/a:1",
    "authors": [{"given_names": "Ada"}],
    "license": "MIT",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"image": "a"},
        {"image": "lab/a"},
        {"title": ""},
        {"authors": []},
        {"authors": [{"given_names": "Ada"}] * 2},
        {"authors": [{"name": "Ada"}]},
        {"authors": [{"email": "ada"}]},
        {"authors": [{"family_names": ""}]},
        {"repository": "lab.org"},
        {"date_released": "2026-13-01"},
        {"datasets": []},
        {"datasets": ["Siena", "Siena"]},
        {"datasets": [""]},
        {"institution": "London"},
        {"license": None},
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_refused(tmp_path, changed):
    content = {k: v for k, v in {**CONTENT, **changed}.items() if v is not None}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)
    path = tmp_path / "algorithm.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(AlgorithmCardError):
        read_algorithm(path)


def test_a_date_that_yaml_takes_for_one_is_refused_and_ours_is_quoted(tmp_path):
    path = write_algorithm(tmp_path / "algorithm.yaml", FULL)
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["date_released"] == "2026-12-31"
    path.write_text(yaml.safe_dump(CONTENT) + "date_released: 2026-12-31\n")
    with pytest.raises(AlgorithmCardError, match="date_released"):
        read_algorithm(path)
