"""Retries, bounds of services and outliers, before endpoints that fail as they are told: what clients see, what
endpoints get, and what heddlectl tells of it."""

import time

import pytest

from fault_lab import ENDPOINTS, PORT, VIP, Counts, behave, breaker, fault_lab, get, load, outliers, reset, serve
from http_lab import WORKERS, counters, rose
from lab import poll
from policy import apply, resource

RETRY = {"retry": {"attempts": 3, "on": ["gateway-error", "connect-failure", "reset", "refused-stream"]}}


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with fault_lab(request.param) as lab:
        yield lab


@pytest.fixture(autouse=True)
def clean(net):
    yield
    reset(net)


def test_a_503_is_asked_for_again_elsewhere(net):
    serve(net, rule=RETRY)
    behave(net, ENDPOINTS[0], status=503)
    before, counts = counters(net), Counts(net)
    # Of three at once the budget lets each be tried again.
    assert load(net, 400, 3) == {"2xx": 400, "3xx": 0, "4xx": 0, "5xx": 0, "failed": 0}
    bad = counts.of(address=ENDPOINTS[0])
    assert bad > 50 and counts.of() == 400 + bad
    assert rose(net, before)["http_retried"] == bad


@pytest.mark.parametrize("how", ["reset", "hang"])
def test_endpoints_that_do_not_answer(net, how):
    serve(net, rule={**RETRY, "timeouts": {"per_try": "200ms", "request": "5s"}})
    behave(net, ENDPOINTS[0], how=how)
    counts = Counts(net)
    assert load(net, 100, 3)["2xx"] == 100
    assert counts.of(address=ENDPOINTS[0]) > 10


def test_nobody_listens(net):
    serve(net, endpoints=[*ENDPOINTS[:2], "10.2.0.200"], rule={**RETRY, "timeouts": {"connect": "100ms"}})
    assert load(net, 100, 3)["2xx"] == 100


def test_bodies_go_along(net):
    serve(net, rule=RETRY)
    behave(net, *ENDPOINTS[:3], status=503)
    counts = Counts(net)
    status, body, _ = get(net, "/", "--data-binary", "b" * 30_000)
    assert (status, body) == (200, ENDPOINTS[3] + "\n")
    assert counts.of("bytes") == 30_000 * counts.of()
    behave(net, status=503)
    counts = Counts(net)
    assert get(net, "/", "--data-binary", "b" * 100_000)[0] == 503
    assert counts.of() == 1, "more than is kept: one try"


def test_never_more_than_the_budget(net):
    """All endpoints fail, so that each request would be tried three times more."""
    serve(net, rule=RETRY, policy={"limits": {"retry_budget": {"share": "20%", "least": 1}}})
    behave(net, status=503, wait=20)
    counts = Counts(net)
    assert load(net, 600, 20)["5xx"] == 600
    # 20 in work at once, of which a fifth may be tried again, each for as long as it takes.
    assert 600 < counts.of() <= 600 * 1.35
    uses = breaker(net)
    assert uses["retries"]["refused"] > 100 and uses["retries"]["in_use"] == 0


def test_retry_after_is_waited_for(net):
    serve(net, rule={"retry": {"attempts": 1, "on": ["retriable-status-codes"], "status_codes": [429]}})
    behave(net, *ENDPOINTS[1:], status=429, fields={"Retry-After": "1"})
    behave(net, ENDPOINTS[0], status=429, fields={"Retry-After": "1"})
    status, _, seconds = get(net)
    assert status == 429 and 1.0 <= seconds < 3


def test_one_request_too_many_is_refused_at_once(net):
    """Exactly as many as the bound reach endpoints, whatever workers there are."""
    serve(net, policy={"limits": {"requests": 4}})
    behave(net, wait=800)
    counts = Counts(net)
    got = load(net, 12, 12)
    assert (got["2xx"], got["5xx"], counts.of()) == (4, 8, 4)
    assert breaker(net)["requests"] == {"in_use": 0, "most": 4, "refused": 8}


def test_requests_wait_for_a_connection(net):
    serve(net, policy={"limits": {"connections": 2, "pending_requests": 3}})
    behave(net, wait=800)
    counts = Counts(net)
    got = load(net, 8, 8)
    assert (got["2xx"], got["5xx"], counts.of()) == (5, 3, 5)
    assert breaker(net)["pending_requests"]["refused"] == 3
    poll(lambda: breaker(net)["connections"]["in_use"] == 0, "bounded connections are not kept for long")


def test_bounds_of_each_endpoint(net):
    serve(net, endpoints=ENDPOINTS[:2], policy={"limits": {"endpoint_requests": 1}})
    behave(net, wait=800)
    counts = Counts(net)
    got = load(net, 4, 4)
    assert (got["2xx"], got["5xx"]) == (2, 2)
    assert [counts.of(address=each) for each in ENDPOINTS[:2]] == [1, 1]


def test_an_endpoint_that_fails_is_out_and_comes_back(net):
    serve(net, policy={"outlier_detection": {"ejection_time": "3s", "max_ejected": "50%"}}, rule=RETRY)
    behave(net, ENDPOINTS[0], status=503)
    poll(lambda: load(net, 40, 4) and outliers(net)[ENDPOINTS[0]] == "out", "it is out")
    assert [state for address, state in outliers(net).items() if address != ENDPOINTS[0]] == ["in"] * 3
    counts = Counts(net)
    assert load(net, 100, 3)["2xx"] == 100
    assert counts.of(address=ENDPOINTS[0]) == 0
    text = net.heddled.ctl("show", "outliers").stdout
    assert f"{ENDPOINTS[0]}" in text and "out for" in text and "5xx" in text
    poll(lambda: outliers(net)[ENDPOINTS[0]] == "probing", "its time is over", timeout=10)
    counts = Counts(net)
    load(net, 100, 4)
    assert counts.of(address=ENDPOINTS[0]) == 1, "one request decides"
    poll(lambda: outliers(net)[ENDPOINTS[0]] == "out", "it is out again")
    behave(net, ENDPOINTS[0], status=200)

    def is_back():
        load(net, 20, 2)
        return outliers(net)[ENDPOINTS[0]] == "in"
    poll(is_back, "it is good again", timeout=20)
    counts = Counts(net)
    assert load(net, 100, 3)["2xx"] == 100
    assert counts.of(address=ENDPOINTS[0]) > 5


def test_at_most_a_share_is_out(net):
    serve(net, policy={"outlier_detection": {"max_ejected": "50%"}})
    behave(net, *ENDPOINTS[:3], status=503)
    poll(lambda: load(net, 40, 4) and list(outliers(net).values()).count("out") == 2, "two are out")
    time.sleep(0.3)
    load(net, 100, 4)
    assert sorted(outliers(net).values()) == ["in", "in", "out", "out"]


def test_an_endpoint_of_tcp_that_refuses_is_out(net):
    serve(net, endpoints=[ENDPOINTS[0], "10.2.0.210"], protocol="tcp", policy={
        "limits": {"connect_timeout": "100ms"}, "outlier_detection": {"consecutive_local_errors": 3}})

    def is_out():
        for _ in range(10):
            net.client.run("curl", "-s", "--max-time", 2, f"http://{VIP}/", check=False)
        return outliers(net).get("10.2.0.210") == "out"
    poll(is_out, "it is out", timeout=20)
    for _ in range(20):
        assert get(net)[0] == 200


def test_what_contradicts_itself_is_refused(net):
    serve(net)

    def refused(**spec):
        done = apply(net.heddled, resource("TrafficPolicy", "web", {"service": "web", **spec}), check=False)
        assert done.returncode != 0
        return done.stdout
    assert "retry_budget" in refused(limits={"retries": 3, "retry_budget": {"share": "10%"}})
    assert "lets nothing be tried again" in refused(limits={"retry_budget": {"share": "0%", "least": 0}})
    assert "all endpoints could be out" in refused(outlier_detection={"max_ejected": "100%"})
    assert "whole percents" in refused(outlier_detection={"max_ejected": "1.5%"})
    assert "expected" in refused(retry={"attempts": 11, "on": ["5xx"]})
