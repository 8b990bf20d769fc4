"""How fast a place is read."""

import pytest

from drcheck.clock import Deadline, monotonic, wait
from drcheck.errors import TimedOut
from drcheck.pace import Leave, Pace


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace()
    assert pace.delay(1 << 40) == 0
    pace.add(5)
    assert pace.bytes == 5


def test_amounts_follow_each_other_at_the_rate() -> None:
    pace = Pace(1000)
    delays = [pace.delay(500) for _ in range(4)]
    assert delays[0] == 0
    assert delays[1:] == [pytest.approx(0.5 * step, abs=0.1) for step in (1, 2, 3)]


def test_the_whole_holds_its_parts_back() -> None:
    whole = Pace(1000)
    one, other = Pace(whole=whole), Pace(1e9, whole=whole)
    assert one.limit == other.limit == 1000
    assert one.delay(1000) == 0
    assert other.delay(1000) == pytest.approx(1, abs=0.1)
    other.add(7)
    assert (one.bytes, other.bytes, whole.bytes) == (0, 7, 7)


def test_holding_ends_with_the_deadline() -> None:
    pace = Pace(1)
    pace.hold(1000, Deadline(None))
    with pytest.raises(TimedOut):
        pace.hold(1, Deadline(0.05))


def test_what_is_held_back_is_not_idle() -> None:
    pace = Pace(10)
    pace.delay(100)
    pace.delay(100)
    assert pace.idle() == 0
    begun = monotonic()
    still = Pace()
    while monotonic() - begun < 0.05:
        pass
    assert still.idle() >= 0.04


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="reads nothing"):
        Pace(0)


def test_a_portion_is_an_eighth_of_a_second_or_what_it_is_at_most() -> None:
    assert Pace().portion(1 << 20) == 1 << 20
    assert Pace(8 << 20).portion(4 << 20) == 1 << 20
    assert Pace(8 << 20).portion(4 << 20, 0.25) == 2 << 20
    assert Pace(1e12).portion(1 << 20) == 1 << 20
    assert Pace(1).portion(1 << 20) == 4096
    assert Pace(whole=Pace(8 << 20)).portion(4 << 20) == 1 << 20
    assert Pace(1).portion(10) == 10


def test_without_a_rate_leave_is_always_given() -> None:
    leave = Leave(Pace())
    assert all(leave.given(1 << 40) for _ in range(3))
    assert leave.seconds() is None


def test_leave_is_asked_for_once_and_given_when_its_moment_has_come() -> None:
    pace = Pace(1000)
    leave = Leave(pace)
    assert leave.given(500)
    assert not leave.given(500)
    assert not leave.given(500)
    left = leave.seconds()
    assert left is not None
    assert 0 < left <= 0.5
    wait(left)
    assert leave.given(500)
    assert leave.seconds() is None
    # Asked for three times and given once, the second request was counted once.
    assert pace.delay(1) <= 0.51


def test_who_comes_late_makes_up_for_it_and_who_was_away_does_not() -> None:
    pace, begun = Pace(1000), monotonic()
    for _ in range(20):
        wait(pace.delay(25) + 0.01)  # 20 times 10 ms late
    assert monotonic() - begun >= 0.475
    wait(1.0)
    assert pace.delay(100) == 0
    assert pace.delay(1000) <= 0.1, "what the rate allows in a tenth of a second is made up for"
    assert pace.delay(1) >= 0.5, "and no more"


def test_leave_keeps_to_the_rate_over_many_requests() -> None:
    leave, begun, sent = Leave(Pace(100_000)), monotonic(), 0
    while sent < 30_000:
        if leave.given(1000):
            sent += 1000
        else:
            wait(leave.seconds() or 0.0)
    assert 0.28 < monotonic() - begun < 5
