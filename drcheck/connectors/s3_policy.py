"""The least that an AWS identity must be allowed, so that drcheck can see everything and change nothing."""

from __future__ import annotations

from typing import Any

from drcheck.connectors.s3_options import Folder, S3Options


def least_privilege_policy(options: S3Options) -> dict[str, Any]:
    """
    The IAM policy document to attach to the identity that `options` reads the bucket with.

    It allows listing and reading below the target's prefix and reading the bucket's settings. Objects that are encrypted with a KMS key of one's
    own need `kms:Decrypt` on that key besides, which cannot be known from here.
    """
    bucket = f"arn:{_partition(options.region or '')}:s3:::{options.bucket}"
    listing: dict[str, Any] = {"Sid": "ListBelowThePrefix", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}
    if options.root:
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{_literal(options.root)}*"}}
    reports = [folder for url in (options.inventory, options.checksum_reports) if (folder := options.folder(url)) is not None]
    return {
        "Version": "2012-10-17",
        "Statement": [
            listing,
            {
                "Sid": "ReadObjectsAndTheirLocks",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectAttributes", "s3:GetObjectLegalHold", "s3:GetObjectRetention"],
                "Resource": f"{bucket}/{_literal(options.root)}*",
            },
            {
                "Sid": "ReadTheBucketsSettings",
                "Effect": "Allow",
                "Action": [
                    "s3:GetBucketAcl",
                    "s3:GetBucketLocation",
                    "s3:GetBucketObjectLockConfiguration",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketVersioning",
                    "s3:GetEncryptionConfiguration",
                    "s3:GetLifecycleConfiguration",
                ],
                "Resource": bucket,
            },
            *(statement for number, folder in enumerate(reports, 1) for statement in _reading(folder, number, options)),
        ],
    }


def _reading(folder: Folder, number: int, options: S3Options) -> list[dict[str, Any]]:
    bucket, below = f"arn:{_partition(options.region or '')}:s3:::{folder.bucket}", f"{_literal(folder.prefix)}*"
    condition = {"StringLike": {"s3:prefix": below}}
    return [
        {"Sid": f"ListReports{number}", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket, "Condition": condition},
        {"Sid": f"ReadReports{number}", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/{below}"},
    ]


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _literal(text: str) -> str:
    # In a policy, * ? and $ mean something; each has a spelling that means itself.
    return "".join(f"${{{character}}}" if character in "*?$" else character for character in text)
