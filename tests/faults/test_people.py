"""Faults of what people write down: drills, waivers, and the estate itself."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from drcheck.errors import ConfigError
from tests.faults.healthy import Place, local_place
from tests.faults.test_bytes import flip
from tests.faults.zoo import Fault, Findings, Zoo, fails, passes, try_out, unknown

ZOO: Zoo[Place] = Zoo()
TESTED, INTEGRITY = "restore.tested", "integrity.checksums"
SYSTEMS = ("record", "laboratory", "imaging")


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


@ZOO.fault(fails(TESTED, "laboratory", "last restored 400d ago"))
def a_drill_that_is_too_old(place: Place) -> None:
    place.drills[1] = place.drill("laboratory", "onsite", days=400)


@ZOO.fault(fails("NHSE-BP-4.restore", "laboratory", "last restored 21d ago (from onsite on 2026-02-09T08:00:00Z); allowed are 20d"))
def a_drill_older_than_a_third_of_the_retention(place: Place) -> None:
    place.drills[1] = place.drill("laboratory", "onsite", days=21)


@ZOO.fault(fails(TESTED, "laboratory", "last restored 5d ago"))
def a_drill_older_than_the_systems_own_interval(place: Place) -> None:
    place.system("laboratory")["restore_test_interval"] = "4d"


@ZOO.fault(fails(TESTED, "record", "from archive on 2026-02-25T08:00:00Z did not succeed: the key was lost"))
def a_drill_that_failed(place: Place) -> None:
    place.drill_of("record").update(success=False, problems="the key was lost")


@ZOO.fault(fails(TESTED, "record", "was followed by one from the same copy that did not succeed"))
def a_drill_followed_by_one_that_failed(place: Place) -> None:
    place.drills.append(place.drill("record", "archive", days=1, success=False))


@ZOO.fault(fails(TESTED, "imaging", "from archive on 2026-03-12T08:00:00Z is dated after now"))
def a_drill_from_the_future(place: Place) -> None:
    place.drills[2] = place.drill("imaging", "archive", days=-10)


@ZOO.fault(
    fails("NHSE-BP-3.rto", "record", "it took 5h, the RTO is 4h"),
    fails("CAF4-D1.c.exercised", "record", "it took 5h, the RTO is 4h"),
)
def a_drill_slower_than_the_recovery_time_objective(place: Place) -> None:
    place.drills[0] = place.drill("record", "archive", hours=5)


@ZOO.fault(
    unknown("NHSE-BP-3.rto", "record", "no RTO is declared to compare it with"),
    unknown("CAF4-D1.c.exercised", "record", "no RTO is declared to compare it with"),
)
def no_recovery_time_objective(place: Place) -> None:
    del place.system("record")["rto"]


@ZOO.fault(fails(TESTED, "imaging", "no successful restore of this system is recorded"))
def no_drill_of_one_system(place: Place) -> None:
    place.drills.pop()


@ZOO.fault(fails(TESTED, "imaging", "from tape-2019 on 2026-02-25T08:00:00Z was made from a copy that is not declared"))
def a_drill_from_a_copy_that_is_no_more(place: Place) -> None:
    place.drill_of("imaging")["target"] = "tape-2019"


@ZOO.fault(*(unknown(TESTED, system, "drills not known: malformed: ") for system in SYSTEMS))
def a_file_of_drills_that_cannot_be_understood(place: Place) -> None:
    place.drill_of("record")["success"] = "mostly"


@ZOO.fault(*(unknown(TESTED, system, "is before `started`") for system in SYSTEMS))
def a_drill_that_ended_before_it_began(place: Place) -> None:
    place.drills[0] = place.drill("record", "archive", hours=-3)


@ZOO.fault(*(unknown(TESTED, system, "no-such-drills.toml: no such file") for system in SYSTEMS))
def the_file_of_drills_gone(place: Place) -> None:
    place.document["drills"] = "no-such-drills.toml"


@ZOO.fault(*(unknown(TESTED, system, "the estate names no file of recorded drills") for system in SYSTEMS))
def no_file_of_drills(place: Place) -> None:
    del place.document["drills"]


# Waivers


def waive(place: Place, until: date) -> None:
    """Accept the failure of `a_flipped_bit` under every pack that judges it."""
    for policy, control in (("uk-nhse-backup-policy", "NHSE-BP-4.integrity"), ("uk-caf-b5", "CAF4-B5.c.intact")):
        place.waivers.append(
            {"policy": policy, "control": control, "subject": "record@onsite", "owner": "CIO", "reason": "restored from archive", "until": until}
        )


def a_flipped_bit(place: Place) -> None:
    flip(place.dump("onsite"))


def test_a_waived_failure_stays_a_failure_and_does_not_fail_the_run(folder: Path, healthy: Findings) -> None:
    place = local_place(folder)
    waive(place, until=place.now.date())
    assessment = try_out(Fault(a_flipped_bit, (fails(INTEGRITY, "record@onsite", "(mismatch)"),)), place, healthy)
    assert assessment.exit_code == 0
    assert assessment.notes == ()


def test_an_expired_waiver_no_longer_holds_and_is_told(folder: Path, healthy: Findings) -> None:
    place = local_place(folder)
    waive(place, until=(place.now - timedelta(days=1)).date())
    assessment = try_out(Fault(a_flipped_bit, (fails(INTEGRITY, "record@onsite", "(mismatch)"),)), place, healthy)
    assert assessment.exit_code == 10
    assert len([note for note in assessment.notes if "ended on 2026-03-01 and no longer holds" in note]) == 2


def test_a_waiver_for_nothing_is_told_and_changes_nothing(folder: Path, healthy: Findings) -> None:
    place = local_place(folder)
    waive(place, until=date(2026, 12, 31))
    assessment = try_out(Fault(lambda _: None, (passes(INTEGRITY, "record@onsite", "objects match"),)), place, healthy)
    assert assessment.exit_code == 0
    assert len([note for note in assessment.notes if "for record@onsite, by CIO, has nothing to accept" in note]) == 2


def test_a_waiver_of_one_pack_does_not_cover_another(folder: Path, healthy: Findings) -> None:
    place = local_place(folder)
    waive(place, until=date(2026, 12, 31))
    place.waivers.pop()
    assessment = try_out(Fault(a_flipped_bit, (fails(INTEGRITY, "record@onsite", "(mismatch)"),)), place, healthy)
    assert assessment.exit_code == 10


# The estate: nothing is looked at


def no_such_site(place: Place) -> None:
    place.target("archive")["site"] = "archiv"


def an_inline_secret(place: Place) -> None:
    place.target("archive").update(connector="sftp", options={"host": "h", "user": "u", "root": "/", "password": "hunter2", "host_key": "SHA256:x"})


def a_path_out_of_the_root(place: Place) -> None:
    place.copy("record@onsite")["path"] = "../record"


def an_unknown_pack(place: Place) -> None:
    place.document["policies"] = ["uk-caf-b6"]


def waivers_that_are_not_there(place: Place) -> None:
    place.document["waivers"] = "accepted.toml"


def a_plugin_that_is_not_trusted(place: Place) -> None:
    place.target("archive")["connector"] = "tape-robot"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (no_such_site, 'did you mean "archive"?'),
        (an_inline_secret, "targets[3] (archive).options.password: a secret is never written into this file"),
        (a_path_out_of_the_root, "copies[3] (record@onsite).path"),
        (an_unknown_pack, 'did you mean "uk-caf-b5"?'),
        (waivers_that_are_not_there, "accepted.toml"),
        (a_plugin_that_is_not_trusted, "known: local, s3, sftp (tape-robot provides it, and is not trusted: add it to `plugins` to run its code)"),
    ],
    ids=["no such site", "an inline secret", "a path out of the root", "an unknown pack", "waivers not there", "a plugin not trusted"],
)
def test_an_estate_that_is_wrong_is_refused_before_anything_is_looked_at(damage: object, says: str, folder: Path, plugin: Path) -> None:
    assert callable(damage)
    place = local_place(folder)
    damage(place)
    with pytest.raises(ConfigError) as refused:
        place.look()
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert refused.value.exit_code == 2
    assert not (plugin / "imported").exists()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution that offers the connector `tape-robot`, and leaves a file where it is imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "tape_robot.py").write_text("from pathlib import Path\nPath(__file__).with_name('imported').touch()\nclass Robot: pass\n")
    folder = tmp_path / "tape_robot-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tape-robot\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[drcheck.connectors]\ntape-robot = tape_robot:Robot\n")
    return tmp_path
