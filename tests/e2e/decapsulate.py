"""What a server behind IP-in-IP does: takes the packets out of their tunnel and gives them to its
kernel, for which an address of its own is inside. Linux's ipip devices are modules that many
machines do not have; this needs none.

    decapsulate.py NAME    makes the TUN device NAME and runs until it is ended
"""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def open_tun(name):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def main():
    tun = open_tun(sys.argv[1])
    four = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
    six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 41)
    print("ready", flush=True)
    while True:
        for ready in select.select([four, six], [], [])[0]:
            packet = ready.recv(65536)
            # Raw sockets of IPv4 give the outer header, those of IPv6 do not.
            inner = packet[(packet[0] & 15) * 4:] if ready is four else packet
            os.write(tun, inner)


if __name__ == "__main__":
    main()
