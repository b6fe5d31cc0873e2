"""Requests of HTTP/2 that would become other requests, or none, in HTTP/1.1: what each is to become."""

import dataclasses

from http2_frames import (CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR, block, data, frame, headers,
                          request)
from http_corpus import HIDDEN, LAST, Wanted


@dataclasses.dataclass
class Entry2:
    name: str
    frames: list  # of stream 1
    requests: list = dataclasses.field(default_factory=list)
    status: int | None = 200
    reset: int | None = None  # instead of an answer
    behind: dict = dataclasses.field(default_factory=dict)


GET = Wanted("GET", "/e")


def field(name, value, **more):
    return headers(1, request(fields=[(name, value)], **more))


def malformed(name, *frames):
    return Entry2(name, list(frames), [], None, PROTOCOL_ERROR)


def refused(name, *frames, status=400):
    return Entry2(name, list(frames), [], status)


def passed(name, *frames, wanted=GET, **behind):
    return Entry2(name, list(frames), [wanted], behind=behind)


def with_body(fields, *parts, method=b"POST"):
    frames = [headers(1, request(method=method, fields=fields), end=False)]
    return frames + [data(1, part, end=at == len(parts) - 1) for at, part in enumerate(parts)]


def framing():
    for value in (b"chunked", b"identity", b"gzip, chunked", b"", b"trailers"):
        yield malformed(f"h2.te {value!r}", *with_body([(b"transfer-encoding", value)], LAST + HIDDEN))
    for value in (b"1", b"%d" % (len(HIDDEN) - 1), b"%d" % (len(HIDDEN) + 1), b"1000000"):
        yield malformed(f"h2.cl {value!r}", *with_body([(b"content-length", value)], HIDDEN))
    for value in (b"+35", b"-1", b"35,35", b"0x23", b"", b"35 ", b" 35", b"3 5", b"99999999999999999999",
                  b"35\x0b", b"a"):
        yield malformed(f"h2.cl {value!r}", *with_body([(b"content-length", value)], HIDDEN))
    size = b"%d" % len(HIDDEN)
    yield malformed("two lengths", *with_body([(b"content-length", size), (b"content-length", size)], HIDDEN))
    yield malformed("two lengths that differ", *with_body([(b"content-length", b"0"),
                                                           (b"content-length", size)], HIDDEN))
    yield malformed("length and no body", field(b"content-length", b"5"))
    yield malformed("length and coding", *with_body([(b"content-length", size),
                                                     (b"transfer-encoding", b"chunked")], HIDDEN))
    body = Wanted("POST", "/e", HIDDEN)
    yield passed("length that is right", *with_body([(b"content-length", size)], HIDDEN), wanted=body)
    yield passed("no length", *with_body([], HIDDEN), wanted=body)
    yield passed("no length, in parts", *with_body([], LAST, HIDDEN, b""),
                 wanted=Wanted("POST", "/e", LAST + HIDDEN))
    yield passed("length 0", headers(1, request(method=b"POST", fields=[(b"content-length", b"0")])),
                 wanted=Wanted("POST", "/e"))
    yield passed("GET with a body", *with_body([], HIDDEN, method=b"GET"), wanted=Wanted("GET", "/e", HIDDEN))


def connection_fields():
    for name, value in ((b"connection", b"close"), (b"connection", b"content-length"), (b"connection", b""),
                        (b"keep-alive", b"5"),
                        (b"proxy-connection", b"keep-alive"), (b"upgrade", b"h2c"), (b"upgrade", b"websocket"),
                        (b"te", b"gzip"),
                        (b"te", b"trailers, chunked"), (b"te", b"chunked"), (b"te", b"")):
        yield malformed(f"{name.decode()}: {value.decode()}", field(name, value))
    yield passed("te: trailers", field(b"te", b"trailers"), wanted=Wanted("GET", "/e",
                                                                          fields={"te": "trailers"}))
    yield passed("http2-settings", field(b"http2-settings", b"AAMAAABk"),
                 wanted=Wanted("GET", "/e", fields={"http2-settings": None}))
    yield passed("proxy credentials", field(b"proxy-authorization", b"x"),
                 wanted=Wanted("GET", "/e", fields={"proxy-authorization": None}))


def characters():
    inject = b"a\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN
    for name, value in ((b"x", inject), (b"x", b"a\nb"), (b"x", b"a\rb"), (b"x", b"a\x00b"), (b"x", b" a"),
                        (b"x", b"a\t"), (b"x", b"\x7f"),
                        (b"x", b"\x01"), (b"x\r\ny", b"a"), (b"x: a\r\ntransfer-encoding", b"chunked"),
                        (b"x:y", b"a"), (b"x y", b"a"),
                        (b"X", b"a"), (b"Transfer-Encoding", b"chunked"), (b"", b"a"), (b"x\x00", b"a"),
                        (b"\xe9", b"a"), (b"x(", b"a"),
                        (b"content-length ", b"40"), (b" content-length", b"40"),
                        (b"transfer-encoding\x0b", b"chunked"), (b":", b"a")):
        yield malformed(f"field {name!r}: {value[:20]!r}", field(name, value))
    for value in (b"", b"a:b", b"a  b", b"\x80\xff", b"a" * 8000, b"a,b"):
        yield passed(f"value {value[:20]!r}", field(b"x", value),
                     wanted=Wanted("GET", "/e", fields={"x": value.decode("latin-1")}))
    yield passed("a name with underscores", field(b"transfer_encoding", b"chunked"))
    yield passed("cookies in parts", headers(1, request(fields=[(b"cookie", b"a=1"), (b"x", b"y"),
                                                                (b"cookie", b"b=2")])),
                 wanted=Wanted("GET", "/e", fields={"cookie": "a=1; b=2"}))


def pseudo_fields():
    fields = request()
    for at, (name, _) in enumerate(fields):
        rest = fields[:at] + fields[at + 1:]
        if name != b":authority":
            yield malformed(f"without {name.decode()}", headers(1, rest))
        yield malformed(f"{name.decode()} twice", headers(1, fields + [fields[at]]))
        yield malformed(f"{name.decode()} late", headers(1, rest + [(b"x", b"y"), fields[at]]))
        yield malformed(f"{name.decode()} empty", headers(1, [(n, b"" if n == name else v) for n, v in fields]))
    for name, value in ((b":status", b"200"), (b":protocol", b"websocket"), (b":x", b"y"),
                        (b":Path", b"/hidden"), (b":host", b"a")):
        yield malformed(f"pseudo field {name.decode()}", headers(1, [*fields, (name, value)]))
    yield malformed("no host at all", headers(1, [each for each in fields if each[0] != b":authority"]))
    for path in (b"/e HTTP/1.1\r\nX: y\r\n\r\nGET /hidden", b"/e\r\n", b"/e\n", b"/e\x00", b"/e HTTP/1.1",
                 b"/e /hidden", b"e", b"http://a/e", b"*",
                 b"/e\t", b"//\r\n", b"a:80"):
        yield malformed(f"path {path!r}", headers(1, request(path)))
    for path in (b"/e%zz", b"/../e", b"/%2e%2e/x", b"/e%00", b"/e#x", b"/e\xe9", b'/e"'):
        yield refused(f"path {path!r}", headers(1, request(path)))
    yield refused("a long path", headers(1, request(b"/" + b"a" * 8192)), status=414)
    for method in (b"GET /hidden HTTP/1.1\r\nX:", b"G T", b"GET\r\n", b"GET\x00", b"G\xc9T", b"G(T", b"GET "):
        yield malformed(f"method {method!r}", headers(1, request(method=method)))
    yield refused("a long method", headers(1, request(method=b"A" * 33)))
    for authority in (b"a\r\nX: y", b"a b", b"a/b", b"a\x00", b"a#b", b"a?b", b"a\\b"):
        yield malformed(f"authority {authority!r}", headers(1, request(authority=authority)))
    for authority in (b"u@a", b"a,b", b"a:x", b"a:99999", b"[::1", b"a:", b"a;b", b"a" * 256):
        yield refused(f"authority {authority[:20]!r}", headers(1, request(authority=authority)))
    for scheme in (b"http://a/hidden?", b"ht\r\ntp", b"h p", b"\x00"):
        yield malformed(f"scheme {scheme!r}", headers(1, [(n, scheme if n == b":scheme" else v) for n,
                                                          v in fields]))


def hosts_and_more():
    yield passed("host too", field(b"host", b"a"), wanted=Wanted("GET", "/e", fields={"host": "a"}))
    yield refused("another host", field(b"host", b"b"))
    yield malformed("two hosts", headers(1, request(fields=[(b"host", b"a"), (b"host", b"a")])))
    no_authority = [each for each in request() if each[0] != b":authority"]
    yield passed("host alone", headers(1, [*no_authority, (b"host", b"b")]),
                 wanted=Wanted("GET", "/e", fields={"host": "b"}))
    yield malformed("a bad host alone", headers(1, [*no_authority, (b"host", b"a b")]))
    yield passed("dots", headers(1, request(b"/x/../e?a=/../b")), wanted=Wanted("GET", "/e?a=/../b"))
    yield passed("two slashes", headers(1, request(b"//e")), wanted=Wanted("GET", "//e"))
    yield passed("OPTIONS *", headers(1, request(b"*", b"OPTIONS")), wanted=Wanted("OPTIONS", "*"), nginx=400)
    yield refused("CONNECT", headers(1, [(b":method", b"CONNECT"), (b":authority", b"a:80")], end=False),
                  status=405)
    yield malformed("CONNECT with a path", headers(1, request(method=b"CONNECT")))
    yield refused("TRACE with a body", *with_body([], b"x", method=b"TRACE"))
    yield refused("expect something", *with_body([(b"expect", b"x")], b"a"), status=417)
    yield passed("HEAD", headers(1, request(method=b"HEAD")), wanted=Wanted("HEAD", "/e"))
    yield refused("fields over the limit", headers(1, request(fields=[(b"x", b"a")] * 120)), status=431)
    yield refused("head over the limit", frame(HEADERS, END_STREAM, 1, block(request())),
                  frame(CONTINUATION, END_HEADERS, 1, block([(b"x", b"a" * 3900)] * 4 + [(b"y", b"a" * 500)])),
                  status=431)


def trailers():
    def after(fields, end=True):
        return [headers(1, request(method=b"POST"), end=False), data(1, b"abc", end=False),
                headers(1, fields, end)]
    yield passed("a trailer", *after([(b"x-t", b"1")]),
                 wanted=Wanted("POST", "/e", b"abc", trailers=[(b"x-t", b"1")]))
    for name, value in ((b":path", b"/hidden"), (b":method", b"GET"), (b":status", b"200"),
                        (b"content-length", b"40"),
                        (b"transfer-encoding", b"chunked"), (b"connection", b"close"), (b"host", b"b"),
                        (b"x\r\n\r\nGET /hidden", b"a"),
                        (b"x", b"a\r\n\r\nGET /hidden HTTP/1.1"), (b"X", b"a"), (b"te", b"trailers"),
                        (b"authorization", b"x"),
                        (b"trailer", b"x"), (b"x-forwarded-for", b"1.2.3.4"), (b"upgrade", b"h2c")):
        yield malformed(f"trailer {name!r}", *after([(name, value)]))
    yield malformed("trailers without an end", *after([(b"x-t", b"1")], end=False))


def corpus():
    parts = (framing, connection_fields, characters, pseudo_fields, hosts_and_more, trailers)
    return [entry for part in parts for entry in part()]
