"""Ethernet frames by hand: a socket that sends and receives them in a namespace."""

import select
import socket
import struct
import time

SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
ETH_P_ALL = 3
TP_STATUS_VLAN_VALID = 1 << 4


class FrameSocket:
    """Whole frames of one interface; its own are not seen. Tags are where they were on the
    wire."""

    def __init__(self, namespace, interface="eth0"):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, *frames):
        for frame in frames:
            self.socket.send(bytes(frame))

    def receive(self, timeout):
        """The next frame, or None."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if not select.select([self.socket], [], [], max(left, 0))[0]:
                return None
            frame, auxiliary, _, address = self.socket.recvmsg(1 << 16, 256)
            if address[2] != PACKET_OUTGOING:
                return _with_tag(frame, auxiliary)

    def drain(self):
        """What has arrived by now."""
        frames = []
        while (frame := self.receive(0)) is not None:
            frames.append(frame)
        return frames

    def until(self, wanted, timeout=5.0):
        """Receives until wanted(frame); returns that frame and the ones before it."""
        before = []
        end = time.monotonic() + timeout
        while (frame := self.receive(end - time.monotonic())) is not None:
            if wanted(frame):
                return frame, before
            before.append(frame)
        raise AssertionError(f"no such frame within {timeout} s; instead: "
                             f"{[each.hex() for each in before]}")


# The kernel takes the tag out of the frame and tells it beside it.
def _with_tag(frame, auxiliary):
    for level, kind, data in auxiliary:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tag, tag_type = struct.unpack("=IIIHHHH", data[:20])
        if status & TP_STATUS_VLAN_VALID:
            return frame[:12] + struct.pack("!HH", tag_type or 0x8100, tag) + frame[12:]
    return frame
