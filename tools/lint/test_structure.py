"""Who may include whom, and what may not be used where."""

import pathlib
import re

from sources import ROOT, check, code, cpp, files, find, includes, is_under

# Include roots and the folders of the libraries whose headers they may use, besides their own.
LIBRARIES = {
    "lib/core": [],
    "lib/packet": ["core"],
    "lib/wire": ["core"],
    "lib/l3": ["core", "packet", "wire"],
    "lib/balance": ["core", "wire"],
    "lib/policy": ["balance", "core", "dns", "http", "jwt", "resilience", "tls", "wire"],
    "lib/flow": ["core", "wire"],
    "lib/tcp": ["core", "wire"],
    "lib/tls": ["core", "tcp"],
    "lib/mesh": ["core", "http", "jwt", "policy", "resilience", "tcp", "telemetry", "tls", "wire"],
    "lib/telemetry": ["core", "wire"],
    "lib/dns": ["core", "wire"],
    "lib/http": ["core", "tcp", "wire"],
    "lib/jwt": ["core"],
    "lib/resilience": ["core"],
}
ALL_LIBRARIES = ["balance", "core", "dns", "flow", "http", "jwt", "l3", "mesh", "packet", "policy",
                 "resilience", "tcp", "telemetry", "tls", "wire"]
APP = ["app", "flows", "graph", "node", "nodes", "ports", "tcp_io", "worker"]
FOLDERS = {
    **{folder: [folder.removeprefix("lib/"), *more] for folder, more in LIBRARIES.items()},
    "dpdk_app": [*ALL_LIBRARIES, *APP, "server"],
    "dpdk_app/heddled": [*ALL_LIBRARIES, *APP, "server", "config"],
    "control/yaml": ["core", "yaml"],
    "control/resource": ["core", "heddle", "resource", "yaml"],
    "control/store": ["core", "store"],
    "control/config": ["app", "config", "core", "dns", "wire", "yaml"],
    "control/server": ["balance", "core", "dns", "flow", "heddle", "http", "jwt", "policy", "resilience", "resource", "server", "store",
                       "telemetry", "tls", "wire", "yaml"],
    "control/ca": ["ca", "core", "tls", "yaml"],
    "control/cli": ["ca", "core", "flow", "heddle", "resource", "server", "tls", "yaml"],
    "tools/load": [*ALL_LIBRARIES, *APP, "config"],
}


def folder_of(path):
    """The innermost of FOLDERS that holds the file."""
    fitting = [folder for folder in FOLDERS if is_under(path, folder)]
    return max(fitting, key=len, default=None)


def test_include_direction():
    wrong = []
    for path in cpp("lib", "dpdk_app", "control", "tools/load"):
        folder = folder_of(path)
        if folder is None:
            wrong.append(f"{path}: its folder is not listed in {pathlib.Path(__file__).name}")
            continue
        for line, header in includes(path):
            root = header.strip('"').split("/")[0]
            if header.startswith('"') and "/" in header and root not in FOLDERS[folder]:
                wrong.append(f"{path}:{line}: {header}")
    check(wrong, "headers that their folder may not include")


def test_dpdk_only_below_the_wrapper():
    allowed = ("lib/packet", "lib/core/rcu.cc", "dpdk_app", "tests")
    wrong = [f"{path}:{line}: {header}" for path in cpp()
             if not any(is_under(path, place) for place in allowed)
             for line, header in includes(path) if header.startswith("<rte_")]
    check(wrong, "only lib/packet, lib/core/rcu.cc and dpdk_app know DPDK")


def test_protobuf_only_in_control():
    pattern = re.compile(r"<google/|<grpc|\.pb\.h")
    allowed = ("control", "tests/load", "tests/unit/control", "tests/unit/engine",
               "tests/unit/resource", "tests/fuzz/policy_proto.cc", "tests/fuzz/policy_yaml.cc")
    wrong = [f"{path}:{line}: {header}" for path in cpp()
             if not any(is_under(path, place) for place in allowed)
             for line, header in includes(path) if pattern.search(header)]
    check(wrong, "protobuf and gRPC stay in control/")


def test_no_exceptions_below_control():
    paths = [path for path in cpp("lib", "dpdk_app") if not is_under(path, "dpdk_app/heddled")]
    check(find(paths, r"\b(throw|catch|try)\b(?!\s*=)", code), "lib and dpdk_app know no exceptions")


def test_no_clock_in_lib():
    pattern = r"\b(clock_gettime|gettimeofday|rte_rdtsc\w*|rte_get_\w*cycles|__rdtsc\w*)\b|::now\("
    check(find(cpp("lib"), pattern, code), "time is an argument in lib")


def test_nothing_shared_below_the_loop():
    paths = [path for path in cpp("dpdk_app/nodes", "lib/wire", "lib/packet")]
    pattern = r"\bstd::(shared_ptr|function|map|unordered_map|list)\b"
    check(find(paths, pattern, code), "containers and owners that allocate, below the worker's loop")


def test_every_library_has_a_readme():
    folders = {path.parents[-3] for path in cpp("lib")}
    known = set(files())
    check([str(folder) for folder in sorted(folders) if folder / "README.md" not in known],
          "folders of lib without README.md")


def test_every_node_is_in_life_of_a_packet():
    document = ROOT / "docs/life-of-a-packet.md"
    if not document.exists():
        return
    text = document.read_text()
    names = [match for path in cpp("dpdk_app/nodes") if path.suffix == ".cc"
             for match in re.findall(r'^const NodeSpec \w+\{"(\w+)"', path_text(path), re.M)]
    assert len(names) > 10, "the pattern that finds nodes finds too few"
    check([name for name in names if not re.search(rf"\b{name}\b", text)],
          "nodes that docs/life-of-a-packet.md does not name")


def path_text(path):
    return (ROOT / path).read_text()
