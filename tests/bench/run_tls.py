#!/usr/bin/python3
"""TLS records in memory beside OpenSSL's EVP, the relay with TLS on both sides, and what an idle TLS
connection keeps."""

import json
import subprocess

from bench_lib import DUT_CPU, program, report, result

SUITES = {"TLS_AES_128_GCM_SHA256": "", "TLS_AES_256_GCM_SHA384": "_aes256",
          "TLS_CHACHA20_POLY1305_SHA256": "_chacha20"}
SIZES = {64: ("64B", 5), 1024: ("1k", 2.5), 16384: ("16k", 2.5)}


def record_result(suffix, size, figures, direction):
    label, budget = SIZES[size]
    value, evp = figures[direction], figures["evp_" + direction]
    name = f"tls/record_{label}{suffix}" + ("" if direction == "seal" else "_open")
    more = {"ratio": round(evp / value, 2), "against": "EVP"}
    if suffix or direction == "open":
        return result(name, value, "ns", **more)
    return result(name, value, "ns", f"ratio >= {budget}", evp / value >= budget, **more)


def measure_all():
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_tls_records")], check=True,
                         capture_output=True, text=True, timeout=300).stdout
    figures = json.loads(out)
    results = [record_result(suffix, size, figures[f"{suite}/{size}"], direction)
               for suite, suffix in SUITES.items() for size in SIZES
               for direction in ("seal", "open")]
    results.append(result("tls/key_expansion", figures["expand_ns"], "ns"))
    # The records' part of a proxied connection, both legs, with no key and with all four expanded.
    session = 2 * figures["session_bytes"]
    busy = session + 4 * figures["key_bytes"]
    results.append(result("tls/idle_pair_state_bytes", session, "bytes"))
    results.append(result("tls/busy_pair_state_bytes", busy, "bytes"))
    return results + relay_results()


def relay_results():
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_tls_relay_memory")],
                         check=True, capture_output=True, text=True, timeout=300).stdout
    told = json.loads(out)
    best = max(told["gbps_1"], told["gbps_100"])
    return [
        result("tls/relay_gbps", best, "Gbit/s", ">=15 Gbit/s", best >= 15,
               connections_1=told["gbps_1"], connections_100=told["gbps_100"]),
        *[result(f"tls/relay_cps_{kind}", told[f"cps_{kind}"], "connections/s")
          for kind in ("ecdsa", "ecdsa_mutual", "rsa", "rsa_mutual")],
        result("tls/idle_bytes", told["idle_bytes"], "bytes", "<=6,144 bytes",
               told["idle_bytes"] <= 6144),
    ]


if __name__ == "__main__":
    report("tls", measure_all())
