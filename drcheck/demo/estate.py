"""The estate of the demo's hospital, as the text of an estate file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Template


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo's servers are, and where their credentials lie."""

    sftp_port: int
    sftp_fingerprint: str
    sftp_password_file: str
    s3_endpoint: str
    s3_bucket: str
    s3_access_key_file: str
    s3_secret_key_file: str
    down_port: int


_TEXT = Template("""\
# The invented hospital of `drcheck demo`: three systems, four targets that answer and one that does not.
schema = "drcheck.estate/1"
# Folders on this machine stand in for the two data centres, so devices are known by declaration only, and every report says so.
rehearsal = true
policies = ["uk-nhse-backup-policy", "uk-caf-b5"]
drills = "drills.toml"

[organisation]
id = "st-elsewhere"
name = "St Elsewhere Hospital (invented)"
country = "GB"

[[sites]]
id = "dc-north"
name = "North data centre"
domains = { building = "north-block", power = "feed-a", cooling = "chiller-plant-1", flood-zone = "hill", network = "campus-core", identity = "hospital-ad", supplier = "in-house" }

[[sites]]
id = "dc-south"
name = "South data centre"
# Another building and another power feed, and the same chillers: seeded on purpose.
domains = { building = "south-block", power = "feed-b", cooling = "chiller-plant-1", flood-zone = "valley", network = "campus-core", identity = "hospital-ad", supplier = "in-house" }

[[sites]]
id = "county-archive"
name = "County archive, 40 miles away"
domains = { building = "archive-house", power = "archive-grid", cooling = "archive-air", flood-zone = "plateau", network = "county-net", identity = "archive-ldap", supplier = "county-council" }

[[sites]]
id = "cloud-london"
name = "Object storage, London region"
domains = { building = "eu-west-2", power = "eu-west-2", cooling = "eu-west-2", flood-zone = "eu-west-2", network = "cloud-backbone", identity = "cloud-backup-account", supplier = "cloud-provider" }

[[sites]]
id = "university"
name = "University computing centre"
domains = { building = "turing-hall", power = "university-grid", cooling = "turing-chillers", flood-zone = "ridge", network = "janet", identity = "university-ldap", supplier = "university" }

[[systems]]
id = "patient-record"
name = "Patient record"
tier = "critical"
owner = "Chief clinical information officer"
production = { site = "dc-north", device = "san-north", medium = "disk" }
rpo = "24h"
rto = "4h"
retention = "90d"
restore_test_interval = "90d"

[[systems]]
id = "imaging"
name = "Imaging (PACS)"
tier = "critical"
owner = "Radiology"
production = { site = "dc-north", device = "pacs-north", medium = "disk" }
rpo = "24h"
rto = "24h"
restore_test_interval = "180d"

[[systems]]
id = "pathology"
name = "Pathology laboratory"
tier = "important"
owner = "Laboratory medicine"
production = { site = "dc-north", device = "san-north", medium = "disk" }
rpo = "24h"
rto = "48h"
retention = "60d"
restore_test_interval = "180d"

[[targets]]
id = "onsite"
name = "Backup appliance"
connector = "local"
site = "dc-north"
device = "backup-appliance-1"
medium = "disk"
options = { root = "onsite" }

[[targets]]
id = "second-dc"
name = "Second data centre"
connector = "local"
site = "dc-south"
device = "nas-south"
medium = "disk"
options = { root = "second-dc" }

[[targets]]
id = "offsite-sftp"
name = "County archive"
connector = "sftp"
site = "county-archive"
device = "archive-raid"
medium = "disk"
options = { host = "127.0.0.1", port = $sftp_port, user = "drcheck", root = "/", password = "file:$sftp_password_file", host_key = "$sftp_fingerprint" }

[[targets]]
id = "cloud"
name = "Locked bucket"
connector = "s3"
site = "cloud-london"
device = "cloud-bucket"
medium = "object-storage"
immutable = true
options = { endpoint = "$s3_endpoint", bucket = "$s3_bucket", region = "eu-west-2", style = "path", access_key = "file:$s3_access_key_file", secret_key = "file:$s3_secret_key_file" }

[[targets]]
id = "university"
name = "University vault"
connector = "sftp"
site = "university"
device = "university-vault"
medium = "disk"
timeout = "5s"
# Nobody listens on this port: seeded on purpose.
options = { host = "127.0.0.1", port = $down_port, user = "drcheck", root = "/", password = "file:$sftp_password_file", host_key = "$sftp_fingerprint" }

[[copies]]
system = "patient-record"
target = "onsite"
path = "patient-record"
format = "dump"
options = { pattern = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz" }
manifest = { name = "*.sha256" }

[[copies]]
system = "patient-record"
target = "second-dc"
path = "patient-record"
format = "dump"
options = { pattern = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz" }
role = "secondary"
manifest = { name = "*.sha256" }

[[copies]]
system = "patient-record"
target = "offsite-sftp"
path = "patient-record"
format = "dump"
options = { pattern = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz" }
role = "off-site"
manifest = { name = "*.sha256" }

[[copies]]
system = "patient-record"
target = "cloud"
path = "patient-record"
format = "dump"
options = { pattern = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz" }
role = "off-site"
manifest = { path = "manifests/patient-record.sha256" }

[[copies]]
system = "patient-record"
target = "university"
path = "patient-record"
format = "dump"
options = { pattern = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz" }
role = "off-site"
manifest = { name = "*.sha256" }

[[copies]]
system = "imaging"
target = "onsite"
path = "imaging"
format = "mirror"
options = { stamp = "LAST_SYNC" }
manifest = { name = "SHA256SUMS" }

[[copies]]
system = "imaging"
target = "offsite-sftp"
path = "imaging"
format = "mirror"
options = { stamp = "LAST_SYNC" }
role = "off-site"
manifest = { name = "SHA256SUMS" }

[[copies]]
system = "imaging"
target = "cloud"
path = "imaging"
format = "mirror"
options = { stamp = "LAST_SYNC" }
role = "off-site"
manifest = { path = "manifests/imaging.sha256" }

[[copies]]
system = "pathology"
target = "onsite"
path = "pathology"
format = "dated"
options = { pattern = "%Y-%m-%dT%H%M%SZ", marker = "COMPLETE" }
manifest = { name = "SHA256SUMS" }

[[copies]]
system = "pathology"
target = "second-dc"
path = "pathology"
format = "dated"
options = { pattern = "%Y-%m-%dT%H%M%SZ", marker = "COMPLETE" }
role = "secondary"
manifest = { name = "SHA256SUMS" }

[[copies]]
system = "pathology"
target = "cloud"
path = "pathology"
format = "dated"
options = { pattern = "%Y-%m-%dT%H%M%SZ", marker = "COMPLETE" }
role = "off-site"
manifest = { path = "manifests/pathology.sha256" }
""")

_DRILLS = Template("""\
# Recorded restore drills. Unsigned: every finding that rests on them says "declared".
[[drills]]
system = "patient-record"
target = "cloud"
recovery_point = "$fresh_point"
started = $fresh_start
ended = $fresh_end
success = true
verified_by = "A. Shah, records team"
data_loss = "6h"
problems = "The restore host had no route to the bucket at first"
lessons = "Route added to the runbook"

[[drills]]
system = "imaging"
target = "offsite-sftp"
recovery_point = "."
started = $fresh_start
ended = $fresh_end
success = true
verified_by = "M. Evans, radiology"

# Too old: seeded on purpose.
[[drills]]
system = "pathology"
target = "onsite"
recovery_point = "$old_point"
started = $old_start
ended = $old_end
success = true
verified_by = "J. Okafor, laboratory"
""")


def estate_text(addresses: Addresses) -> str:
    """The estate file of the demo."""
    return _TEXT.substitute({name: getattr(addresses, name) for name in Addresses.__slots__})


def drills_text(newest: datetime) -> str:
    """The drills file of the demo, for a hospital whose newest backup was made at `newest`."""
    fresh, old = newest - timedelta(days=20), newest - timedelta(days=400)
    return _DRILLS.substitute(
        fresh_point=f"{fresh:ehr-%Y-%m-%dT%H%M%SZ.sql.gz}",
        fresh_start=_toml(fresh + timedelta(hours=6)),
        fresh_end=_toml(fresh + timedelta(hours=9, minutes=10)),
        old_point=f"{old:%Y-%m-%dT%H%M%SZ}",
        old_start=_toml(old + timedelta(hours=6)),
        old_end=_toml(old + timedelta(hours=11)),
    )


def _toml(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
