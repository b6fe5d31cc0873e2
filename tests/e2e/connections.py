"""Many TCP connections: an echo server, and a client that opens, uses and closes them.

    connections.py server PORT
    connections.py client ADDRESS PORT SECONDS CONCURRENT [HOLD_SECONDS]

The client prints one JSON object: connections that went well, and what went wrong with others. Each
sends a line, waits for it to come back, and closes; with HOLD_SECONDS it goes on with that for so
long before it closes.
"""

import asyncio
import collections
import json
import os
import sys
import time

PATIENCE = 5.0  # seconds for each step


async def echo(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(port):
    server = await asyncio.start_server(echo, None, port, backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


async def one(address, port, hold):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
    try:
        end = time.monotonic() + hold
        while True:
            line = os.urandom(16).hex().encode() + b"\n"
            writer.write(line)
            got = await asyncio.wait_for(reader.readline(), PATIENCE)
            if got != line:
                raise ValueError("ended" if not got else "other bytes")
            if time.monotonic() >= end:
                return
            await asyncio.sleep(0.02)
    finally:
        writer.close()


async def caller(address, port, hold, end, outcomes):
    while time.monotonic() < end:
        try:
            await one(address, port, hold)
            outcomes["ok"] += 1
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            outcomes[f"{type(error).__name__}: {error}"] += 1


async def call(address, port, seconds, concurrent, hold):
    outcomes = collections.Counter()
    end = time.monotonic() + seconds
    await asyncio.gather(*(caller(address, port, hold, end, outcomes)
                           for _ in range(concurrent)))
    ok = outcomes.pop("ok", 0)
    print(json.dumps({"ok": ok, "failed": outcomes}))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve(int(sys.argv[2])))
    else:
        numbers = [float(word) for word in sys.argv[3:]]
        asyncio.run(call(sys.argv[2], int(numbers[0]), numbers[1], int(numbers[2]),
                         numbers[3] if len(numbers) > 3 else 0.0))
