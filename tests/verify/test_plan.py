"""What a night chooses: nothing waits for ever, whatever appears, vanishes and fails meanwhile."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.verify.budget import Allowance, Budget, Claim, Cost, apportion
from drcheck.verify.plan import SHARES, WAVE_OBJECTS, Line, Purse, choose, ends, turns

DAY = timedelta(days=1)
NIGHT = datetime(2026, 3, 10, tzinfo=UTC)


@dataclass
class Held:
    """One object of the estate."""

    size: int
    queue: float
    """The night on which it last had its turn, or else appeared; reading comes half a night after listing."""
    state: Line
    """`ROTATION` where it was read and is good."""


@dataclass
class Queue:
    """Where objects wait, in memory."""

    objects: dict[str, Held]
    order: random.Random
    waves: dict[str, int] = field(default_factory=dict)

    def waiting(self, line: Line) -> Iterator[tuple[str, int]]:
        """See `Lines`."""
        names = [name for name, held in self.objects.items() if line in (Line.ROTATION, held.state)]
        self.order.shuffle(names)  # among equals another one each night
        newest_first = -1 if line is Line.FRESH else 1
        for name in sorted(names, key=lambda name: newest_first * self.objects[name].queue):
            yield name, self.objects[name].size

    def chosen(self, key: str) -> bool:
        """See `Lines`."""
        return key in self.waves

    def choose(self, key: str, wave: int) -> None:
        """See `Lines`."""
        assert key not in self.waves, f"{key} is chosen twice"
        self.waves[key] = wave


@dataclass
class Bytes:
    """A budget of bytes. The first object fits always, as in `Allowance`."""

    left: int
    first: bool = True

    def take(self, size: int) -> bool:
        """See `Purse`."""
        if not self.first and size > self.left:
            return False
        self.first, self.left = False, self.left - size
        return True


class Unlimited:
    """No budget but time."""

    def take(self, size: int) -> bool:
        """See `Purse`."""
        return True


@dataclass
class Nights:
    """An estate over many nights, on which objects appear, vanish and fail as chance will have it."""

    seed: int
    sizes: tuple[int, ...]
    coming: float
    going: float
    failing: float
    objects: dict[str, Held] = field(default_factory=dict)
    number: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def appear(self, count: int) -> None:
        """New objects, some of them again under a name that vanished."""
        for _ in range(count):
            name = f"{self.chance.randrange(self.made + 1):03x}"
            while name in self.objects:
                self.made += 1
                name = f"{self.made:03x}"
            self.objects[name] = Held(self.chance.choice(self.sizes), self.number, Line.FRESH)

    def change(self, most: int) -> set[str]:
        """What happens by day. The names that went or are others under the same name."""
        gone = {name for name in self.objects if self.chance.random() < self.going}
        for name in gone:
            del self.objects[name]
        room = most - len(self.objects)
        self.appear(sum(self.chance.random() < self.coming for _ in range(room)))
        return gone

    def read(self, purse: Purse, cut: int | None = None) -> set[str]:
        """What a night reads; with `cut` only so many, by wave and then name, as the time is over then."""
        queue = Queue(self.objects, self.chance)
        chosen, size = choose(queue, purse, in_waves=cut is not None)
        assert chosen == len(queue.waves)
        assert size == sum(self.objects[name].size for name in queue.waves)
        read = set(islice(sorted(queue.waves, key=lambda name: (queue.waves[name], name)), cut))
        for name in read:
            held = self.objects[name]
            held.queue, held.state = self.number + 0.5, Line.SUSPECT if self.chance.random() < self.failing else Line.ROTATION
        self.number += 1
        return read


estates = st.builds(
    Nights,
    seed=st.integers(0, 2**32),
    sizes=st.just((5,)),
    coming=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    going=st.sampled_from([0.0, 0.02, 0.3]),
    failing=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
)
uneven = st.builds(
    Nights,
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from([0, 1, 5, 7, 400]), min_size=1, max_size=4).map(tuple),
    coming=st.sampled_from([0.0, 0.3, 1.0]),
    going=st.sampled_from([0.0, 0.1]),
    failing=st.sampled_from([0.0, 0.5]),
)


def in_every(window: int, nights: Nights, most: int, budget: int, cut: int | None = None) -> None:
    """
    Let nights pass; whatever was there throughout any `window` of them was read in them.

    What went and came back under the same name in between is another object, and has its time from then on.
    """
    nights.appear(nights.chance.randrange(most + 1))
    unread: dict[str, int] = dict.fromkeys(nights.objects, 0)
    recent: deque[int] = deque(maxlen=window)
    for _ in range(3 * window + 10):
        gone = nights.change(most)
        unread = {name: 0 if name in gone else unread.get(name, 0) for name in nights.objects}
        read = nights.read(Bytes(budget) if cut is None else Unlimited(), cut)
        assert read or not nights.objects, "a night read nothing"
        recent.append(len(read))
        unread = {name: 0 if name in read else count + 1 for name, count in unread.items()}
        late = [name for name, count in unread.items() if count >= window]
        assert not late, f"{late} were not read in {window} nights that read {list(recent)}"


@settings(max_examples=300, deadline=None)
@given(nights=estates, most=st.integers(1, 60), budget=st.integers(0, 80))
def test_after_one_over_f_nights_with_a_share_f_each_every_object_was_read(nights: Nights, most: int, budget: int) -> None:
    # While suspects and fresh ones compete, each of their lines is at the most one object ahead of its share.
    share = max(1, math.ceil((budget - 2) * SHARES[Line.ROTATION] / sum(SHARES.values())))
    in_every(math.ceil(most / share), nights, most, 5 * budget + nights.chance.randrange(5))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), most=st.integers(1, 60), budget=st.integers(1, 80))
def test_where_nothing_competes_all_of_the_night_is_the_rotation_s(seed: int, most: int, budget: int) -> None:
    nights = Nights(seed, (5,), 0.0, 0.02, 0.0)
    nights.appear(most)
    for held in nights.objects.values():
        held.state = Line.ROTATION
        held.queue = -nights.chance.randrange(30)
    nights.number = 1
    window, never = math.ceil(most / budget), set(nights.objects)
    for _ in range(window):
        never -= nights.change(0) | nights.read(Bytes(5 * budget))
    assert not never


@settings(max_examples=150, deadline=None)
@given(nights=uneven, most=st.integers(1, 25), budget=st.integers(0, 50))
def test_of_objects_of_any_size_the_one_that_waited_longest_is_read_every_night(nights: Nights, most: int, budget: int) -> None:
    """So each is read within as many nights as there are objects, though it is larger than every budget."""
    in_every(most, nights, most, budget)


@settings(max_examples=150, deadline=None)
@given(nights=estates, most=st.integers(1, 60), cut=st.integers(1, 80))
def test_where_time_runs_out_half_of_what_was_read_is_what_waited_longest(nights: Nights, most: int, cut: int) -> None:
    share = max(1, math.ceil((cut // 2 - 2) * SHARES[Line.ROTATION] / sum(SHARES.values())))
    in_every(math.ceil(most / share), nights, most, 0, cut)


@settings(max_examples=50, deadline=None)
@given(nights=uneven, count=st.integers(1, 300))
def test_a_wave_is_no_larger_than_those_before_it(nights: Nights, count: int) -> None:
    nights.appear(count)
    queue = Queue(nights.objects, nights.chance)
    choose(queue, Unlimited(), in_waves=True)
    assert len(queue.waves) == count
    sizes = [sum(wave == number for wave in queue.waves.values()) for number in range(1, max(queue.waves.values()) + 1)]
    assert sizes[0] == 1
    assert all(1 <= size <= max(1, sum(sizes[:number])) for number, size in enumerate(sizes))


def test_waves_grow_no_further_than_what_one_may_hold() -> None:
    nights = Nights(1, (5,), 0, 0, 0)
    nights.appear(5 * WAVE_OBJECTS)
    queue = Queue(nights.objects, nights.chance)
    choose(queue, Unlimited(), in_waves=True)
    waves = list(queue.waves.values())
    assert max(map(waves.count, set(waves))) == WAVE_OBJECTS


@settings(max_examples=200, deadline=None)
@given(
    nights=uneven,
    copies=st.integers(1, 4),
    budget=st.builds(
        Budget,
        bytes=st.none() | st.integers(0, 20),
        requests=st.dictionaries(st.sampled_from(["get", "list"]), st.integers(0, 5)),
    ),
    own=st.builds(Budget, bytes=st.none() | st.integers(0, 20), requests=st.dictionaries(st.just("get"), st.integers(0, 3))),
    listed=st.integers(0, 10),
)
def test_no_budget_of_bytes_or_requests_lets_a_copy_go_unread(nights: Nights, copies: int, budget: Budget, own: Budget, listed: int) -> None:
    """Whatever the others have used up, and whatever listing took."""
    claims = [Claim(f"{number}@nas", "nas", Cost(1, 5), lambda size: {"get": 1 + size // 100}) for number in range(copies)]
    allowances = apportion(claims, budget, {"nas": own})
    for claim in claims:
        nights.objects.clear()
        nights.appear(nights.chance.randrange(1, 20))
        allowance = allowances[claim.copy]
        allowance.charge({"list": listed})
        assert nights.read(allowance)
        allowance.finish()


@pytest.mark.parametrize("money", [0, 3])
def test_money_alone_can_keep_a_night_from_reading(money: int) -> None:
    claim = Claim("ehr@cloud", "cloud", Cost(1, 5), lambda _: {"get": 1}, lambda size, _: Decimal(size))
    allowance: Allowance = apportion([claim], Budget(money=Decimal(money)), {})["ehr@cloud"]
    nights = Nights(1, (5,), 0, 0, 0)
    nights.appear(4)
    assert not nights.read(allowance)


def test_shares_are_kept_while_all_lines_have_somebody_waiting() -> None:
    nights = Nights(7, (5,), 0, 0, 0)
    nights.appear(900)
    for number, held in enumerate(nights.objects.values()):
        held.state, held.queue = (Line.ROTATION, Line.SUSPECT, Line.FRESH)[number % 3], -2 if number % 3 == 0 else -1
    states = {name: held.state for name, held in nights.objects.items()}
    read = nights.read(Bytes(5 * 200))
    by_line = {line: sum(states[name] is line for name in read) for line in Line}
    assert by_line == {Line.ROTATION: 150, Line.SUSPECT: 20, Line.FRESH: 30}


def test_what_one_line_does_not_need_goes_to_the_others() -> None:
    nights = Nights(7, (5,), 0, 0, 0)
    nights.appear(100)
    for held in nights.objects.values():
        held.state = Line.ROTATION
    assert len(nights.read(Bytes(5 * 80))) == 80


@pytest.mark.parametrize(
    ("objects", "cycle", "expected"),
    [(0, DAY, 0), (100, DAY, 100), (100, timedelta(hours=6), 100), (100, 30 * DAY, 4), (1, 90 * DAY, 1), (90, 30 * DAY, 3), (91, 30 * DAY, 4)],
)
def test_turns_are_as_many_as_a_cycle_takes(objects: int, cycle: timedelta, expected: int) -> None:
    assert turns(objects, cycle) == expected


def test_the_end_of_a_cycle_is_reckoned_in_nights_like_this_one() -> None:
    assert ends(NIGHT, 0, 5) is None
    assert ends(NIGHT, 5, 0) is None
    assert ends(NIGHT, 5, 5) == NIGHT + DAY
    assert ends(NIGHT, 11, 5) == NIGHT + 3 * DAY
