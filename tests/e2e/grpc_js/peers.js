// What grpc_peers.py is, on grpc-js: the same service and the same tries. `server PORT` serves;
// `client ADDRESS` tries everything and prints JSON.
'use strict';
const grpc = require('@grpc/grpc-js');

const SERVICE = 'heddle.test.Echo';
const BIG = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
const same = (value) => value;
const method = (name, up, down) => ({
  path: `/${SERVICE}/${name}`, requestStream: up, responseStream: down, requestSerialize: same,
  requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
const METHODS = {
  Unary: method('Unary', false, false), Down: method('Down', false, true),
  Up: method('Up', true, false), Both: method('Both', true, true),
};

function serve(port) {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(METHODS, {
    Unary(call, reply) {
      const trailers = new grpc.Metadata();
      if (call.request.equals(Buffer.from('fail'))) {
        trailers.set('x-why', 'asked');
        return reply({ code: grpc.status.FAILED_PRECONDITION, details: 'as you asked: ü%' }, null,
          trailers);
      }
      trailers.set('x-trailer', 't');
      if (!call.request.equals(Buffer.from('sleep'))) return reply(null, call.request, trailers);
      const timer = setTimeout(() => reply(null, call.request), 10000);
      return call.on('cancelled', () => clearTimeout(timer));
    },
    Down(call) {
      const count = Number(call.request.toString());
      for (let i = 0; i < count; ++i) call.write(Buffer.from(String(i)));
      call.end();
    },
    Up(call, reply) {
      let bytes = 0;
      call.on('data', (part) => { bytes += part.length; });
      call.on('end', () => reply(null, Buffer.from(String(bytes))));
    },
    Both(call) {
      call.on('data', (part) => call.write(part));
      call.on('end', () => call.end());
    },
  });
  server.bindAsync(`0.0.0.0:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
    console.log('ready');
  });
}

const deadline = (seconds) => ({ deadline: Date.now() + 1000 * seconds });

function unary(client, message, options) {
  return new Promise((resolve) => {
    const result = { trailers: {} };
    const call = client.Unary(message, new grpc.Metadata(), options, (error, answer) => {
      result.error = error;
      result.answer = answer;
    });
    call.on('status', (status) => {
      result.status = [grpc.status[status.code], status.details, status.metadata.getMap()];
      setImmediate(() => resolve(result));
    });
    result.cancel = () => call.cancel();
    if (options.cancelAfter) setTimeout(result.cancel, options.cancelAfter);
  });
}

const all = (stream) => new Promise((resolve, reject) => {
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => resolve(parts));
  stream.on('error', reject);
});

async function tryAll(address) {
  const Client = grpc.makeGenericClientConstructor(METHODS, SERVICE);
  const client = new Client(address, grpc.credentials.createInsecure(),
    { 'grpc.max_receive_message_length': -1 });
  const out = {};
  const hello = await unary(client, Buffer.from('hello'), deadline(10));
  out.unary = hello.answer.toString();
  out.trailers = hello.status[2];
  out.big = (await unary(client, BIG, deadline(20))).answer.equals(BIG);
  out.down = (await all(client.Down(Buffer.from('50')))).map(String);
  out.up = await new Promise((resolve, reject) => {
    const call = client.Up((error, answer) => (error ? reject(error) : resolve(String(answer))));
    for (let i = 0; i < 20; ++i) call.write(BIG.subarray(0, 60000));
    call.end();
  });
  const parts = Array.from({ length: 20 }, (_, i) => Buffer.alloc([0, 1, 1000, 100000][i % 4], 'x'));
  const both = client.Both();
  const echoed = all(both);
  parts.forEach((part) => both.write(part));
  both.end();
  out.both = Buffer.concat(await echoed).equals(Buffer.concat(parts));
  out.fail = (await unary(client, Buffer.from('fail'), deadline(10))).status;
  const begin = Date.now();
  out.deadline = (await unary(client, Buffer.from('sleep'), deadline(0.5))).status;
  out.deadline_s = (Date.now() - begin) / 1000;
  out.unknown = await new Promise((resolve) => {
    client.makeUnaryRequest('/heddle.test.Nobody/Nothing', same, same, Buffer.alloc(0),
      (error) => resolve([grpc.status[error.code], error.details, {}]));
  });
  out.cancelled = (await unary(client, Buffer.from('sleep'),
    { ...deadline(10), cancelAfter: 200 })).status[0] === 'CANCELLED';
  const many = await Promise.all(Array.from({ length: 200 }, (_, i) =>
    unary(client, Buffer.from(`m${i}`), deadline(20))));
  out.many = many.every((each, i) => each.answer.toString() === `m${i}`);
  client.close();
  console.log(JSON.stringify(out));
}

if (process.argv[2] === 'server') serve(process.argv[3]);
else tryAll(process.argv[3]).catch((error) => { console.error(error); process.exit(1); });
