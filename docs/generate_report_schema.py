"""Write docs/report.schema.json, the JSON schema of a run's report.json.

`python docs/generate_report_schema.py` writes the file; with `--check` it reports
whether the file is up to date.
"""

import json
import sys
from pathlib import Path

from pawsight.report.report_fields import ReportSummary

SCHEMA = Path(__file__).with_name("report.schema.json")


def schema() -> str:
    """Return the text of the file."""
    found = ReportSummary.model_json_schema(mode="serialization")
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(draft | found, indent=2) + "\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        SCHEMA.write_text(schema(), encoding="utf-8")
    elif SCHEMA.read_text(encoding="utf-8") != schema():
        sys.exit(f"{SCHEMA} is out of date: run `make docs`.")
