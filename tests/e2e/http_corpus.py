"""Byte sequences of HTTP/1.1 that parsers disagree about, and what each is to become: a refusal with a status,
or exactly these requests. /hidden never is a request."""

import dataclasses
import re

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
SECOND = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclasses.dataclass
class Wanted:
    """A request as an endpoint is to get it."""
    method: str
    target: str
    body: bytes = b""
    fields: dict = dataclasses.field(default_factory=dict)  # lower-case name: value, or None: not there
    trailers: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Entry:
    name: str
    data: bytes
    requests: list = dataclasses.field(default_factory=list)
    refused: int | None = None  # with which status, behind the answers to `requests`
    cut: bool = False  # its head is right and has gone on when the body turns out not to be
    behind: dict = dataclasses.field(default_factory=dict)  # nginx, haproxy: the status of what they refuse


def head(line, *fields, host=b"a"):
    lines = [line, *([b"Host: " + host] if host is not None else []), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def get(*fields, target=b"/e", **more):
    return head(b"GET " + target + b" HTTP/1.1", *fields, **more)


def post(*fields, body=b"", target=b"/e", **more):
    return head(b"POST " + target + b" HTTP/1.1", *fields, **more) + body


GET = Wanted("GET", "/e")
SECOND_TOO = Wanted("GET", "/second")
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 6"
LAST = b"0\r\n\r\n"


def refused(name, data, status=400, before=()):
    return Entry(name, data, list(before), status)


def passed(name, data, *requests, **behind):
    return Entry(name, data, list(requests or [GET]), behind=behind)


def cut(name, data, status=400):
    return Entry(name, data, [], status, cut=True)


def body_of(body, **more):
    return Wanted("POST", "/e", body, **more)


def codings():
    """Both framing fields, and spellings of chunked that some take for it and some do not."""
    both = [("cl.te", (LENGTH, CHUNKED)), ("te.cl", (CHUNKED, LENGTH)),
            ("cl0.te", (b"Content-Length: 0", CHUNKED)),
            ("cl.te in other cases", (b"content-LENGTH: 6", b"tRANSFER-encoding: CHUNKED")),
            ("cl.te far apart", (LENGTH, b"X: 1", b"Y: 2", CHUNKED)),
            ("cl.te.cl", (LENGTH, CHUNKED, LENGTH)),
            ("cl with te: identity", (LENGTH, b"Transfer-Encoding: identity"))]
    for name, fields in both:
        yield refused(name, post(*fields, body=LAST + b"G" + HIDDEN))
        yield refused(f"{name}, hidden in a chunk",
                      post(*fields, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)))
    lines = {
        b"Transfer-Encoding : chunked": 400, b"Transfer-Encoding\t: chunked": 400,
        b" Transfer-Encoding: chunked": 400, b"\tTransfer-Encoding: chunked": 400,
        b"X: x\r\n Transfer-Encoding: chunked": 400, b"X: x\nTransfer-Encoding: chunked": 400,
        b"X: x\rTransfer-Encoding: chunked": 400, b"Transfer-Encoding:\x0bchunked": 400,
        b"Transfer-Encoding:\x0cchunked": 400, b"Transfer-Encoding: \x00chunked": 400,
        b"Transfer-Encoding: chunked\x00": 400, b"Transfer-Encoding: chunked\x0b": 400,
        b"Transfer-Encoding: x": 400, b"Transfer-Encoding: xchunked": 400,
        b"Transfer-Encoding: chunke": 400, b"Transfer-Encoding: chunkedd": 400,
        b"Transfer-Encoding: chunked, identity": 400, b"Transfer-Encoding: identity, chunked": 501,
        b"Transfer-Encoding: identity": 400, b"Transfer-Encoding: chunked, chunked": 400,
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked": 400,
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x": 400,
        b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked": 400,
        b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity": 400,
        b'Transfer-Encoding: "chunked"': 400, b"Transfer-Encoding: 'chunked'": 400,
        b"Transfer-Encoding: chunked;q=1": 400, b"Transfer-Encoding: ,chunked": 400,
        b"Transfer-Encoding: chunked,": 400, b"Transfer-Encoding: , , chunked": 400,
        b"Transfer-Encoding:": 400, b"Transfer-Encoding: ,": 400,
        b"Transfer-Encoding: gzip, chunked": 501, b"Transfer-Encoding: deflate, chunked": 501,
        b"Transfer-Encoding: gzip": 400, b"Transfer-Encoding: chunked, gzip": 400,
        b"Transfer-Encoding:\r\n chunked": 400, b"Transfer-Encoding:\n chunked": 400,
        b"Transfer Encoding: chunked": 400, b"Transfer-Encoding\x00: chunked": 400,
        b"Transfer-Encoding\xa0: chunked": 400, b"\x00Transfer-Encoding: chunked": 400,
        b"Transfer-Encoding: \xa0chunked": 400, b"Transfer-Encoding: chunked\xa0": 400,
        b"Transfer-Encoding: chunked\r": 400, b"Transfer-Encoding;: chunked": 400,
        b"Transfer-Encoding: ch\xc5\xbfunked": 400, b"Transfer-Encoding : chunked\r\nX: y": 400,
    }
    for line, status in lines.items():
        yield refused(f"te: {line!r}", post(line, body=LAST + HIDDEN), status)
        yield refused(f"cl and te: {line!r}", post(b"Content-Length: 5", line, body=LAST + HIDDEN), status
                      if line not in (b"Transfer-Encoding: identity, chunked",
                                      b"Transfer-Encoding: gzip, chunked",
                                      b"Transfer-Encoding: deflate, chunked") else 501)
    for line in (b"Transfer-Encoding:chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked \t",
                 b"transfer-encoding: ChUnKeD"):
        yield passed(f"te: {line!r}", post(line, body=b"3\r\nabc\r\n" + LAST), body_of(b"abc"))
    yield passed("te is named by connection", post(CHUNKED, b"Connection: transfer-encoding",
                                                   body=b"3\r\nabc\r\n" + LAST), body_of(b"abc"))
    yield passed("underscores are another field", post(b"Transfer_Encoding: chunked", b"Content-Length: 5",
                                                       body=LAST), body_of(LAST))
    yield passed("underscored length is none", get(b"Content_Length: 40") + SECOND, GET, SECOND_TOO)
    yield refused("1.0 with te", head(b"POST /e HTTP/1.0", CHUNKED) + LAST + HIDDEN)
    yield refused("1.0 with te and cl", head(b"POST /e HTTP/1.0", CHUNKED, LENGTH) + LAST + HIDDEN)
    yield refused("1.0 kept alive with te",
                  head(b"POST /e HTTP/1.0", CHUNKED, b"Connection: keep-alive") + LAST + HIDDEN)


def lengths():
    for value in (b"+6", b"-6", b"6 6", b"6,6", b"6, 6", b"6, 7", b"0x6", b"6e0", b"6.0", b'"6"', b"6;", b"",
                  b"\xd9\xa6", b"6\x0b", b"6\x00", b"\x0b6", b"99999999999999999999", b"18446744073709551622",
                  b"9223372036854775808", b"1152921504606846977", b"00000000000000000006", b"6\xa0", b"6 \r",
                  b"a", b"6a", b"4294967302x", b"1_0", b"-0", b"6\n", b"\n6", b"0, 6"):
        yield refused(f"length {value!r}", post(b"Content-Length: " + value, body=b"abcdef" + HIDDEN))
    for line in (b"Content-Length : 6", b"Content-Length\t: 6", b"Content Length: 6", b" Content-Length: 6",
                 b"\x0bContent-Length: 6", b"Content-Length\x0b: 6", b"Content-Length:\r\n 6",
                 b"X: x\r\n\tContent-Length: 6", b"Content-Length\r: 6", b"Content-Length=6", b"Content-Length",
                 b"Content-Length\x80: 6", b": 6", b"Content-Length: 6\r\nContent-Length: 6",
                 b"Content-Length: 6\r\nContent-Length: 7", b"Content-Length: 0\r\ncontent-length: 6",
                 b"Content-Length: 6\r\nX: y\r\nCONTENT-LENGTH: 0"):
        yield refused(f"line {line!r}", post(line, body=b"abcdef" + HIDDEN))
    for value in (b"6", b" 6", b"\t6 \t ", b"006"):
        yield passed(f"length {value!r}", post(b"Content-Length:" + value, body=b"abcdef"),
                     body_of(b"abcdef", fields={"content-length": "6"}))
    yield passed("length 0 and a second", post(b"Content-Length: 0") + SECOND, body_of(b""), SECOND_TOO)
    yield passed("no length and a second", post() + SECOND, body_of(b"", fields={"content-length": "0"}),
                 SECOND_TOO)
    inside = post(b"Content-Length: %d" % len(HIDDEN), body=HIDDEN)
    yield passed("hidden in a body", inside, body_of(HIDDEN))
    yield passed("hidden in a body, and a second", inside + SECOND, body_of(HIDDEN), SECOND_TOO)
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"PATCH"):
        data = head(method + b" /e HTTP/1.1", b"Content-Length: %d" % len(HIDDEN)) + HIDDEN
        yield passed(f"{method.decode()} with a body", data + SECOND,
                     Wanted(method.decode(), "/e", HIDDEN), SECOND_TOO)
    yield refused("TRACE with a body", head(b"TRACE /e HTTP/1.1", b"Content-Length: 1") + b"x")
    yield refused("TRACE with chunks", head(b"TRACE /e HTTP/1.1", CHUNKED) + LAST)
    yield passed("TRACE", head(b"TRACE /e HTTP/1.1"), Wanted("TRACE", "/e"), nginx=405)
    yield cut("too few bytes of a body", post(b"Content-Length: 100", body=HIDDEN), None)
    yield refused("more bytes than the length says", post(b"Content-Length: 3", body=b"abcX /x\r\n\r\n"),
                  before=[body_of(b"abc")])
    yield refused("a chunked end behind a length", post(b"Content-Length: 3", body=b"abc" + LAST),
                  before=[body_of(b"abc")])


def chunks():
    for size in (b"3 ", b" 3", b"\t3", b"+3", b"-3", b"0x3", b"3g", b"", b"3;", b"3;=x", b"3; =x", b"3;a=",
                 b"3;a=\x00", b"3;a\nb", b'3;a="x', b"3;a=\"\x7f\"", b"3;\r", b"3\r", b"3 ;a\x0b", b"3,3",
                 b"3.0",
                 b"3;a b", b"3;a=b c", b"3;a=b=c", b"00000000000000003", b"ffffffffffffffff",
                 b"10000000000000003", b"1000000000000001", b"fffffffffffffffd", b"3;" + b"a" * 5000, b"3\x00",
                 b"\x003", b"3\xa0", b"3_", b'3;"a"', b"3;a;;b", b"'3'", b"3h", b"0003x"):
        yield cut(f"chunk size {size[:24]!r}", post(CHUNKED, body=size + b"\r\nabc\r\n" + LAST + HIDDEN))
    rests = {
        "size line by LF": b"3\nabc\r\n" + LAST, "data by LF": b"3\r\nabc\n" + LAST,
        "data by CR": b"3\r\nabc\r" + LAST, "no end of data": b"3\r\nabc" + LAST,
        "data too long": b"3\r\nabcd\r\n" + LAST, "data too short": b"5\r\nabc\r\n" + LAST,
        "last size by LF": b"3\r\nabc\r\n0\n\r\n", "end by LF": b"3\r\nabc\r\n0\r\n\n",
        "extension by LF": b"3;x\nabc\r\n" + LAST, "last extension by LF": b"3\r\nabc\r\n0;x\n\r\n",
        "LF and CR": b"3\n\rabc\n\r0\n\r\n\r", "last size signed": b"3\r\nabc\r\n-0\r\n\r\n",
        "last size with a blank": b"3\r\nabc\r\n0 \r\n\r\n",
        "trailer: length": b"0\r\nContent-Length: 40\r\n\r\n",
        "trailer: coding": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "trailer: host": b"0\r\nHost: b\r\n\r\n", "trailer: connection": b"0\r\nConnection: close\r\n\r\n",
        "trailer: credentials": b"0\r\nAuthorization: x\r\n\r\n",
        "trailer: cookie": b"0\r\nCookie: a=b\r\n\r\n",
        "trailer: te": b"0\r\nTE: trailers\r\n\r\n",
        "trailer: x-forwarded-for": b"0\r\nX-Forwarded-For: 1\r\n\r\n",
        "trailer: trailer": b"0\r\nTrailer: x\r\n\r\n", "trailer folded": b"0\r\nX: a\r\n b\r\n\r\n",
        "trailer by LF": b"0\r\nX: a\n\r\n", "trailer without colon": b"0\r\nabc\r\n\r\n",
        "trailer with a blank": b"0\r\nX : a\r\n\r\n", "trailer with NUL": b"0\r\nX: \x00\r\n\r\n",
        "trailer is a request": b"0\r\nGET /hidden HTTP/1.1\r\n\r\n",
        "trailer: upgrade": b"0\r\nUpgrade: h2c\r\n\r\n",
    }
    for name, body in rests.items():
        yield cut(name, post(CHUNKED, body=body + HIDDEN))
    yield cut("trailers too large", post(CHUNKED, body=b"0\r\nX: " + b"a" * 5000 + b"\r\n\r\n"), 431)
    yield cut("too many trailers", post(CHUNKED, body=b"0\r\n" + b"X: a\r\n" * 33 + b"\r\n"), 431)
    yield cut("chunks without an end", post(CHUNKED, body=b"3\r\nabc\r\n"), None)
    yield cut("a length without its chunk", post(CHUNKED, body=b"40\r\n" + HIDDEN), None)
    for size in (b"3", b"03", b"0000000000000003", b"3;a", b"3;a=b", b'3;a="q;\\"r"', b"3 ;a", b"3\t; a = b",
                 b"3;a;b=c", b"3;a=\"\x80\""):
        yield passed(f"chunk size {size!r}", post(CHUNKED, body=size + b"\r\nabc\r\n" + LAST + SECOND),
                     body_of(b"abc"), SECOND_TOO)
    yield passed("chunk size in hexadecimal", post(CHUNKED, body=b"A\r\n0123456789\r\n000\r\n\r\n"),
                 body_of(b"0123456789"))
    yield passed("hidden in chunks", post(CHUNKED, body=b"%X\r\n%s\r\n" % (len(HIDDEN), HIDDEN) + LAST),
                 body_of(HIDDEN))
    yield passed("the end in a chunk", post(CHUNKED, body=b"5\r\n" + LAST + b"\r\n" + LAST + SECOND),
                 body_of(LAST), SECOND_TOO)
    yield passed("many small chunks", post(CHUNKED, body=b"1\r\na\r\n" * 3000 + LAST), body_of(b"a" * 3000))
    yield passed("trailers", post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-T: 1\r\nX-U:\r\n\r\n" + SECOND),
                 body_of(b"abc", trailers=[(b"x-t", b"1"), (b"x-u", b"")]), SECOND_TOO)


def lines():
    whole = {
        "LF everywhere": b"GET /e HTTP/1.1\nHost: a\n\n",
        "LF behind the line": b"GET /e HTTP/1.1\nHost: a\r\n\r\n",
        "LF behind a field": b"GET /e HTTP/1.1\r\nHost: a\n\r\n",
        "LF at the end": b"GET /e HTTP/1.1\r\nHost: a\r\n\n",
        "CR everywhere": b"GET /e HTTP/1.1\rHost: a\r\r",
        "CR CR LF": b"GET /e HTTP/1.1\r\r\nHost: a\r\r\n\r\r\n",
        "CR in a value": get(b"X: a\rb"), "CR before a field": get(b"\rX: a"),
        "NUL in a value": get(b"X: a\x00b"),
        "CR at the end": b"GET /e HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n",
        "NUL in a name": get(b"X\x00: a"), "NUL before all": b"\x00" + get(),
        "NUL in a target": get(target=b"/e\x00"),
        "two empty lines before": b"\r\n\r\n" + get(), "LF before": b"\n" + get(), "blank before": b" " + get(),
        "tab before": b"\t" + get(), "folded by a blank": get(b"X: a", b" b"),
        "folded by a tab": get(b"X: a", b"\tb"),
        "folded and empty": get(b"X: a", b" ", b"Y: b"),
        "hidden first field": b"GET /e HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
        "blank before a colon": get(b"X : a"), "tab before a colon": get(b"X\t: a"), "empty name": get(b": a"),
        "no colon": get(b"abc"), "only a blank": get(b" "), "name with a blank": get(b"X Y: a"),
        "value with 0x01": get(b"X: \x01"), "value with DEL": get(b"X: \x7f"),
        "value with ESC": get(b"X: \x1b[0m"),
        "value with VT": get(b"X: a\x0bb"), "value with BS": get(b"X: a\x08"),
        "request in a field": get(b"X: a\r\rGET /hidden HTTP/1.1"),
    }
    for char in b'()/;<=>?@[\\]{}",\xe9\xff\x7f\x01':
        whole[f"name with {bytes([char])!r}"] = get(b"X" + bytes([char]) + b": a")
    for name, data in whole.items():
        yield refused(name, data + HIDDEN)
    yield passed("one empty line before", b"\r\n" + get())
    yield passed("an empty line between", get() + b"\r\n" + SECOND, GET, SECOND_TOO)
    for line, value in ((b"X:", ""), (b"X: \t ", ""), (b"X:a:b", "a:b"), (b"X:  a  b\t", "a  b"),
                        (b"X: \x80\xff\xc3\xa9", "\x80\xff\xc3\xa9"),
                        (b"X: " + b"a" * 8000, "a" * 8000), (b"X: a,b;c=\"d\"", "a,b;c=\"d\"")):
        yield passed(f"field {line[:20]!r}", get(line), Wanted("GET", "/e", fields={"x": value}))
    yield passed("name with every mark", get(b"!#$%&'*+-.^_`|~: a"))
    yield passed("name with underscores", get(b"x_y: a"), Wanted("GET", "/e", fields={"x_y": "a"}))


def request_lines():
    for line in (b"GET  /e HTTP/1.1", b"GET /e  HTTP/1.1", b"GET\t/e HTTP/1.1", b"GET /e\tHTTP/1.1",
                 b"GET /e HTTP/1.1 ",
                 b"GET /e", b"GET /e HTTP/1.10", b"GET /e HTTP/01.1", b"GET /e http/1.1", b"GET /e HTTP/1",
                 b"GET /e HTTP/1.1x",
                 b"GET /e HTTP /1.1", b"GET /e HTTP/1,1", b"GET /e HTTP/+1.1", b"GET /e /x HTTP/1.1",
                 b"GET /e HTTP/1.1\x0b",
                 b"GET /a b HTTP/1.1", b"GET HTTP/1.1", b"GET  HTTP/1.1", b"/e HTTP/1.1",
                 b"GET /e HTTP/1.1\x00", b"GET",
                 b"GET /e HTTPS/1.1", b"GET /e ICY/1.1", b"GET /e HTTP/1.", b"GET /e HTTP/",
                 b"GET /e \x0bHTTP/1.1",
                 b"GET\x0b/e HTTP/1.1", b"GET\xa0/e HTTP/1.1", b"G(ET /e HTTP/1.1", b"GET,POST /e HTTP/1.1",
                 b"G:T /e HTTP/1.1",
                 b"G\xc9T /e HTTP/1.1", b"A" * 33 + b" /e HTTP/1.1", b"PRI * HTTP/1.1", b'"GET" /e HTTP/1.1'):
        yield refused(f"line {line!r}", head(line) + HIDDEN)
    yield refused("HTTP/0.9", b"GET /e\r\n" + HIDDEN)
    for version in (b"0.9", b"1.2", b"2.0", b"3.0", b"9.9", b"0.0"):
        yield refused(f"version {version.decode()}", head(b"GET /e HTTP/" + version) + HIDDEN, 505)
    for method in (b"get", b"GeT", b"G!T", b"X-Y", b"A" * 32):
        yield passed(f"method {method!r}", head(method + b" /e HTTP/1.1"), Wanted(method.decode(), "/e"),
                     **({} if re.fullmatch(rb"[A-Z_-]+", method) else {"nginx": 400}))
    yield refused("CONNECT", head(b"CONNECT a:80 HTTP/1.1", host=b"a:80") + HIDDEN, 405)
    for target in (b"/e", b"a", b"a:x", b"a:99999", b"http://a/", b"*", b":80", b"a:"):
        yield refused(f"CONNECT {target!r}", head(b"CONNECT " + target + b" HTTP/1.1", host=target) + HIDDEN)
    yield refused("CONNECT with a length", head(b"CONNECT a:80 HTTP/1.1", LENGTH, host=b"a:80") + b"abcdef")
    yield passed("1.0 closes", head(b"GET /e HTTP/1.0") + HIDDEN)
    yield passed("1.0 kept alive", head(b"GET /e HTTP/1.0", b"Connection: keep-alive") + SECOND, GET,
                 SECOND_TOO)
    yield refused("1.0 without host", head(b"GET /e HTTP/1.0", host=None))
    yield refused("a second that is bad", get() + b"GET /hidden HTTP/1.1\r\n\r\n", before=[GET])
    yield refused("a second that is nothing", get() + LAST + HIDDEN, before=[GET])
    yield passed("three", get() + post(LENGTH, body=b"abcdef") + SECOND, GET, body_of(b"abcdef"), SECOND_TOO)


def targets():
    for target in (b"e", b"*", b"http://b/e", b"http://a", b"ftp://a/e", b"http://u@a/e", b"http://a:80/e",
                   b"http:///e",
                   b"http:/e", b"http:e", b"http://a?x", b"http://a\\e", b"a:80", b"/e#x", b'/e"x', b"/e\\x",
                   b"/e<x>", b"/e`x",
                   b"/e\xe9", b"/e\x7f", b"/e%zz", b"/e%00", b"/e%2", b"/e%", b"/../e", b"/x/../../e",
                   b"/%2e%2e/e", b"/..", b"/.%2e/e",
                   b"?x", b"#", b"\\e", b"http://[::1/e", b"javascript:e", b"https://a@b/e", b"/\x00",
                   b"://a/e"):
        if target != b"http://a":
            yield refused(f"target {target!r}", get(target=target) + HIDDEN)
    yield refused("absolute without host", get(target=b"http://a/e", host=None) + HIDDEN)
    same = {b"/x/../e": "/e", b"/%65": "/e", b"/./e": "/e", b"/e/.": "/e/", b"/x/%2e%2E/e": "/e", b"//e": "//e",
            b"//../e": "/e",
            b"/e;/../x": "/x", b"/a%2f..%2fb": "/a%2F..%2Fb", b"/e?x=../../y": "/e?x=../../y",
            b"/e?%zz": "/e?%zz",
            b"/e%0d%0aX:y": "/e%0D%0AX:y", b"/e%20HTTP/1.1%0d%0a": "/e%20HTTP/1.1%0D%0A",
            b"/e?a=[1]{2}|3^4": "/e?a=[1]{2}|3^4",
            b"/e:80": "/e:80", b"/e%5c..": "/e%5C..", b"/...": "/...", b"/e/..;/x": "/e/..;/x",
            b"http://a/e": "/e", b"HTTP://a/e": "/e",
            b"https://a/e": "/e", b"http://a": "/", b"http://A/e?http://b/": "/e?http://b/", b"/e?": "/e?",
            b"/http://b/e": "/http://b/e",
            b"/e%252e%252e": "/e%252e%252e", b"/~a@b!$&'()*+,;=": "/~a@b!$&'()*+,;="}
    for target, becomes in same.items():
        yield passed(f"target {target!r}", get(target=target), Wanted("GET", becomes))
    yield passed("OPTIONS *", head(b"OPTIONS * HTTP/1.1"), Wanted("OPTIONS", "*"), nginx=400)
    yield passed("OPTIONS absolute", head(b"OPTIONS http://a HTTP/1.1"), Wanted("OPTIONS", "*"), nginx=400)
    yield passed("target at the limit", get(target=b"/" + b"a" * 8191), Wanted("GET", "/" + "a" * 8191))
    yield refused("target over the limit", get(target=b"/" + b"a" * 8192) + HIDDEN, 414)
    yield refused("target without an end", b"GET /" + b"a" * 9000, 414)


def hosts():
    for host in (b"", b" ", b"a b", b"a,b", b"a, a", b"a/b", b"u@a", b"a:x", b"a:99999", b"a:", b"a:80:80",
                 b"[::1", b"::1", b"[::1]x",
                 b"[a]", b"a%41", b"a;b", b"a\\b", b"a?b", b"a#b", b"a\x00", b"a\xe9", b"http://a", b"a\tb",
                 b"'a'", b":80", b"a" * 256,
                 b"*", b"a:+80", b"a:-1", b"a(b)", b"a|b", b"a\x0b"):
        yield refused(f"host {host[:20]!r}", get(host=host) + HIDDEN)
    yield refused("no host", get(host=None) + HIDDEN)
    for fields in ((b"Host: a",), (b"Host: b",), (b"hOST: b",), (b"X: y", b"Host: b"), (b"Host:",)):
        yield refused(f"two hosts {fields}", get(*fields) + HIDDEN)
    for line in (b"Host : a", b" Host: a", b"Host\t: a", b"Ho st: a", b"Host", b"\x00Host: a", b"Host\x0b: a",
                 b"X: y\r\n Host: a"):
        yield refused(f"host line {line!r}", head(b"GET /e HTTP/1.1", line, host=None) + HIDDEN)
    for host, becomes in ((b"A", "A"), (b"a:80", "a:80"), (b"[::1]:80", "[::1]:80"), (b"1.2.3.4", "1.2.3.4"),
                          (b"a_b.c-d~", "a_b.c-d~"),
                          (b" a\t", "a"), (b"a.", "a."), (b"a..b", "a..b"), (b"x" * 255, "x" * 255)):
        # What neither of the two takes for a host is no danger: they say so.
        yield passed(f"host {host[:20]!r}", get(host=host), Wanted("GET", "/e", fields={"host": becomes}),
                     **({"nginx": 400} if host == b"a..b" else {}))
    yield passed("x-host is no host", get(b"X-Host: b", b"X-Forwarded-Host: b"),
                 Wanted("GET", "/e", fields={"host": "a"}))


def connections():
    for name in (b"Content-Length", b"content-length", b"Host", b"Cookie", b"Authorization", b"X-Forwarded-For",
                 b"X-Forwarded-Proto",
                 b"X-Forwarded-Host", b"X-Real-Ip", b"Expect", b"Content-Type", b"Range", b"Via", b"Origin",
                 b"Forwarded"):
        yield refused(f"connection names {name.decode()}",
                      post(LENGTH, b"Connection: close, " + name, body=b"abcdef" + HIDDEN))
    for value in (b"x y", b'"close"', b"a;b", b"close\x00", b"(", b",".join(b"x%d" % i for i in range(17)),
                  b"\xe9"):
        yield refused(f"connection {value[:20]!r}", get(b"Connection: " + value) + HIDDEN)
    yield passed("connection takes away", get(b"Connection: X-Gone, close", b"X-Gone: 1", b"X-Left: 1"),
                 Wanted("GET", "/e", fields={"x-gone": None, "x-left": "1", "connection": None}))
    yield passed("close, and one more", get(b"Connection: close") + HIDDEN)
    yield passed("close in a list", get(b"Connection: keep-alive, ClOsE") + HIDDEN)
    yield passed("close in a second line", get(b"Connection: keep-alive", b"Connection: close") + HIDDEN)
    yield passed("empty connection", get(b"Connection:", b"Connection: ,,") + SECOND, GET, SECOND_TOO)
    gone = {"proxy-connection": None, "keep-alive": None, "te": None, "upgrade": None, "connection": None}
    yield passed("hop by hop", get(b"Proxy-Connection: close", b"Keep-Alive: 5", b"TE: gzip", b"Upgrade: x")
                 + SECOND,
                 Wanted("GET", "/e", fields=gone), SECOND_TOO)
    yield passed("te: trailers", get(b"TE: trailers", b"Connection: TE"),
                 Wanted("GET", "/e", fields={"te": "trailers"}))
    yield passed("te: chunked", get(b"TE: chunked, trailers;q=0", b"Connection: TE"),
                 Wanted("GET", "/e", fields={"te": None}))
    yield passed("proxy credentials", get(b"Proxy-Authorization: x"),
                 Wanted("GET", "/e", fields={"proxy-authorization": None}))


def expectations():
    for value in (b"100-continue, x", b"200-ok", b"", b"100", b"100-continue;x", b"x",
                  b"100-continue 100-continue"):
        yield refused(f"expect {value!r}", post(b"Expect: " + value, LENGTH, body=b"abcdef" + HIDDEN), 417)
    waits = Wanted("POST", "/e", b"abcdef", fields={"expect": "100-continue"})
    yield passed("expect", post(b"Expect: 100-Continue", LENGTH, body=b"abcdef" + SECOND), waits, SECOND_TOO)
    yield passed("expect twice", post(b"Expect: 100-continue", b"Expect: 100-continue", LENGTH, body=b"abcdef"),
                 waits)
    yield passed("expect and no body", get(b"Expect: 100-continue") + SECOND,
                 Wanted("GET", "/e", fields={"expect": None}), SECOND_TOO)
    yield passed("expect in 1.0", head(b"POST /e HTTP/1.0", b"Expect: 100-continue", LENGTH) + b"abcdef",
                 Wanted("POST", "/e", b"abcdef", fields={"expect": None}))
    yield passed("obfuscated expect", post(b"Expect: 100-continue", CHUNKED, body=b"3\r\nabc\r\n" + LAST
                                           + SECOND), body_of(b"abc"), SECOND_TOO)


def upgrades():
    gone = {"upgrade": None, "connection": None, "http2-settings": None}
    plain = Wanted("GET", "/e", fields=gone)
    h2c = (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    for connection in (b"Upgrade, HTTP2-Settings", b"Upgrade", b"HTTP2-Settings"):
        yield passed(f"h2c by {connection.decode()}", get(*h2c, b"Connection: " + connection) + SECOND, plain,
                     SECOND_TOO)
    for protocol in (b"H2C", b"h2c, websocket", b"websocket, h2c", b"h2c/1", b"", b"h2c websocket", b"\xe9"):
        yield passed(f"upgrade to {protocol!r}", get(b"Upgrade: " + protocol, b"Connection: Upgrade") + SECOND,
                     plain, SECOND_TOO)
    yield passed("h2c with a body", post(*h2c, LENGTH, b"Connection: Upgrade, HTTP2-Settings", body=b"abcdef"
                                         + SECOND),
                 Wanted("POST", "/e", b"abcdef", fields=gone), SECOND_TOO)
    yield passed("upgrade that nobody names", get(b"Upgrade: websocket") + SECOND, plain, SECOND_TOO)
    yield passed("two upgrades", get(b"Upgrade: websocket", b"Upgrade: h2c", b"Connection: Upgrade") + SECOND,
                 plain, SECOND_TOO)
    yield passed("upgrade with a body", post(b"Upgrade: websocket", b"Connection: Upgrade", LENGTH,
                                             body=b"abcdef" + SECOND),
                 Wanted("POST", "/e", b"abcdef", fields=gone), SECOND_TOO)
    yield passed("upgrade in 1.0", head(b"GET /e HTTP/1.0", b"Upgrade: websocket", b"Connection: Upgrade")
                 + HIDDEN, plain)
    yield passed("upgrade that is answered", get(b"Upgrade: websocket", b"Connection: Upgrade",
                                                 b"Sec-WebSocket-Version: 13",
                                                 b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + SECOND,
                 Wanted("GET", "/e", fields={"upgrade": "websocket", "connection": "upgrade"}), SECOND_TOO)


def sizes():
    yield refused("field over the limit", get(b"X: " + b"a" * 8200) + HIDDEN, 431)
    yield refused("name over the limit", get(b"X" * 8200 + b": a") + HIDDEN, 431)
    yield refused("field without an end", b"GET /e HTTP/1.1\r\nX: " + b"a" * 20_000, 431)
    yield refused("head over the limit", get(*[b"X: " + b"a" * 4000] * 5) + HIDDEN, 431)
    yield refused("fields over the limit", get(*[b"X: a"] * 120) + HIDDEN, 431)
    yield passed("many fields", get(*[b"X: a"] * 90))
    yield refused("blanks without an end", get(b"X:" + b" " * 9000) + HIDDEN, 431)
    yield refused("method without an end", b"A" * 9000)
    yield cut("extensions over the limit", post(CHUNKED, body=(b"1;" + b"x" * 1000 + b"\r\na\r\n") * 5 + LAST))


def corpus():
    parts = (codings, lengths, chunks, lines, request_lines, targets, hosts, connections, expectations,
             upgrades, sizes)
    return [entry for part in parts for entry in part()]
