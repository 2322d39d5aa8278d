"""How many data records a file holds, and whether its size contradicts the header."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordCount:
    """Complete records that are present and announced; `issue` says what was odd, if anything."""

    n_records: int
    is_truncated: bool = False
    issue: str | None = None


def count_records(
    n_announced: int | None, n_data_bytes: int, samples_per_record: Sequence[int], sample_bytes: int
) -> RecordCount:
    """The complete records, if the size of the file leaves no doubt about the layout.

    A file that was cut off and a header whose samples per record are wrong for one signal (even
    one that nobody needs) both disagree with the size of the file; the second would shift every
    sample. They can be told apart: with a wrong signal, the size is still the announced number of
    records of some other length. Where both explanations fit, the file is refused.

    Raises:
        ValueError: says what was found; the layout cannot be known for certain.

    >>> count_records(10, 10 * 2 * 500, [250, 250], 2)
    RecordCount(n_records=10, is_truncated=False, issue=None)
    >>> count_records(10, 9 * 2 * 500 + 77, [250, 250], 2).n_records
    9
    """
    record_bytes = sample_bytes * sum(samples_per_record)
    n_present, n_left_over = divmod(n_data_bytes, record_bytes)
    if n_present < 1:
        raise ValueError(
            f"no complete data record: found {n_data_bytes} bytes after the header, expected "
            f"{record_bytes} for each record"
        )
    if n_announced is None or n_announced < 1:
        if n_left_over:
            raise ValueError(
                f"the number of records is not stated, and found {n_left_over} bytes after the "
                f"last of {n_present} records of {record_bytes} bytes, so nothing confirms the "
                f"layout in the header; if it is right, write {n_present} as the number of records"
            )
        return RecordCount(n_present, issue=f"no number of records, the file holds {n_present}")
    n_extra = n_data_bytes - n_announced * record_bytes
    if n_extra == 0:
        return RecordCount(n_announced)
    other = _other_layout(n_announced, n_data_bytes, samples_per_record, sample_bytes)
    if other is not None:
        raise ValueError(
            f"found {n_data_bytes} bytes of data, which are {n_announced} records of {other} bytes "
            f"as announced, or {n_data_bytes / record_bytes:g} records of {record_bytes} bytes as "
            "the samples per record say: one of the two is wrong in the header, and reading by the "
            "wrong one would shift every sample; copy the file again or export it anew"
        )
    if n_extra < 0:
        return RecordCount(
            n_present, True, f"truncated: {n_announced} records announced, {n_present} complete "
            "ones present",
        )  # fmt: skip
    if n_extra < record_bytes:
        return RecordCount(n_announced, issue=f"{n_extra} bytes after the last record left unread")
    if n_left_over:
        raise ValueError(
            f"found {n_extra} bytes more than the announced {n_announced} records of "
            f"{record_bytes} bytes, and not a whole number of records: the layout in the header is "
            "wrong"
        )
    return RecordCount(
        n_announced, issue=f"{n_present} records present, only the announced {n_announced} read"
    )


def _other_layout(
    n_announced: int, n_data_bytes: int, samples_per_record: Sequence[int], sample_bytes: int
) -> int | None:
    """Bytes per record if one other number of samples explains the size of the whole file."""
    if n_data_bytes % (n_announced * sample_bytes):
        return None
    n_samples = n_data_bytes // (n_announced * sample_bytes)
    n_too_many = sum(samples_per_record) - n_samples
    # A signal has at least one sample, so this many can only be too many in a signal with more.
    return None if n_too_many >= max(samples_per_record) else n_samples * sample_bytes
