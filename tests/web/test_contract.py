"""The service keeps what its own OpenAPI document says, whatever it is sent.

The long version, with many more requests, is `make test-http`: it sets
PAWSIGHT_HTTP_EXAMPLES.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from .conftest import served

NUM_EXAMPLES = int(os.environ.get("PAWSIGHT_HTTP_EXAMPLES", "20"))
KEY = "a very long key"
PATHS = ("/predict", "/heatmap", "/model", "/metrics", "/healthz", "/readyz")
CASES = [
    *((path, GenerationMode.POSITIVE) for path in PATHS),
    # Of the others nothing can be wrong: they take no parameter.
    *((path, GenerationMode.NEGATIVE) for path in PATHS[:2]),
]


@pytest.fixture
def contract(colour_run):
    """The OpenAPI document of a running service, as schemathesis reads it."""
    with served(colour_run.path, api_key=KEY, max_bytes=100_000, max_photos=3) as client:
        found = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        found.config.update(base_url=str(client.base_url))
        yield found


@pytest.mark.slow
@pytest.mark.timeout(1800)  # for `make test-http`
@pytest.mark.parametrize(("path", "mode"), CASES)
def test_every_answer_is_one_that_the_document_names(contract, path, mode):
    (operation,) = contract[path].values()
    seen = set()

    @settings(
        max_examples=NUM_EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=NUM_EXAMPLES <= 20,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        # Random bytes are a photo as far as a schema can tell, and the service refuses them.
        answer = case.call_and_validate(
            headers={"X-API-Key": KEY},
            excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")],
        )
        seen.add(answer.status_code)

    send()
    assert not {status for status in seen if status >= 500}


def test_document_names_every_endpoint_and_its_refusals(contract):
    document = contract.raw_schema
    assert set(document["paths"]) == set(PATHS)
    predict = document["paths"]["/predict"]["post"]
    assert {"200", "401", "413", "415", "422", "503"} <= set(predict["responses"])
    assert {"multipart/form-data", "image/jpeg"} <= set(predict["requestBody"]["content"])
    assert predict["security"]
