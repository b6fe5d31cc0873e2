"""The list of drops: what heddled counts is what docs/operations.md explains; and a port whose driver
does not say where packets came from."""

import json

from lab import Lab, poll
from node import ROOT, Node


def table():
    """{drop: what it means} of docs/operations.md."""
    text = (ROOT / "docs/operations.md").read_text()
    lines = text[text.index("| drop | means | answer |"):].split("\n\n")[0].splitlines()[2:]
    rows = [line.strip("|").split("|") for line in lines]
    return {row[0].strip(" `"): row[1].strip() for row in rows}


def test_operations_explains_every_drop_and_rings_lead_back():
    with Lab() as lab:
        port = {"name": "loop", "role": "workload", "device": "ring:"}
        with Node(lab, [port]) as heddled:
            drops = json.loads(heddled.ctl("show", "drops", "--all", "-o", "json").stdout)["drops"]
            # What it sends comes back by the ring, with its own address as source.
            poll(lambda: heddled.drops().get("ethernet_input.own_source"), "a frame came back")
    assert table() == {f"{each['node']}.{each['drop']}": each["help"] for each in drops}
