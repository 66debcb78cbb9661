"""Addresses are public without what signs them, and the same whenever they were signed."""

import pytest

from pawsight.addresses import public_address


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date={}Z&X-Amz-Expires=60&X-Amz-Signature={}",
        "X-Goog-Date={}Z&X-Goog-Signature={}",
        "st={}&se=2026-01-02&skt={}&sig={}",
    ],
)
def test_a_newly_signed_link_has_the_same_public_address(query):
    first, second = (
        public_address("https://example.org/pets.zip?" + query.replace("{}", value))
        for value in ("20260101T000000", "20260102T111111")
    )
    assert first == second


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("s3://bucket/runs/a #1 %20'q", "s3://bucket/runs/a #1 %20'q"),
        ("sftp://me:word@host/q#2/a.jpg", "sftp://me@host/q#2/a.jpg"),
        ("S3://bucket/a#", "s3://bucket/a#"),
        ("HTTPS://example.org/a.zip#part", "https://example.org/a.zip"),
        ("https://me:word@example.org/a.zip#part", "https://***@example.org/a.zip"),
        ("sftp://me:12#34@host/q", "sftp://***"),
        ("s3://key:se#cret@bucket/q", "s3://***"),
    ],
)
def test_a_number_sign_is_of_a_name_in_a_store_and_hides_no_password(address, public):
    assert public_address(address) == public
