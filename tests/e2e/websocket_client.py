"""Opens a WebSocket, sends messages to a server that echoes them, and compares: ADDRESS PORT MESSAGES.
Prints how many came back."""

import os
import random
import socket
import struct
import sys


def main(address, port, messages):
    stream = socket.create_connection((address, port), timeout=60)
    stream.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    file = stream.makefile("rb")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        assert line, head
        head += line
    assert b" 101 " in head and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head
    for i in range(messages):
        size = [0, 1, 100, 5000, random.randrange(60_000)][i % 5]
        data, mask = os.urandom(size), os.urandom(4)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        key = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        stream.sendall(b"\x82" + length + mask + masked)
        file.read(2 if size < 126 else 4)
        assert file.read(size) == data, i
    stream.sendall(b"\x88\x80\0\0\0\0")
    assert file.read() == b""
    print(messages)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
