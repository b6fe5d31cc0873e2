"""Answers of an endpoint that are no answers, or of which it is doubtful where they end: what the client is to see, and
whether the connection may be used again."""

import dataclasses

POISON = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON"


@dataclasses.dataclass
class BadAnswer:
    name: str
    data: bytes
    status: int = 502
    body: bytes | None = None  # None: whatever stands there
    cut: bool | None = False  # the client sees that it is not whole, or a 502
    then: str = "hold"  # what the endpoint does afterwards: hold, close, reset
    method: str = "GET"
    kept: bool = False  # the connection may be used for the next request
    fields: tuple = ()  # of the request
    silent: bool = False  # not a byte comes


def head(*fields, line=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n"


LENGTH, CHUNKED, LAST = b"Content-Length: 5", b"Transfer-Encoding: chunked", b"0\r\n\r\n"


def heads():
    for name, fields in {
            "two lengths": (LENGTH, b"Content-Length: 6"), "two equal lengths": (LENGTH, LENGTH),
            "length and coding": (LENGTH, CHUNKED), "coding and length": (CHUNKED, b"Content-Length: 0"),
            "coding twice": (CHUNKED, CHUNKED), "gzip, chunked": (b"Transfer-Encoding: gzip, chunked",),
            "chunked, gzip": (b"Transfer-Encoding: chunked, gzip",),
        "identity": (b"Transfer-Encoding: identity",),
            "a blank before the colon": (b"Transfer-Encoding : chunked",),
        "a control character": (b"Transfer-Encoding: chunked\x0b",),
            "folded": (b"X: a", b" b"), "folded length": (b"Content-Length:", b" 5"), "NUL": (b"X: \x00",),
        "CR": (b"X: a\rb",),
            "LF": (b"X: a\nb",), "no colon": (b"abc",), "no name": (b": a",),
        "a long head": (b"X: " + b"a" * 4000,) * 5,
            "many fields": (b"X: a",) * 120, "a long field": (b"X: " + b"a" * 9000,),
        "length named": (LENGTH, b"Connection: content-length")}.items():
        yield BadAnswer(name, head(*fields) + b"hello" + POISON)
    for value in (b"+5", b"-5", b"5, 5", b"5,6", b"", b"0x5", b"5 5", b"99999999999999999999", b"5;", b"five",
                  b"\xd9\xa5", b"5.0"):
        yield BadAnswer(f"length {value!r}", head(b"Content-Length: " + value) + b"hello" + POISON)
    for line in (b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 600 OK",
                 b"HTTP/1.1 999 OK", b"HTTP/2.0 200 OK",
                 b"HTTP/1.2 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"ICY 200 OK", b"200 OK",
                 b"HTTP/1.1 200OK", b"http/1.1 200 OK",
                 b"\r\nHTTP/1.1 200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1 -20 OK", b"HTTP/1.1 200 \x00",
                 b"HTTP/1.1 200 a\rb", b"HTTP/1.1 ", b"GET / HTTP/1.1",
                 b"HTTP/1.1 200 " + b"a" * 9000):
        yield BadAnswer(f"line {line[:24]!r}", head(LENGTH, line=line) + b"hello" + POISON)
    yield BadAnswer("LF alone", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello" + POISON)
    yield BadAnswer("1.0 with a coding", head(CHUNKED, line=b"HTTP/1.0 200 OK") + LAST + POISON)
    yield BadAnswer("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n")
    yield BadAnswer("an alert of TLS", b"\x15\x03\x01\x00\x02\x02\x46")
    yield BadAnswer("frames of HTTP/2", b"\0\0\0\x04\0\0\0\0\0" * 3)
    yield BadAnswer("binary", bytes(range(256)) * 40)
    yield BadAnswer("a line without an end", b"HTTP/1.1 200 " + b"a" * 20_000)
    yield BadAnswer("nothing", b"", then="close", silent=True)
    yield BadAnswer("a reset", b"", then="reset", silent=True)
    yield BadAnswer("half a line", b"HTTP/1.1 20", then="close")
    yield BadAnswer("half a head", b"HTTP/1.1 200 OK\r\nContent-Le", then="close")
    yield BadAnswer("half a head and a reset", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", then="reset")


def before_the_answer():
    interim = head(line=b"HTTP/1.1 100 Continue")
    good = head(LENGTH) + b"hello"
    yield BadAnswer("some interim answers", interim * 16 + good, 200, b"hello", kept=True)
    yield BadAnswer("a storm of interim answers", interim * 17 + good)
    yield BadAnswer("a storm of hints", head(b"Link: </a>", line=b"HTTP/1.1 103 Early Hints") * 5000 + good)
    yield BadAnswer("interim and no more", interim, then="close")
    yield BadAnswer("interim with a body", head(b"Content-Length: 6", line=b"HTTP/1.1 100 Continue")
                    + b"POISON" + good)
    yield BadAnswer("interim with a length", head(b"Content-Length: 6", line=b"HTTP/1.1 100 Continue") + good,
                    200, b"hello")
    yield BadAnswer("interim with a coding", head(CHUNKED, line=b"HTTP/1.1 103 Early Hints") + good, 200,
                    b"hello")
    yield BadAnswer("a bad interim answer", head(LENGTH, LENGTH, line=b"HTTP/1.1 100 Continue") + good)
    switched = b"HTTP/1.1 101 Switching Protocols"
    yield BadAnswer("101 that nobody asked for", head(b"Upgrade: websocket", b"Connection: upgrade",
                                                      line=switched) + POISON)
    yield BadAnswer("101 to nothing", head(line=switched) + POISON)
    yield BadAnswer("101 to another", head(b"Upgrade: h2c", b"Connection: upgrade", line=switched) + POISON,
                    fields=(b"Upgrade: websocket", b"Connection: upgrade"))
    yield BadAnswer("101 to two", head(b"Upgrade: websocket, h2c", b"Connection: upgrade", line=switched)
                    + POISON,
                    fields=(b"Upgrade: websocket", b"Connection: upgrade"))


def bodies():
    for name, rest in {
            "chunk size": b"xyz\r\nhello\r\n" + LAST, "chunk size signed": b"+5\r\nhello\r\n" + LAST,
        "chunk size with a blank": b"5 \r\nhello\r\n" + LAST,
            "chunk too long": b"5\r\nhello!\r\n" + LAST, "chunk too short": b"9\r\nhello\r\n" + LAST,
        "chunk by LF": b"5\nhello\n0\n\n",
            "chunk of 2^64": b"ffffffffffffffff\r\nhello\r\n" + LAST, "extension by LF": b"5;a\nhello\r\n"
        + LAST,
            "extensions without an end": b"5;" + b"a" * 5000,
        "trailer: length": b"0\r\nContent-Length: 5\r\n\r\n",
            "trailer: coding": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "trailer folded": b"0\r\nX: a\r\n b\r\n\r\n",
            "trailers too large": b"0\r\nX: " + b"a" * 5000 + b"\r\n\r\n", "no chunk": POISON}.items():
        yield BadAnswer(name, head(CHUNKED) + b"2\r\n>>\r\n" + rest + POISON, 200, cut=True)
    for then in ("close", "reset"):
        yield BadAnswer(f"too few bytes, {then}", head(b"Content-Length: 9") + b"hello", 200, cut=True,
                        then=then)
        yield BadAnswer(f"no byte of some, {then}", head(b"Content-Length: 9"), 200, cut=True, then=then)
        yield BadAnswer(f"no last chunk, {then}", head(CHUNKED) + b"5\r\nhello\r\n", 200, cut=True, then=then)
        yield BadAnswer(f"half a last chunk, {then}", head(CHUNKED) + b"5\r\nhello\r\n0\r\n", 200, cut=True,
                        then=then)
        yield BadAnswer(f"half a chunk, {then}", head(CHUNKED) + b"40\r\nhello", 200, cut=True, then=then)
    yield BadAnswer("neither length nor coding, a reset", head() + b"hello", 200, cut=True, then="reset")
    yield BadAnswer("neither length nor coding", head() + POISON, 200, POISON, then="close")


def doubtful():
    """Whole for the client; what comes behind belongs to nobody."""
    good = head(LENGTH) + b"hello"
    yield BadAnswer("in order", good, 200, b"hello", kept=True)
    yield BadAnswer("chunks in order", head(CHUNKED) + b"5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", 200, b"hello",
                    kept=True)
    yield BadAnswer("no reason", head(LENGTH, line=b"HTTP/1.1 200") + b"hello", 200, b"hello", kept=True)
    yield BadAnswer("two answers", good + POISON, 200, b"hello")
    yield BadAnswer("three answers", good + POISON + POISON, 200, b"hello")
    yield BadAnswer("a byte more", good + b"x", 200, b"hello")
    yield BadAnswer("an empty line more", good + b"\r\n", 200, b"hello")
    yield BadAnswer("an interim answer behind", good + head(line=b"HTTP/1.1 100 Continue"), 200, b"hello")
    yield BadAnswer("a chunk behind the last", head(CHUNKED) + b"5\r\nhello\r\n" + LAST + b"5\r\nagain\r\n"
                    + LAST, 200, b"hello")
    yield BadAnswer("says close", head(LENGTH, b"Connection: close") + b"hello", 200, b"hello")
    yield BadAnswer("says close late", head(LENGTH, b"Connection: x", b"Connection: x2, CLOSE") + b"hello", 200,
                    b"hello")
    yield BadAnswer("is of 1.0", head(LENGTH, b"Connection: keep-alive", line=b"HTTP/1.0 200 OK") + b"hello",
                    200, b"hello")
    yield BadAnswer("a body behind HEAD", good, 200, b"", method="HEAD")
    yield BadAnswer("an answer behind HEAD", head(LENGTH) + POISON, 200, b"", method="HEAD")
    yield BadAnswer("chunks behind HEAD", head(CHUNKED) + b"6\r\nPOISON\r\n" + LAST, 200, b"", method="HEAD")
    yield BadAnswer("HEAD in order", head(LENGTH), 200, b"", method="HEAD", kept=True)
    for status in (b"204 No Content", b"304 Not Modified"):
        code = int(status[:3])
        yield BadAnswer(f"a body behind {code}", head(LENGTH, line=b"HTTP/1.1 " + status) + b"hello", code, b"")
        yield BadAnswer(f"an answer behind {code}", head(line=b"HTTP/1.1 " + status) + POISON, code, b"")
    yield BadAnswer("204 with a length", head(b"Content-Length: 6", line=b"HTTP/1.1 204 No Content"), 204, b"")
    yield BadAnswer("204 with a coding", head(CHUNKED, line=b"HTTP/1.1 204 No Content") + LAST, 204, b"")
    yield BadAnswer("closes behind", good, 200, b"hello", then="close")
    yield BadAnswer("resets behind", good, 200, b"hello", then="reset")


def corpus():
    return [each for part in (heads, before_the_answer, bodies, doubtful) for each in part()]
