"""RateLimits between programs as they are: buckets that are counted to the request over one worker and two, keys
that keep clients apart, and what stays of a bucket when policy changes."""

import re

import pytest

import programs
from lab import poll
from limits_lab import VIP, call, counts, everything, limits_lab, logged, metric, shown
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


def limit(name="calls", requests=20, per="1h", **spec):
    return resource("RateLimit", name, {"target": {"service": "cart"}, "requests": requests, "per": per, **spec})


def test_a_bucket_is_counted_to_the_request(net):
    apply(net.heddled, limit(requests=20, per="1h"))
    assert counts(net, times=100) == {200: 20, 429: 80}
    told = shown(net)["calls"]
    assert (int(told["allowed"]), int(told["limited"])) == (20, 80), told
    for outcome, wanted in (("allowed", 20), ("limited", 80)):
        assert metric(net, "heddle_rate_limit_requests_total", limit="shop/calls", outcome=outcome) == wanted
    before = logged(net)["rate_limited"]
    assert counts(net, times=3) == {429: 3}
    poll(lambda: logged(net)["rate_limited"] == before + 3 or None, "the log tells it")
    out = net.heddled.ctl("show", "limits").stdout
    assert re.search(r"shop/calls +Service shop/cart +20 in 3600s +20 +83 +-", out), out


def test_who_is_refused_is_told_when_to_come_again(net):
    apply(net.heddled, limit(requests=2, per="1m", burst=1))
    assert counts(net) == {200: 1}
    answer = programs.curl(net.client, "http://shop.test/bytes/1", VIP, "-i").decode().lower()
    assert answer.startswith("http/1.1 429 "), answer
    assert 25 <= int(re.search(r"retry-after: (\d+)\r\n", answer)[1]) <= 30, answer
    assert 'ratelimit-policy: "calls";q=2;w=60\r\n' in answer, answer
    assert re.search(r'ratelimit: "calls";r=0;t=\d+\r\n', answer), answer
    assert answer.endswith("rate_limited\n"), answer
    answer = programs.curl(net.client, "http://shop.test/bytes/1", VIP, "-i", "--http2-prior-knowledge").decode()
    assert answer.startswith("HTTP/2 429 "), answer


def test_tokens_come_again(net):
    apply(net.heddled, limit(requests=100, per="1s", burst=5))
    first = counts(net, times=12)
    assert first[200] >= 5
    poll(lambda: counts(net) == {200: 1} or None, "a token has come")


def test_calls_of_grpc_are_exhausted(net):
    apply(net.heddled, limit(requests=3))
    assert call(net, 5) == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"] * 2


def test_keys_keep_clients_apart(net):
    apply(net.heddled, limit(requests=5, keys=[{"header": "X-User"}]))
    for user in ("ann", "bob"):
        assert counts(net, times=12, x_user=user) == {200: 5, 429: 7}, user
    assert counts(net, times=12) == {200: 5, 429: 7}, "without the header"
    told = shown(net)["calls"]
    assert told["keyed"] and int(told["keys"]) == 3 and int(told.get("overflow", 0)) == 0, told
    assert metric(net, "heddle_rate_limit_keys", limit="shop/calls") == 3
    apply(net.heddled, limit(requests=5, keys=[{"source_address": True}]))
    assert counts(net, times=12, x_user="ann") == {200: 5, 429: 7}
    assert counts(net, times=3, x_user="bob") == {429: 3}, "the same address"


def test_what_stays_of_a_bucket(net):
    apply(net.heddled, limit(requests=5))
    assert counts(net, times=8) == {200: 5, 429: 3}
    apply(net.heddled, limit(requests=5, matches=[{"path": {"prefix": "/bytes"}}]))
    assert counts(net, times=3) == {429: 3}, "other requests, the same rate: the bucket is as empty"
    assert counts(net, "/head") == {200: 1}
    apply(net.heddled, limit(requests=6))
    assert counts(net, times=9) == {200: 6, 429: 3}, "another rate: a full bucket"
    assert int(shown(net)["calls"]["allowed"]) == 5 + 6, "counts go on"
    apply(net.heddled, limit("second", requests=1))
    net.heddled.ctl("delete", "RateLimit", "calls", "-n", "shop")
    assert counts(net, times=3) == {200: 1, 429: 2}


def test_routes_and_matches(net):
    apply(net.heddled, resource("Route", "head", {"service": "cart", "http": [
        {"matches": [{"path": {"prefix": "/head"}}], "backends": [{"service": "cart"}]}]}),
        resource("Route", "rest", {"service": "cart", "http": [{"backends": [{"service": "cart"}]}]}),
        limit("by-route", requests=2, routes=["head"]),
        limit("by-match", requests=3, matches=[{"headers": [{"name": "x-bulk", "exact": "yes"}]}]))
    assert counts(net, "/head", times=5) == {200: 2, 429: 3}
    assert counts(net, times=6) == {200: 6}
    assert counts(net, times=6, x_bulk="yes") == {200: 3, 429: 3}
    out = net.heddled.ctl("explain", "--from", "10.1.0.2", "--request", "GET /head", "tcp", "shop/cart:80").stdout
    assert "RateLimit shop/by-route: 2 in 3600s; beyond that 429 rate_limited" in out, out
    assert "by-match" not in out, out
    done = net.heddled.ctl("delete", "Route", "head", "-n", "shop", check=False)
    assert done.returncode == 1 and "this still names it" in done.stdout, done.stdout


def test_who_may_not_come_in_uses_no_token(net):
    apply(net.heddled, limit(requests=3), resource("AccessPolicy", "closed", {
        "target": {"service": "cart"}, "action": "DENY", "rules": [{"to": [{"paths": ["/secret"]}]}]}))
    assert counts(net, "/secret", times=5) == {403: 5}
    assert counts(net, times=5) == {200: 3, 429: 2}


def test_what_contradicts_is_refused_or_told(net):
    done = apply(net.heddled, limit(burst=0), check=False)
    assert done.returncode == 1 and "0 would let nothing through" in done.stdout, done.stdout
    apply(net.heddled, limit("large", requests=100), limit("small", requests=10))
    out = net.heddled.ctl("check", check=False).stdout
    assert "never refuses a request that RateLimit shop/small lets through" in out, out
