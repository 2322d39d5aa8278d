"""A shard is a plain NPZ, aligned, whole or refused."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seizure.cache.shard import (
    STATISTICS,
    CacheError,
    check_shard,
    read_header,
    read_shard,
    replacing,
    signal_offset,
    write_shard,
)

COLUMNS = ("signal", *STATISTICS, "events", "event_type")
# All examples of a test write into its one folder.
ONE_FOLDER = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def path(tmp_path, prepared):
    write_shard(tmp_path / "train" / "a.npz", prepared)
    return tmp_path / "train" / "a.npz"


def test_what_is_written_is_read(path, prepared):
    found = read_shard(path)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(prepared, name))
        assert getattr(found, name).dtype == getattr(prepared, name).dtype
    assert found.meta == {"schema_version": 2, **prepared.meta}


def test_plain_numpy_reads_it(path, prepared):
    with np.load(path, allow_pickle=False) as archive:
        for name in COLUMNS:
            np.testing.assert_array_equal(archive[name], getattr(prepared, name))


@settings(max_examples=40, deadline=None, suppress_health_check=ONE_FOLDER)
@given(n_channels=st.integers(1, 5), n_samples=st.integers(1, 300), n_events=st.integers(0, 3))
def test_every_member_is_aligned_and_stored(tmp_path, prepared, n_channels, n_samples, n_events):
    path = tmp_path / "b.npz"
    signal = np.arange(n_channels * n_samples, dtype=np.int16).reshape(n_channels, n_samples)
    events, types = prepared.events[:n_events], prepared.event_type[:n_events]
    write_shard(path, replace(prepared, signal=signal, events=events, event_type=types))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            n_name, n_extra = np.frombuffer(content, "<u2", 2, member.header_offset + 26)
            assert (member.header_offset + 30 + int(n_name) + int(n_extra)) % 64 == 0
    offset = signal_offset(path)
    assert offset % 64 == 0
    mapped = np.frombuffer(content, np.int16, signal.size, offset).reshape(signal.shape)
    np.testing.assert_array_equal(mapped, signal)
    assert read_shard(path).events.shape == (len(events), 2)


def test_the_header_says_all_but_the_signal(path, prepared):
    header = read_header(path)
    assert header.n_samples == 1001
    assert header.size_bytes == path.stat().st_size
    assert header.meta["issues"] == ["odd: µV"]
    np.testing.assert_array_equal(header.events, prepared.events)
    np.testing.assert_array_equal(header.statistics["iqr_uv"], prepared.iqr_uv)


def test_the_checksum_is_of_the_signal_alone(tmp_path, path, prepared):
    renamed = replace(prepared, meta={**prepared.meta, "patient": "b"})
    write_shard(tmp_path / "renamed.npz", renamed)
    changed = replace(prepared, signal=prepared.signal ^ 1)
    write_shard(tmp_path / "changed.npz", changed)
    assert read_header(tmp_path / "renamed.npz").crc32 == read_header(path).crc32
    assert read_header(tmp_path / "changed.npz").crc32 != read_header(path).crc32


def test_a_flipped_bit_of_the_signal_is_found_on_reading(path):
    content = bytearray(path.read_bytes())
    content[signal_offset(path) + 100] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CacheError, match="Bad CRC"):
        read_shard(path)


@pytest.mark.parametrize("n_kept", [0, 10, 100, 3000, -1, -30])
def test_a_cut_file_is_refused_by_name(path, n_kept):
    path.write_bytes(path.read_bytes()[:n_kept])
    for read in (read_shard, read_header):
        with pytest.raises(CacheError, match=r"a\.npz: not a whole shard"):
            read(path)


def test_another_schema_is_refused(path, prepared):
    write_shard(path, replace(prepared, meta={**prepared.meta, "schema_version": 99}))
    with pytest.raises(CacheError, match="schema version 99, expected 2"):
        read_header(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.write("text where bytes belong")  # pyright: ignore[reportArgumentType]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=300, deadline=None, suppress_health_check=ONE_FOLDER)
@given(data=st.data())
def test_a_flipped_bit_is_found_or_changes_nothing(path, prepared, data):
    whole = path.read_bytes()
    # What is not a sample is rarer and more delicate.
    position = data.draw(
        st.one_of(st.integers(0, len(whole) - 1), st.integers(6000, len(whole) - 1))
    )
    damaged = path.with_name("damaged.npz")
    flipped = bytearray(whole)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    damaged.write_bytes(flipped)
    try:
        check_shard(damaged)
    except CacheError:
        return
    found = read_shard(damaged)
    assert read_header(damaged).signal_offset == signal_offset(path)
    assert found.meta == read_shard(path).meta
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(prepared, name))


def test_a_check_finds_whatever_numpy_would_stumble_over(path):
    """Every byte of the archive's directory, which the mapped signal does not need."""
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    n_found = 0
    for position in range(directory, len(whole)):
        damaged = path.with_name("damaged.npz")
        flipped = bytearray(whole)
        flipped[position] ^= 2
        damaged.write_bytes(flipped)
        try:
            check_shard(damaged)
        except CacheError:
            n_found += 1
        else:
            read_shard(damaged)
    assert n_found > (len(whole) - directory) / 4


def test_a_check_says_what_was_found_and_expected(path):
    check_shard(path)
    content = bytearray(path.read_bytes())
    content[signal_offset(path) + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        CacheError, match=r"a\.npz: found signal with CRC [0-9a-f]{8}, expected [0-9a-f]{8}"
    ):
        check_shard(path)
