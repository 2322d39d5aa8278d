"""One finding: what is not ok says what to do."""

import pytest

from seizure.preflight.check import Check, worst


def test_a_fix_belongs_to_what_is_not_ok_and_to_nothing_else() -> None:
    with pytest.raises(ValueError, match="fix"):
        Check("one", "fail", "broken")
    with pytest.raises(ValueError, match="fix"):
        Check("one", "ok", "fine", "do it")


def test_one_failure_outweighs_any_number_of_warnings() -> None:
    fine, odd, broken = (
        Check("a", "ok", "fine"),
        Check("b", "warn", "odd", "look"),
        Check("c", "fail", "broken", "mend"),
    )
    assert worst([]) == worst([fine]) == "ok"
    assert worst([fine, odd, fine]) == "warn"
    assert worst([odd, broken, odd, odd]) == "fail"
