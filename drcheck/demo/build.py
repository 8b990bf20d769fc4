"""Building the demo's hospital in a folder, with its two servers running."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from drcheck.demo import hospital
from drcheck.demo.estate import Addresses, drills_text, estate_text
from drcheck.demo.seeded import FLIPPED_STUDY
from drcheck.demo.servers import SftpServer, closed_port, s3_client, s3_server

BUCKET = "st-elsewhere-locked"
_LOCK = timedelta(days=30)


@contextlib.contextmanager
def running_hospital(folder: Path, now: datetime) -> Iterator[Path]:
    """
    The path of the hospital's estate file in `folder`, while its SFTP and S3 servers run on loopback.

    The newest backups are two hours older than `now`. Raises ConfigError where the extra `demo` is not installed.
    """
    newest = (now - timedelta(hours=2)).replace(microsecond=0)
    nights = hospital.nights(newest, weeks=14)
    record = hospital.patient_record(nights)
    stale_record = hospital.patient_record(hospital.nights(newest - timedelta(days=9), weeks=2))
    imaging = hospital.imaging(newest)
    pathology = hospital.pathology(nights)
    offsite_imaging = {**imaging, FLIPPED_STUDY: hospital.flip(imaging[FLIPPED_STUDY])}
    password, access_key, secret_key = secrets.token_urlsafe(16), "demo" + secrets.token_hex(6), secrets.token_urlsafe(24)

    # Before anything is written: where the extra is missing, nothing is left behind.
    with s3_server() as endpoint:
        write_tree(folder / "onsite", {"patient-record": record, "imaging": imaging, "pathology": pathology}, newest)
        write_tree(folder / "second-dc", {"patient-record": stale_record, "pathology": pathology}, newest)
        write_tree(folder / "offsite-sftp", {"patient-record": record, "imaging": offsite_imaging}, newest)
        write_tree(
            folder / "manifests",
            {
                "patient-record.sha256": hospital.manifest(dict(hospital.promises(record))),
                "imaging.sha256": hospital.manifest(dict(hospital.promises(imaging))),
                "pathology.sha256": hospital.manifest(dict(hospital.promises(pathology))),
            },
        )
        credentials = {name: _private(folder / "credentials" / name, text) for name, text in _named(password, access_key, secret_key)}
        _fill_bucket(endpoint, access_key, secret_key, now, {"patient-record": record, "imaging": imaging, "pathology": pathology})
        sftp = SftpServer(folder / "offsite-sftp", password)
        try:
            addresses = Addresses(
                sftp_port=sftp.port,
                sftp_fingerprint=sftp.fingerprint,
                sftp_password_file=credentials["sftp-password"],
                s3_endpoint=endpoint,
                s3_bucket=BUCKET,
                s3_access_key_file=credentials["s3-access-key"],
                s3_secret_key_file=credentials["s3-secret-key"],
                down_port=closed_port(),
            )
            estate = folder / "estate.toml"
            estate.write_text(estate_text(addresses), encoding="utf-8")
            (folder / "drills.toml").write_text(drills_text(newest), encoding="utf-8")
            yield estate
        finally:
            sftp.stop()


def write_tree(folder: Path, tree: dict[str, hospital.Tree] | hospital.Tree, modified: datetime | None = None) -> None:
    """Write a tree of files below `folder`, with `modified` as the time of their last change where it is given."""
    for name, content in tree.items():
        path = folder / name
        if isinstance(content, dict):
            write_tree(path, content, modified)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if modified is not None:
            os.utime(path, (modified.timestamp(), modified.timestamp()))


def _named(password: str, access_key: str, secret_key: str) -> tuple[tuple[str, str], ...]:
    return ("sftp-password", password), ("s3-access-key", access_key), ("s3-secret-key", secret_key)


def _private(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return str(path.resolve())


def _fill_bucket(endpoint: str, access_key: str, secret_key: str, now: datetime, trees: dict[str, hospital.Tree]) -> None:
    client = s3_client(endpoint, access_key, secret_key)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=BUCKET,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": _LOCK.days}},
        },
    )
    for path, tree in trees.items():
        for name, content in tree.items():
            client.put_object(Bucket=BUCKET, Key=f"{path}/{name}", Body=content, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=now + _LOCK)
