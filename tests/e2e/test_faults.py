"""Faults between programs as they are: shares that hold over many, delays, answers and resets as clients see them,
and what log, metrics and show tell of them."""

import math
import subprocess

import pytest

import programs
from lab import poll
from limits_lab import VIP, call, counts, ends, everything, limits_lab, logged, metric, shown
from policy import apply, clear, resource


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with limits_lab(request.param) as lab:
        yield lab


@pytest.fixture(autouse=True)
def cart(net):
    apply(net.heddled, *everything())
    yield
    clear(net.heddled)


def fault(name="bad", **spec):
    return resource("Fault", name, {"target": {"service": "cart"}, **spec})


def test_aborts_by_share(net):
    apply(net.heddled, fault(abort={"http_status": 418, "share": "20%"}))
    got = counts(net, times=1000)
    assert set(got) == {200, 418}, got
    assert abs(got[418] - 200) < 5 * math.sqrt(1000 * 0.2 * 0.8), got
    assert int(shown(net)["bad"]["aborted"]) == got[418]
    assert metric(net, "heddle_fault_requests_total", fault="shop/bad", kind="abort") == got[418]
    poll(lambda: logged(net)["fault_abort"] == got[418] or None, "the log tells each")


def test_an_abort_looks_like_the_endpoints(net):
    apply(net.heddled, fault(abort={"http_status": 503}))
    answer = programs.curl(net.client, "http://shop.test/bytes/1", VIP, "-i").decode().lower()
    assert answer.startswith("http/1.1 503 ") and "heddle" not in answer, answer
    apply(net.heddled, fault(abort={"grpc_status": 10}))
    assert call(net) == ["ABORTED"]


def test_a_delay_is_one(net):
    apply(net.heddled, fault(delay={"duration": "400ms"}))
    for _, end, took in ends(net, "/bytes/1", times=8):
        assert end == 200 and took >= 0.4, (end, took)
    assert int(shown(net)["bad"]["delayed"]) == 8
    poll(lambda: logged(net)["fault_delay"] >= 8 or None, "the log tells it")
    apply(net.heddled, resource("Route", "timed", {"service": "cart", "http": [
        {"timeouts": {"request": "100ms"}, "backends": [{"service": "cart"}]}]}))
    assert counts(net, times=4) == {504: 4}, "it counts for the time-out"
    out = net.heddled.ctl("check", check=False).stdout
    assert "what is delayed there gets a 504" in out, out


def test_exponential_delays_differ(net):
    apply(net.heddled, fault(delay={"duration": "50ms", "exponential": True}))
    took = sorted(each[2] for each in ends(net, "/bytes/1", times=100))
    assert took[90] > 2 * took[20], took


def test_who_leaves_while_delayed(net):
    apply(net.heddled, fault(delay={"duration": "60s"}))
    asking = net.client.start("curl", "-sS", "--http2-prior-knowledge", f"http://{VIP}/bytes/1",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    poll(lambda: int(shown(net)["bad"]["delayed"]) == 1 or None, "it is delayed")
    asking.kill()
    poll(lambda: logged(net)["client_gone"] >= 1 or None, "and gone at once")


def test_resets(net):
    apply(net.heddled, fault(abort={"reset": True, "share": "50%"}))
    got = counts(net, times=200)
    assert set(got) == {200, "reset"} and abs(got["reset"] - 100) < 5 * math.sqrt(50), got
    poll(lambda: logged(net)["fault_reset"] >= got["reset"] or None, "the log tells each")


def test_by_match_and_source(net):
    apply(net.heddled, fault("api", matches=[{"path": {"prefix": "/head"}}], abort={"http_status": 500}),
          fault("other", matches=[{"source": {"workload": "nobody"}}], abort={"http_status": 501}))
    assert counts(net, "/head", times=5) == {500: 5}
    assert counts(net, times=5) == {200: 5}
    out = net.heddled.ctl("explain", "--from", "10.1.0.2", "--request", "GET /head", "tcp", "shop/cart:80").stdout
    assert "Fault shop/api: 100% answered with 500" in out and "shop/other" not in out, out


def test_a_limit_is_asked_first(net):
    apply(net.heddled, fault(abort={"http_status": 500}),
          resource("RateLimit", "calls", {"target": {"service": "cart"}, "requests": 2, "per": "1h"}))
    assert counts(net, times=5) == {500: 2, 429: 3}


def test_what_does_nothing_is_refused_or_told(net):
    done = apply(net.heddled, fault(throughput=1000, abort={"http_status": 500}), check=False)
    assert done.returncode == 1 and "does not act in this version" in done.stdout, done.stdout
    done = apply(net.heddled, fault(), check=False)
    assert done.returncode == 1 and "does nothing" in done.stdout, done.stdout
    apply(net.heddled, fault(abort={"http_status": 500, "share": "0%"}))
    out = net.heddled.ctl("check", check=False).stdout
    assert "no request is aborted" in out, out
    assert counts(net, times=5) == {200: 5}
