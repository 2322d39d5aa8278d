"""Two preprocessings that give different signals never share a cache, and old caches stay valid."""

from dataclasses import fields, replace

import pytest

from seizure.cache.fingerprint import preprocessing_hash
from seizure.eeg.filtering import Preprocessing

# Another value for each setting: one that is added and forgotten in the key fails here.
OTHERS = {
    "rate_hz": 512.0,
    "band_low_hz": 1.0,
    "band_high_hz": 70.0,
    "mains_hz": 50.0,
    "phase": "zero",
    "missing": "refuse",
    "max_interpolated": 2,
    "montage": "average",
}


@pytest.mark.parametrize("name", [entry.name for entry in fields(Preprocessing)])
def test_every_setting_is_in_the_key_of_the_cache(name):
    other = replace(Preprocessing(), **{name: OTHERS[name]})
    assert preprocessing_hash(other) != preprocessing_hash(Preprocessing())


def test_the_key_of_the_defaults_changes_only_on_purpose():
    # A new key makes everybody prepare again; raise it with the version of the chain.
    assert preprocessing_hash(Preprocessing()) == "eaffbfba"
