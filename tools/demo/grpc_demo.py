"""A gRPC server and client of one call, without generated code: grpc_demo.py serve PORT | ask ADDRESS WORD."""

import sys
from concurrent import futures

import grpc


class Prices(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method != "/shop.Prices/Get":
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _: request + b" costs 3 coins")


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Prices()])
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    server.wait_for_termination()


def ask(address, word):
    with grpc.insecure_channel(address) as channel:
        try:
            print(channel.unary_unary("/shop.Prices/Get")(word.encode(), timeout=5).decode())
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(sys.argv[2], sys.argv[3])
