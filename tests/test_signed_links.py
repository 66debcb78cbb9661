"""A link that was signed again is the same address."""

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
