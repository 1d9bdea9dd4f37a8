// Microsoft's JSON-RPC as a language server uses it: on stdio, or on a unix socket whose path is given.
// It answers the very frames that the server of agentlanes gets, with the same payload, and validates nothing.
'use strict';
const net = require('node:net');
const rpc = require('vscode-jsonrpc/node');

const AT_ONCE = 64; // Notifications that wait for the writer at the same time.

function serve(reader, writer) {
  const connection = rpc.createMessageConnection(reader, writer);
  let payload = {};
  const answer = (params) => ({
    envelope_id: params.envelope_id,
    correlation_id: params.correlation_id,
    seq: 1,
    payload,
  });
  connection.onRequest('initialize', () => ({ capabilities: { experimental: {} }, serverInfo: { name: 'peer' } }));
  connection.onRequest('prepare', (params) => {
    payload = params.payload;
    return null;
  });
  connection.onRequest('workspace.get', answer);
  connection.onRequest('terminal.resize', async (params) => answer(params));
  connection.onRequest('flood', async ({ count, params }) => {
    for (let sent = 0; sent < count; ) {
      const batch = [];
      for (; sent < count && batch.length < AT_ONCE; sent++) {
        batch.push(connection.sendNotification('terminal.output', params));
      }
      await Promise.all(batch);
    }
    return 'flooded';
  });
  connection.listen();
}

const path = process.argv[2];
if (path === undefined || path === '--stdio') {
  serve(new rpc.StreamMessageReader(process.stdin), new rpc.StreamMessageWriter(process.stdout));
} else {
  net
    .createServer((socket) => serve(new rpc.SocketMessageReader(socket), new rpc.SocketMessageWriter(socket)))
    .listen(path);
}
