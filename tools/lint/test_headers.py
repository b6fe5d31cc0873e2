"""Each header compiles alone, with no include root but those of the libraries it may use."""

import concurrent.futures
import os
import shutil
import subprocess

from sources import ROOT, check, cpp, headers, includes, is_under
from test_structure import ALL_LIBRARIES, FOLDERS, folder_of

OUTPUT = ROOT / "build-lint"
FLAGS = ["-std=c++23", "-march=x86-64-v3", "-O0", "-w", "-fPIC", "-isystem", "/usr/include/dpdk",
         "-isystem", "/usr/include/x86_64-linux-gnu/dpdk", "-include", "rte_config.h",
         "-DALLOW_EXPERIMENTAL_API"]
ROOTS = {**{name: f"lib/{name}/include" for name in ALL_LIBRARIES},
         "ca": "control/ca/include",
         "app": "dpdk_app/include", "server": "control/server/include",
         "config": "control/config/include", "resource": "control/resource/include",
         "store": "control/store/include", "yaml": "control/yaml/include"}


def include_roots(path):
    # A library's own folder is no root: its time.h is not the system's.
    roots = [] if "include" in path.parts else [str(path.parent)]
    folder = folder_of(path)
    if folder is None:  # tests know everything
        roots += [*ROOTS.values(), "tests/support", "tests/sim", "tests/unit/jwt", "tests/unit/tls", "dpdk_app", "control/config",
                  "control/server", "control/cli"]
    else:
        roots += [ROOTS[name] for name in FOLDERS[folder] if name in ROOTS]
        roots += [] if is_under(path, "lib") else [folder.removesuffix("/heddled")]
        roots += ["dpdk_app"] if is_under(path, "tools/load") else []
    return [f"-I{root}" for root in roots] + [f"-I{OUTPUT}"]


def generate_protobuf():
    plugin = shutil.which("grpc_cpp_plugin")
    protos = sorted((ROOT / "proto").glob("heddle/v1/*.proto"))
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--cpp_out={OUTPUT}",
                    f"--grpc_out={OUTPUT}", f"--plugin=protoc-gen-grpc={plugin}",
                    *protos], check=True)


def compile_alone(path):
    """An error's first line, or None. ccache knows what has not changed."""
    name = str(path).replace("/", "_")
    source = OUTPUT / f"{name}.cc"
    source.write_text(f'#include "{ROOT / path}"\n')
    ccache = ["ccache"] if shutil.which("ccache") else []
    done = subprocess.run([*ccache, "g++", *FLAGS, *include_roots(path), "-c", source, "-o",
                           OUTPUT / f"{name}.o"], cwd=ROOT, stderr=subprocess.PIPE, text=True,
                          check=False)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return f"{path}: {errors[0] if errors else done.stderr}" if done.returncode else None


def proven_by_the_build():
    """Headers of their own folder that a .cc file includes before all else. Not where a precompiled
    header comes first, and not those of an include root, which others must be able to use."""
    proven = set()
    for path in cpp():
        first = next(iter(includes(path)), None)
        if path.suffix != ".cc" or first is None or not first[1].startswith('"'):
            continue
        header = path.parent / first[1].strip('"')
        if "include" not in header.parts and not is_under(path, "dpdk_app") and \
                not is_under(path, "tests/packet"):
            proven.add(header)
    return proven


def test_each_header_compiles_alone():
    OUTPUT.mkdir(exist_ok=True)
    generate_protobuf()
    proven = proven_by_the_build()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [each for each in pool.map(compile_alone, (h for h in headers() if h not in proven))
                 if each]
    check(wrong, "headers that do not compile alone")
