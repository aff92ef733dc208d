#!/usr/bin/env python3
"""Whether the service answers as its OpenAPI document says, and kvm-tsc does with these answers what
its help says. Against the demo, whose simulated VMs can be corrected.

    api_schema.py KVM-TSC-EXPORTER KVM-TSC

Asks every path of the document, in the order an engineer would, and checks status and body against
the schemas. Prints a line for each request; ends with status 1 when one does not fit, 77 when
python3-jsonschema is missing.
"""

import http.client
import json
import os
import subprocess
import sys
import time

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

from demo_service import DemoService

VM = "sim-skewed"


class Service:
    def __init__(self, address, token):
        self.address, self.token = address, token
        self.document = None
        self.asked = set()
        self.misfits = 0

    def ask(self, method, template, expected, body=None, token=True, **parameters):
        """The answer, after it was checked against what the document says of `template`."""
        path = template
        for name, value in parameters.items():
            path = path.replace("{" + name + "}", value)
        headers = {"Authorization": f"Bearer {self.token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        if self.document is None:
            self.document = answer
        self._check(method, template, response, answer, expected)
        return answer

    def _check(self, method, template, response, answer, expected):
        self.asked.add((method.lower(), template))
        operation = self.document["paths"][template][method.lower()]
        problem = None
        if response.status != expected:
            problem = f"expected {expected}: {answer}"
        elif str(response.status) not in operation["responses"]:
            problem = "the document does not know this status"
        else:
            content = operation["responses"][str(response.status)]["content"]
            media = response.headers["Content-Type"].split(";")[0]
            if media not in content:
                problem = f"the document does not know {media} here"
            else:
                schema = {"components": self.document["components"], **content[media]["schema"]}
                error = jsonschema.exceptions.best_match(
                    jsonschema.Draft202012Validator(schema).iter_errors(answer))
                problem = error and f"{error.json_path}: {error.message}"
        print(f"{'FAIL' if problem else 'ok  '}  {response.status}  {method} {template}"
              + (f"\n      {problem}" if problem else ""))
        self.misfits += bool(problem)


def run(service):
    service.ask("GET", "/api/v1/openapi.json", 200, token=False)
    service.ask("GET", "/api/v1/host", 200)
    service.ask("GET", "/api/v1/vms", 200, token=False)
    service.ask("GET", "/api/v1/vms/{vm}", 404, vm="none")
    wait_for_skew(service)
    plans = "/api/v1/vms/{vm}/plans"
    corrections = "/api/v1/vms/{vm}/corrections"
    service.ask("POST", plans, 401, {"goal": "align"}, token=False, vm=VM)
    service.ask("POST", plans, 400, {"goal": "align", "vcpu": 1.5}, vm=VM)
    plan = service.ask("POST", plans, 201, {"goal": "align"}, vm=VM)
    for goal in ({"goal": "set", "vcpu": 0, "offset": "5"}, {"goal": "shift", "ticks": "-5"},
                 {"goal": "shift", "nanoseconds": "5"},
                 {"goal": "restore", "bound_ticks": "1",
                  "offsets": [{"vcpu": vcpu["id"], "offset": "1"} for vcpu in plan["vcpus"]]}):
        service.ask("POST", plans, 201, goal, vm=VM)
    service.ask("POST", corrections, 200, {"goal": "align", "dry_run": True}, vm=VM)
    service.ask("POST", corrections, 422, {"goal": "align", "to": "reference"}, vm=VM)
    done = service.ask("POST", corrections, 202, {"plan": plan["id"], "reason": "schema"}, vm=VM)
    done = wait_for_verdict(service, done)
    if done["verdict"] != "corrected":
        print(f"FAIL  the verdict is {done['verdict']}: {done['error']}")
        service.misfits += 1
    service.ask("POST", "/api/v1/corrections/{id}/undo", 422, {}, id=done["id"])
    service.ask("POST", "/api/v1/corrections/{id}/undo", 202, {"allow": ["backwards"]}, id=done["id"])
    service.ask("PUT", "/api/v1/vms/{vm}/vcpus/{id}/tsc-offset", 409,
                {"offset": "5", "expected": "6"}, vm="sim-healthy-1", id="0")
    service.ask("GET", "/api/v1/corrections/{id}", 404, id="c-none")
    service.ask("GET", "/api/v1/corrections", 200)
    service.ask("GET", "/api/v1/audit", 200)
    for path, operations in service.document["paths"].items():
        for method in operations:
            if (method, path) not in service.asked:
                print(f"FAIL  nobody asked {method.upper()} {path}")
                service.misfits += 1


def wait_for_skew(service):
    """A skew counts once two sweeps agree."""
    deadline = time.monotonic() + 15
    while service.ask("GET", "/api/v1/vms/{vm}", 200, vm=VM)["spread_ticks"] is None:
        if time.monotonic() > deadline:
            raise TimeoutError("no skew within 15 s")
        time.sleep(0.5)


def wait_for_verdict(service, correction):
    deadline = time.monotonic() + 20
    while correction["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.3)
        correction = service.ask("GET", "/api/v1/corrections/{id}", 200, id=correction["id"])
    return correction


def run_commands(service, program):
    """kvm-tsc's exit status tells a script what happened."""
    for expected, token, words in (
            (0, True, ["vms"]), (0, True, ["show", VM]), (0, True, ["plan", VM, "--shift-time", "-5ms"]),
            (1, True, ["correct", VM, "--align-to", "reference", "--yes"]),
            (1, True, ["correct", "sim-nested"]),  # nobody is there to be asked
            (2, True, ["plan", VM, "--set", "5", "--shift", "4"]),
            (2, True, ["plan", VM, "--shift-time", "soon"]),
            (2, True, ["plan", VM, "--restore", "/nowhere"]),
            (2, True, ["correct", VM, "--plan", "p-1", "--shift", "4"]),
            (3, True, ["--server", "unix:/nowhere", "vms"]),
            (4, False, ["plan", VM]), (5, True, ["show", "none"]),
            (0, True, ["log"]), (0, True, ["--json", "log"]), (0, True, ["completion", "bash"])):
        environment = {"KVM_TSC_SERVER": f"http://{service.address}", "PATH": os.environ["PATH"],
                       "KVM_TSC_TOKEN": service.token if token else ""}
        done = subprocess.run([program, *words], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=False)
        fits = done.returncode == expected
        print(f"{'ok  ' if fits else 'FAIL'}  status {done.returncode}  kvm-tsc {' '.join(words)}")
        if not fits:
            print(f"      expected {expected}: {done.stdout}{done.stderr}")
            service.misfits += 1


def run_restore(service, program):
    """--restore takes the offsets from a pipe; both shells' completions know it."""
    vm = service.ask("GET", "/api/v1/vms/{vm}", 200, vm=VM)
    goal = {"bound_ticks": "0", "offsets": [{"vcpu": vcpu["id"], "offset": str(int(vcpu["offset"]) + 7)}
                                            for vcpu in vm["vcpus"]]}
    environment = {"KVM_TSC_SERVER": f"http://{service.address}", "KVM_TSC_TOKEN": service.token,
                   "PATH": os.environ["PATH"]}
    done = subprocess.run([program, "--json", "plan", VM, "--restore", "-"], env=environment,
                          input=json.dumps(goal), capture_output=True, text=True, timeout=30, check=False)
    jumps = {vcpu["jump_ticks"] for vcpu in json.loads(done.stdout).get("vcpus", [])}
    check(service, jumps == {"7"}, "kvm-tsc plan --restore -", done.stdout + done.stderr)
    script = ("source <(%s completion bash); COMP_WORDS=(kvm-tsc plan --res); COMP_CWORD=2; _kvm_tsc; "
              'echo "${COMPREPLY[@]}"' % program)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    check(service, done.stdout.strip() == "--restore", "completion in bash", done.stdout + done.stderr)
    done = subprocess.run([program, "completion", "zsh"], capture_output=True, text=True, timeout=30,
                          check=False)
    check(service, "bashcompinit" in done.stdout and "--restore" in done.stdout, "completion for zsh",
          done.stdout)


def check(service, fits, what, detail):
    print(f"{'ok  ' if fits else 'FAIL'}  {what}")
    if not fits:
        print(f"      {detail}")
        service.misfits += 1


if __name__ == "__main__":
    with DemoService(sys.argv[1]) as demo:
        tested = Service(demo.address, demo.token)
        run(tested)
        run_commands(tested, sys.argv[2])
        run_restore(tested, sys.argv[2])
    sys.exit(1 if tested.misfits else 0)
