"""A gRPC server and client on the library as Debian has it: unary, streams both ways, deadlines, cancelling,
statuses and trailers. Messages are bytes. `server PORT` serves; `client ADDRESS` tries everything and prints
JSON."""

import json
import sys
import threading
import time
from concurrent import futures

import grpc

SERVICE = "heddle.test.Echo"
BIG = bytes(range(256)) * 4096  # 1 MiB


def unary(request, context):
    if request == b"fail":
        context.set_trailing_metadata((("x-why", "asked"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as you asked: ü%")
    if request == b"sleep":
        cancelled = threading.Event()
        context.add_callback(cancelled.set)
        cancelled.wait(10)
    context.set_trailing_metadata((("x-trailer", "t"),))
    return request


def down(request, _):
    for i in range(int(request)):
        yield b"%d" % i


def up(requests, _):
    return b"%d" % sum(len(each) for each in requests)


def both(requests, _):
    for each in requests:
        yield each


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Down": grpc.unary_stream_rpc_method_handler(down),
        "Up": grpc.stream_unary_rpc_method_handler(up),
        "Both": grpc.stream_stream_rpc_method_handler(both)}),))
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def status_of(call):
    try:
        call()
        return ["OK", "", {}]
    except grpc.RpcError as error:
        return [error.code().name, error.details(),
                {k: v for k, v in (error.trailing_metadata() or ())}]


def client(address):
    out = {}
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(f"/{SERVICE}/Unary")
        answer, info = call.with_call(b"hello", timeout=10)
        out["unary"] = answer.decode()
        out["trailers"] = {k: v for k, v in info.trailing_metadata()}
        out["big"] = call(BIG, timeout=20) == BIG
        out["down"] = [each.decode() for each in channel.unary_stream(f"/{SERVICE}/Down")(b"50")]
        out["up"] = channel.stream_unary(f"/{SERVICE}/Up")(iter([BIG[:60_000]] * 20)).decode()
        parts = [b"x" * n for n in (0, 1, 1000, 100_000)] * 5
        out["both"] = list(channel.stream_stream(f"/{SERVICE}/Both")(iter(parts))) == parts
        out["fail"] = status_of(lambda: call(b"fail", timeout=10))
        begin = time.monotonic()
        out["deadline"] = status_of(lambda: call(b"sleep", timeout=0.5))
        out["deadline_s"] = time.monotonic() - begin
        out["unknown"] = status_of(lambda: channel.unary_unary(f"/{SERVICE}/Nothing")(b"", timeout=5))
        pending = channel.unary_unary(f"/{SERVICE}/Unary").future(b"sleep", timeout=10)
        time.sleep(0.2)
        pending.cancel()
        out["cancelled"] = pending.cancelled()
        # Many at once, over one connection.
        many = [call.future(b"%d" % i, timeout=20) for i in range(200)]
        out["many"] = all(each.result() == b"%d" % i for i, each in enumerate(many))
    print(json.dumps(out))


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "server" else client(sys.argv[2])
