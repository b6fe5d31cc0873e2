"""Policy for the tests: resources as short calls, and heddlectl's words on them."""

import json
import os
import pathlib
import subprocess

import lab
import node

POLICY_LOAD = node.BUILD / "tests/load/policy_load"

# Short by default; tools/dev soak makes the same tests long.
SOAK = os.environ.get("HEDDLE_SOAK") == "1"


def resource(kind, name, spec, namespace="shop", **metadata):
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": spec}


def service(name, addresses, ports, **spec):
    return resource("Service", name, {"addresses": addresses, "forwarding": "direct", "ports": [
        {"name": f"{protocol}-{number}", "port": number, "protocol": protocol}
        for protocol, number in ports], **spec})


def endpoints(of, addresses, **more):
    return resource("EndpointSet", of, {"service": of, "endpoints": [
        {"address": address, **more} for address in addresses]})


def write(heddled, name, *resources):
    """A YAML file with the resources as its documents: JSON is YAML too."""
    path = heddled.lab.path(name)
    pathlib.Path(path).write_text("---\n".join(json.dumps(each, indent=1) + "\n"
                                               for each in resources))
    return path


def apply(heddled, *resources, check=True, options=()):
    path = write(heddled, "policy.yaml", *resources)
    return heddled.ctl("apply", "-f", path, *options, check=check)


def clear(heddled):
    """Takes all policy away."""
    present = json.loads(heddled.ctl("get", "-A", "-o", "json").stdout)
    if present:
        heddled.ctl("delete", "-f", write(heddled, "all.yaml", *present))


def status(heddled):
    return json.loads(heddled.ctl("status", "-o", "json").stdout)


def version(heddled):
    return int(status(heddled)["version"])


def service_counts(heddled, name):
    """Packets and refusals of all ports of a service."""
    found = json.loads(heddled.ctl("show", "services", "-o", "json").stdout)["services"]
    return {key: sum(int(each[key]) for each in found if each["name"] == name)
            for key in ("packets", "denied", "no_endpoint")}


def load(heddled, *words, timeout=600):
    """Runs policy_load to its end; what it printed."""
    out = lab.run(POLICY_LOAD, f"unix:{heddled.socket}", *words, timeout=timeout).stdout
    return json.loads(out)


def start_load(heddled, *words):
    return subprocess.Popen([POLICY_LOAD, f"unix:{heddled.socket}", *map(str, words)],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
