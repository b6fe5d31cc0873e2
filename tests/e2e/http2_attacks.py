"""Clients of HTTP/2 that break its rules or wear a server out by them: the frames, and what ends them."""

import dataclasses

from http2_frames import (ACK, CLOSED, COMPRESSION_ERROR, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS,
                          END_STREAM,
                          ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HAS_PRIORITY,
                          HEADER_TABLE_SIZE,
                          HEADERS, INITIAL_WINDOW, MAX_FRAME, PADDED, PING, PRIORITY, PROTOCOL_ERROR,
                          PUSH_PROMISE,
                          RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, block, data, frame, goaway,
                          headers,
                          literal, ping, prefixed, request, reset, settings, window)

ALTSVC, ORIGIN, PRIORITY_UPDATE, UNKNOWN = 0xa, 0xc, 0x10, 0xfe


@dataclasses.dataclass
class Attack:
    name: str
    frames: bytes
    end: tuple  # codes of GOAWAY, or CLOSED
    counter: str = "http2_offence_protocol"  # rises by one


def flood(name, one, counter, number=3000):
    return Attack(name, one * number, (ENHANCE_YOUR_CALM,), f"http2_offence_{counter}")


def streams(number, first=1):
    return range(first, first + 2 * number, 2)


def get(stream, **more):
    return headers(stream, request(**more))


def floods():
    opened = headers(1, request(method=b"POST"), end=False)
    yield Attack("rapid reset", b"".join(get(n) + reset(n) for n in streams(1000)), (ENHANCE_YOUR_CALM,),
                 "http2_offence_rapid_reset")
    yield Attack("rapid reset of uploads", b"".join(headers(n, request(method=b"POST"), end=False) + reset(n)
                                                    for n in streams(1000)), (ENHANCE_YOUR_CALM,),
                 "http2_offence_rapid_reset")
    # CVE-2025-8671: it is the server that is made to reset.
    yield Attack("made resets by windows", b"".join(get(n) + window(n, 0x7fffffff) for n in streams(300)),
                 (ENHANCE_YOUR_CALM,),
                 "http2_offence_made_reset")
    for name, wrong in {"window updates of 0": lambda n: window(n, 0),
                        "data behind the end": lambda n: data(n, b"x")}.items():
        yield Attack(f"made resets by {name}", b"".join(get(n) + wrong(n) for n in streams(300)),
                     (PROTOCOL_ERROR, STREAM_CLOSED))
    yield Attack("made resets by lengths", b"".join(headers(n,
                                                            request(method=b"POST",
                                                                    fields=[(b"content-length", b"1")]),
                                                            end=False)
                                                    + data(n, b"ab") for n in streams(300)),
                 (ENHANCE_YOUR_CALM,), "http2_offence_made_reset")
    yield Attack("made resets by malformed heads", b"".join(headers(n,
                                                                    [*request(),
                                                                     (b"connection",
                                                                      b"x")]) for n in streams(300)),
                 (ENHANCE_YOUR_CALM,), "http2_offence_made_reset")
    yield Attack("CONTINUATION", frame(HEADERS, END_STREAM, 1, block(request()))
                 + frame(CONTINUATION, 0, 1) * 3000,
                 (ENHANCE_YOUR_CALM, CLOSED), "http2_offence_header_flood")
    yield Attack("CONTINUATION with fields", frame(HEADERS, END_STREAM, 1, block(request()))
                 + frame(CONTINUATION, 0, 1, block([(b"x", b"a" * 1000)])) * 300, (ENHANCE_YOUR_CALM, CLOSED),
                 "http2_offence_header_flood")
    yield flood("pings", ping(), "ping_flood")
    yield flood("answers to no ping", frame(PING, ACK, 0, b"01234567"), "unknown_frame_flood")
    yield flood("settings", settings(), "settings_flood")
    yield flood("settings with values", settings({HEADER_TABLE_SIZE: 4096, INITIAL_WINDOW: 65535}),
                "settings_flood")
    yield flood("priorities", frame(PRIORITY, 0, 1, b"\0\0\0\3\1"), "priority_flood")
    yield flood("priority updates", frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\1u=1"), "priority_flood")
    yield flood("window updates", window(0, 1), "window_update_flood")
    yield Attack("window updates of a stream", opened + window(1, 1) * 3000, (ENHANCE_YOUR_CALM,),
                 "http2_offence_window_update_flood")
    yield Attack("empty data", opened + data(1, end=False) * 3000, (ENHANCE_YOUR_CALM,),
                 "http2_offence_empty_frame_flood")
    yield Attack("padded empty data", opened + frame(DATA, PADDED, 1, b"\0") * 3000, (ENHANCE_YOUR_CALM,),
                 "http2_offence_empty_frame_flood")
    yield Attack("data that is padding alone", opened + frame(DATA, PADDED, 1, b"\xff" + bytes(255)) * 3000,
                 (ENHANCE_YOUR_CALM,),
                 "http2_offence_empty_frame_flood")
    yield flood("unknown frames", frame(UNKNOWN, 0xff, 7, b"abc"), "unknown_frame_flood")
    yield flood("alternative services", frame(ALTSVC, 0, 0, b"\0\0"), "unknown_frame_flood")
    yield flood("origins", frame(ORIGIN), "unknown_frame_flood")
    yield Attack("goodbyes", goaway() * 3000, (CLOSED,), None)


def bombs():
    # One large entry in HPACK's table, and a byte for each time that it is said.
    entry = b"\x40" + literal(b"x") + literal(b"a" * 4000)
    yield Attack("a bomb of HPACK", frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request()) + entry
                                          + b"\xbe" * 12_000), (CLOSED, ENHANCE_YOUR_CALM),
                 "http2_offence_header_flood")
    yield Attack("a bomb of many fields", frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request())
                                                + b"\x90" * 16_000), (CLOSED, ENHANCE_YOUR_CALM),
                 "http2_offence_header_flood")
    for name, wrong in {"an index of 0": b"\x80", "an index that is not there": b"\xfe",
                        "an integer without an end": b"\xff" * 12,
                        "a table that is too large": prefixed(1 << 20, 5, 0x20),
                        "a text that is cut off": b"\x00\x05ab",
                        "bad Huffman": b"\x00\x81\x00\x81\x00",
                        "a table's size in the middle": block(request()) + b"\x20"}.items():
        yield Attack(f"HPACK: {name}", frame(HEADERS, END_HEADERS | END_STREAM, 1, wrong), (COMPRESSION_ERROR,))


def frames_out_of_place():
    opened = headers(1, request(method=b"POST"), end=False)
    for name, wrong, *codes in (
            ("a head on stream 0", get(0), PROTOCOL_ERROR), ("a head on an even stream", get(2),
                                                             PROTOCOL_ERROR),
            ("data on stream 0", data(0, b"x"), PROTOCOL_ERROR),
            ("data on an idle stream", data(1, b"x"), PROTOCOL_ERROR),
        ("a reset of an idle stream", reset(1), PROTOCOL_ERROR),
            ("a reset of stream 0", reset(0), PROTOCOL_ERROR),
        ("a window of an idle stream", window(1, 1), PROTOCOL_ERROR),
            ("a window update of 0", window(0, 0), PROTOCOL_ERROR),
        ("a window that overflows", window(0, 0x7fffffff) * 2, FLOW_CONTROL_ERROR),
            ("a push", opened + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + block(request())),
             PROTOCOL_ERROR),
            ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, block(request())), PROTOCOL_ERROR),
            ("a ping in a head", frame(HEADERS, 0, 1, block(request())) + ping(), PROTOCOL_ERROR),
            ("a head in a head", frame(HEADERS, 0, 1, block(request())) + get(3), PROTOCOL_ERROR),
            ("CONTINUATION of another", frame(HEADERS, 0, 1, block(request()))
             + frame(CONTINUATION, END_HEADERS, 3), PROTOCOL_ERROR),
            ("a frame that is too large", opened + data(1, b"a" * 16385), FRAME_SIZE_ERROR),
            ("a head that is too large", frame(HEADERS, END_HEADERS, 1, b"a" * 16385), FRAME_SIZE_ERROR),
            ("padding that is too long", opened + frame(DATA, PADDED, 1, b"\5abc"), PROTOCOL_ERROR),
            ("padding without its length", opened + frame(DATA, PADDED, 1), PROTOCOL_ERROR, FRAME_SIZE_ERROR),
            ("a head of padding", frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block(request())),
             PROTOCOL_ERROR),
            ("a head without its priority", frame(HEADERS, END_HEADERS | HAS_PRIORITY, 1, b"abc"),
             FRAME_SIZE_ERROR, PROTOCOL_ERROR),
            ("a ping of 7 bytes", frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
        ("a ping of a stream", frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
            ("settings of 5 bytes", frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
        ("settings of a stream", frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
            ("an answer with settings", frame(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
        ("push of 2", settings({ENABLE_PUSH: 2}), PROTOCOL_ERROR),
            ("a window of 2^31", settings({INITIAL_WINDOW: 1 << 31}), FLOW_CONTROL_ERROR),
        ("frames of 16383", settings({MAX_FRAME: 16383}), PROTOCOL_ERROR),
            ("frames of 2^24", settings({MAX_FRAME: 1 << 24}), PROTOCOL_ERROR),
        ("a goodbye of a stream", frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
            ("a goodbye of 7 bytes", frame(GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
        ("a reset of 3 bytes", opened + frame(RST_STREAM, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
            ("a window update of 3 bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
            ("a second preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", FRAME_SIZE_ERROR, PROTOCOL_ERROR)):
        yield Attack(name, wrong, codes)


def corpus():
    return [each for part in (floods, bombs, frames_out_of_place) for each in part()]
