"""TCP streams of which every byte is compared, in both directions at once.

    streams.py server PORT
    streams.py client ADDRESS PORT SECONDS CONCURRENT MOST_BYTES [SEED]

The client opens connections one after the other, CONCURRENT at a time. Each says how many bytes go
up and how many come down, at random up to MOST_BYTES, and begins both; the side that has sent all
closes its half. Both sides compare what comes with what must come. The client prints one JSON
object: streams that went well, bytes, and what went wrong with others.
"""

import asyncio
import collections
import hashlib
import json
import random
import struct
import sys
import time

PATIENCE = 60.0  # seconds without any progress
CHUNK = 64 << 10
HEADER = struct.Struct("!QQQ")  # seed, bytes up, bytes down


def pattern(seed):
    """A megabyte that nothing else has, again and again."""
    return hashlib.shake_128(seed.to_bytes(8, "big")).digest(1 << 20)


class Mismatch(Exception):
    pass


async def send(writer, content, count):
    at = 0
    while at < count:
        start = at % len(content)
        part = content[start:start + min(CHUNK, count - at)]
        writer.write(part)
        await asyncio.wait_for(writer.drain(), PATIENCE)
        at += len(part)
    writer.write_eof()


async def receive(reader, content, count):
    at = 0
    while True:
        got = await asyncio.wait_for(reader.read(CHUNK), PATIENCE)
        if not got:
            break
        for begin in range(0, len(got), CHUNK):
            part = got[begin:begin + CHUNK]
            start = at % len(content)
            want = (content[start:] + content)[:len(part)]
            if part != want:
                raise Mismatch(f"byte {at} or one behind it")
            at += len(part)
    if at != count:
        raise Mismatch(f"{at} bytes instead of {count}")


async def serve_one(reader, writer):
    try:
        seed, up, down = HEADER.unpack(await asyncio.wait_for(reader.readexactly(HEADER.size),
                                                              PATIENCE))
        await asyncio.gather(send(writer, pattern(seed + 1), down),
                             receive(reader, pattern(seed), up))
    except (OSError, Mismatch, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        writer.transport.abort()  # so that the client counts it, too
    finally:
        writer.close()


async def serve(port):
    server = await asyncio.start_server(serve_one, ["0.0.0.0", "::"], port, backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


async def one(address, port, up, down, seed):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
    try:
        writer.write(HEADER.pack(seed, up, down))
        await asyncio.gather(send(writer, pattern(seed), up),
                             receive(reader, pattern(seed + 1), down))
    finally:
        writer.close()


async def caller(address, port, end, most, rng, outcomes):
    while time.monotonic() < end:
        up, down = rng.randrange(most), rng.randrange(most)
        try:
            await one(address, port, up, down, rng.getrandbits(63))
            outcomes["ok"] += 1
            outcomes["bytes"] += up + down
        except (OSError, Mismatch, asyncio.TimeoutError) as error:
            outcomes[f"{type(error).__name__}: {error}"] += 1


async def call(address, port, seconds, concurrent, most, seed):
    outcomes = collections.Counter()
    end = time.monotonic() + seconds
    rng = random.Random(seed)
    await asyncio.gather(*(caller(address, port, end, most, rng, outcomes)
                           for _ in range(concurrent)))
    ok, count = outcomes.pop("ok", 0), outcomes.pop("bytes", 0)
    print(json.dumps({"ok": ok, "bytes": count, "failed": outcomes, "seed": seed}))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve(int(sys.argv[2])))
    else:
        seconds, concurrent, most = float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
        seed = int(sys.argv[7]) if len(sys.argv) > 7 else random.getrandbits(32)
        asyncio.run(call(sys.argv[2], int(sys.argv[3]), seconds, concurrent, most, seed))
