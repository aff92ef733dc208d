#!/usr/bin/env python3
"""Whether the OpenAPI document that the service serves is one, by a validator that is not ours.

    openapi.py KVM-TSC-EXPORTER THIRD-PARTY-DIR

Also shows broken ones to the validator, which has to refuse them. Status 77 when node or the
validator (scripts/fetch-openapi-validator.sh) is missing.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile

from demo_service import DemoService

PATH = "/api/v1/openapi.json"
VALIDATOR = "openapi/node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js"


def complaint(validator, document):
    """What the validator has against a document; None where that is nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        done = subprocess.run(["node", validator, file.name], capture_output=True, text=True,
                              timeout=60, check=False)
    said = done.stdout + done.stderr
    if not said.startswith("{"):
        raise RuntimeError(f"the validator does not work: {said}")
    verdict = json.loads(said)
    if verdict["valid"] != (done.returncode == 0):
        raise RuntimeError(f"the validator says one thing and ends with another: {said}")
    return None if verdict["valid"] else json.dumps(verdict["errors"], indent=1)


def broken(document):
    """(how, document): each is wrong in one place."""
    for how, spoil in (
            ("without info", lambda one, operation: one.pop("info")),
            ("of an unknown version", lambda one, operation: one.update(openapi="4.0.0")),
            ("with an operation whose answers are a list",
             lambda one, operation: operation.update(responses=[])),
            ("with a parameter that is nowhere",
             lambda one, operation: operation.update(parameters=[{"name": "x"}]))):
        one = copy.deepcopy(document)
        spoil(one, next(iter(next(iter(one["paths"].values())).values())))
        yield how, one


def main(program, third_party_dir):
    validator = os.path.join(third_party_dir, VALIDATOR)
    missing = [name for name, there in (
        ("node", shutil.which("node")), (validator, os.path.exists(validator))) if not there]
    if missing:
        print("skipped: missing " + ", ".join(missing))
        return 77
    with DemoService(program) as demo:
        status, body = demo.get(PATH)
    failures = 0 if status == 200 else 1
    print(f"{status}  GET {PATH}")
    document = json.loads(body)
    against = complaint(validator, document)
    print(f"FAIL  the validator: {against}" if against else
          f"ok    the validator finds nothing wrong; {len(document['paths'])} paths")
    failures += against is not None
    for how, one in broken(document):
        refused = complaint(validator, one) is not None
        print(f"{'ok  ' if refused else 'FAIL'}  {'refuses' if refused else 'takes'} one {how}")
        failures += not refused
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
