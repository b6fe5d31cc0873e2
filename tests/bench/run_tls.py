#!/usr/bin/python3
"""TLS: records in memory beside OpenSSL's EVP, the relay with TLS on both sides, and between kernels on
veths handshakes and bulk beside HAProxy, nginx and OpenSSL's own server. An argument that is a part's
name runs that part alone.
"""

import json
import subprocess
import sys

import proxy_veth
import tls_veth
from bench_lib import DUT_CPU, OTHER_CPU, program, result, run_parts, scratch

VETH_ROUNDS = 3

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


def records():
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
    return results


def relay():
    out = subprocess.run([program("bench_tls_relay_memory"), "1", str(DUT_CPU), str(OTHER_CPU)],
                         check=True, capture_output=True, text=True, timeout=300).stdout
    told = json.loads(out)
    best = max(told["gbps_1"], told["gbps_100"])
    return [
        result("tls/relay_gbps", best, "Gbit/s", ">=15 Gbit/s", best >= 15,
               connections_1=told["gbps_1"], connections_100=told["gbps_100"]),
        *[result(f"tls/relay_cps_{kind}", told[f"cps_{kind}"], "connections/s")
          for kind in ("ecdsa", "ecdsa_mutual", "rsa", "rsa_mutual")],
        *[each for kind in ("ecdsa", "rsa") for each in storm_results(kind, told)],
        result("tls/idle_bytes", told["idle_bytes"], "bytes", "<=6,144 bytes",
               told["idle_bytes"] <= 6144),
    ]


def storm_results(kind, told):
    """A storm of handshakes, with the worker's own steps and with a helper's."""
    own, helped = (told[f"storm_{kind}_{threads}"] for threads in (0, 1))
    both = min(helped["cps_worker"], helped["cps_helper"])
    turns = {"own": own["turn_us"], "helped": helped["turn_us"]}
    return [
        result(f"tls/storm_cps_{kind}_helped", both, "connections/s",
               ratio=round(both / own["cps_worker"], 2), against="the worker's own steps",
               against_value=own["cps_worker"], worker=helped["cps_worker"],
               helper=helped["cps_helper"]),
        result(f"tls/storm_turn_p99_{kind}_helped", helped["turn_us"]["p99"], "us",
               ratio=round(helped["turn_us"]["p99"] / own["turn_us"]["p99"], 3),
               against="the worker's own steps", against_value=own["turn_us"]["p99"],
               turn_us=turns),
    ]


def veth():
    """Pairs of the same round, so that what else the machine does weighs on both."""
    rounds = []
    with scratch() as directory, tls_veth.TlsWires(directory) as wires:
        for _ in range(VETH_ROUNDS):
            rounds.append({name: tls_veth.measure(wires, name) for name in tls_veth.PROXIES})

    def against(name, what, unit, other, of, budget=None):
        found = proxy_veth.compare(rounds, "heddled", other, what, of)
        more = {} if budget is None else {"budget": f"ratio >={budget}",
                                          "ok": found["ratio"] >= budget}
        return result(name, found["values"]["heddled"][of], unit, ratio=round(found["ratio"], 3),
                      against=f"{other}, both over veth", samples=VETH_ROUNDS,
                      values=found["values"], **more)

    # What a core does, as the clients' core is full first.
    names = [kind + how for kind in tls_veth.HANDSHAKES for how in ("", "_resumed")]
    results = [against("tls/handshakes_vs_haproxy", "ecdsa", "handshakes/s", "HAProxy", "core", 1.5)]
    results += [against(f"tls/handshakes_{name}_vs_{label}", name, "handshakes/s", other, "core")
                for name in names
                for label, other in (("haproxy", "HAProxy"), ("s_server", "s_server"))
                if (name, other) != ("ecdsa", "HAProxy")]
    results += [against("tls/relay_vs_haproxy", "both", "Gbit/s", "HAProxy", "wall", 3),
                against("tls/relay_vs_nginx", "both", "Gbit/s", "nginx", "wall"),
                against("tls/relay_one_leg_vs_haproxy", "one_leg", "Gbit/s", "HAProxy", "wall"),
                against("tls/relay_one_leg_vs_nginx", "one_leg", "Gbit/s", "nginx", "wall")]
    return results


# A part is a function that gives results, and one that says what is missing for it.
PARTS = {"records": (records, lambda: None), "relay": (relay, lambda: None),
         "veth": (veth, tls_veth.missing)}


if __name__ == "__main__":
    sys.exit(run_parts("tls", PARTS))
