"""Faults of an SFTP target: who answers, who is let in, what may be read, and when the line goes dead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.connectors.password_server import PasswordServer
from tests.connectors.sshd import SshServer, free_port, make_key
from tests.connectors.wires import SilentServer, Wire
from tests.faults import trees
from tests.faults.healthy import Place
from tests.faults.served import BucketPlace, nothing_known_of, sftp_place
from tests.faults.test_bytes import flip
from tests.faults.zoo import Fault, Findings, Zoo, fails, try_out, unknown

ZOO: Zoo[Place] = Zoo()
SEEN: Zoo[Place] = Zoo()
RECENCY, COMPLETENESS, INTEGRITY, MATCHES = "backup.recency", "backup.completeness", "integrity.checksums", "declared.matches.observed"
pytestmark = pytest.mark.program("sshd")


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, server: SshServer, healthy: Findings) -> None:
    try_out(fault, sftp_place(folder, server), healthy)


@pytest.mark.parametrize("fault", SEEN, ids=str)
def test_fault_of_devices(fault: Fault[Place], folder: Path, server: SshServer, moto_endpoint: str, healthy_seen: Findings) -> None:
    try_out(fault, BucketPlace(folder, moto_endpoint, server), healthy_seen)


def deny(place: Place, path: Path, mode: int) -> None:
    """Close something to the server's user, as its owner can."""
    place.during.append(closed(path, mode))


@contextmanager
def closed(path: Path, mode: int) -> Iterator[None]:
    """Within it, a file or folder has this mode."""
    before = path.stat().st_mode & 0o777
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


# Who answers


@ZOO.fault(*nothing_known_of("archive", "untrusted: the target archive could not be opened"))
def a_changed_host_key(place: Place) -> None:
    place.options("archive")["host_key"] = "SHA256:" + "A" * 43


@ZOO.fault(*nothing_known_of("archive", "unreachable: the target archive could not be opened"))
def a_server_that_is_stopped(place: Place) -> None:
    place.options("archive")["port"] = free_port()


@ZOO.fault(*nothing_known_of("archive", "timed-out: "))
def a_server_that_never_answers(place: Place) -> None:
    place.options("archive")["port"] = place.held.enter_context(SilentServer()).port
    place.target("archive")["timeout"] = "1s"


@ZOO.fault(*nothing_known_of("archive", "unreachable"))
def a_name_that_no_one_has(place: Place) -> None:
    place.options("archive")["host"] = "backup.invalid"


# Who is let in


@ZOO.fault(*nothing_known_of("archive", "access-denied: the target archive could not be opened"))
def a_key_that_is_not_let_in(place: Place) -> None:
    place.options("archive")["key_file"] = str(make_key(place.path("stranger")))


@ZOO.fault(*nothing_known_of("archive", "access-denied: the target archive could not be opened"))
def a_wrong_password(place: Place) -> None:
    login = place.held.enter_context(PasswordServer("right"))
    place.target("archive")["options"] = login.options(password=place.secret("password", "wrong"))


@ZOO.fault(*nothing_known_of("archive", "the environment variable DRCHECK_ZOO_PASSWORD is not set"))
def a_credential_reference_that_leads_nowhere(place: Place) -> None:
    del place.options("archive")["key_file"]
    place.options("archive")["password"] = "env:DRCHECK_ZOO_PASSWORD"


@ZOO.fault(*nothing_known_of("archive", "no-credentials: "))
def a_secret_file_that_others_may_read(place: Place) -> None:
    del place.options("archive")["key_file"]
    place.options("archive")["password"] = place.secret("password", "secret")
    place.path("password").chmod(0o644)


@ZOO.fault(*nothing_known_of("archive", "no-credentials: "))
def a_private_key_that_others_may_read(place: Place) -> None:
    place.options("archive")["key_file"] = str(make_key(place.path("own_key")))
    place.path("own_key").chmod(0o644)


# What may be read


@ZOO.fault(*nothing_known_of("archive", "access-denied", systems=("record",)))
def a_folder_that_may_not_be_listed(place: Place) -> None:
    deny(place, place.path("archive/record"), 0o311)


@ZOO.fault(unknown(INTEGRITY, "imaging@archive", "1 object could not be read whole (imaging/studies/MR-1.dcm)"))
def an_object_that_may_not_be_read(place: Place) -> None:
    deny(place, place.path("archive/imaging/studies/MR-1.dcm"), 0)


@ZOO.fault(unknown(INTEGRITY, "laboratory@archive", "SHA256SUMS: could not be read: access-denied"))
def a_manifest_that_may_not_be_read(place: Place) -> None:
    deny(place, place.night("archive") / "SHA256SUMS", 0)


@ZOO.fault(fails(INTEGRITY, "record@archive", "(mismatch)"))
def a_flipped_bit_at_the_far_end(place: Place) -> None:
    flip(place.dump("archive", days=2))


@ZOO.fault(fails(INTEGRITY, "laboratory@archive", "report-1.txt: a symbolic link leads there, which is never followed)"))
def a_symbolic_link_swapped_in_for_a_directory_at_the_far_end(place: Place) -> None:
    reports = place.night("archive") / "reports"
    reports.rename(place.path("elsewhere"))
    reports.symlink_to(place.path("elsewhere"))


@ZOO.fault(*nothing_known_of("archive", "unreachable"))
def a_root_that_is_gone(place: Place) -> None:
    place.options("archive")["root"] = str(place.path("archive/nowhere"))


# When the line goes dead


def make_large(place: Place) -> None:
    """Put an object into the imaging archive that takes a while to read."""
    content = trees.some_bytes("large", 4 * 2**20)
    place.path("archive/imaging/studies/CT-9.dcm").write_bytes(content)
    with place.path("manifests/imaging.sha256").open("ab") as manifest:
        manifest.write(trees.sums({"studies/CT-9.dcm": content}))


def through(place: Place, *, dead: bool) -> None:
    """Reach the archive through a line that fails after 2 MiB."""
    make_large(place)
    wire = Wire(int(place.options("archive")["port"]), limit=2 * 2**20, dead=dead)
    place.options("archive")["port"] = place.held.enter_context(wire).port


@ZOO.fault(unknown(INTEGRITY, "imaging@archive", "it stopped early: unreachable"))
def a_server_killed_while_it_is_read(place: Place) -> None:
    through(place, dead=False)


@ZOO.fault(unknown(INTEGRITY, "imaging@archive", "it stopped early: timed-out"))
def a_server_that_hangs_while_it_is_read(place: Place) -> None:
    through(place, dead=True)
    place.run_seconds = 8


# One server under two names


@SEEN.fault(
    fails(MATCHES, "archive", "declared as the device storage-archive, but it was seen to be the same device as annex"),
    fails(MATCHES, "annex", "declared as the device storage-annex, but it was seen to be the same device as archive"),
)
def two_targets_of_one_server_declared_as_two(place: Place) -> None:
    annex = {**place.target("archive"), "id": "annex", "site": "south", "device": "storage-annex"}
    place.declare(annex, place.copy_at("annex", "record", role="secondary"))


@SEEN.fault(
    fails(MATCHES, "archive", "record@archive is declared off-site, but it was seen to be the same device as onsite"),
    fails(MATCHES, "onsite", "it was seen to be the same device as archive"),
)
def declared_off_site_and_seen_on_the_production_sites_server(place: Place) -> None:
    place.target("onsite").update(connector="sftp", options={**place.options("archive"), "root": str(place.path("onsite"))})
