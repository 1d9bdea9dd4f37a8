// Terminals as an editor runs them: node-pty behind Microsoft's JSON-RPC, on a unix socket whose path is given.
// Output is sent at once where the last was sent a while ago, and gathered for some milliseconds otherwise.
'use strict';
const net = require('node:net');
const pty = require('node-pty');
const rpc = require('vscode-jsonrpc/node');

const GATHER_MS = 8;
const GATHER_CHARACTERS = 65536;
// VS Code's own marks: above the one a terminal is paused, below the other it goes on.
const HIGH_WATER = 100000;
const LOW_WATER = 5000;

net
  .createServer((socket) => {
    const connection = rpc.createMessageConnection(
      new rpc.SocketMessageReader(socket),
      new rpc.SocketMessageWriter(socket),
    );
    const terminals = new Map();

    function spawn(id, argv) {
      const terminal = pty.spawn(argv[0], argv.slice(1), { name: 'xterm-256color', cols: 80, rows: 24 });
      terminals.set(id, terminal);
      let gathered = '';
      let timer = null;
      let unsent = 0;
      let paused = false;

      function send() {
        const data = gathered;
        gathered = '';
        unsent += data.length;
        if (unsent > HIGH_WATER && !paused) {
          paused = true;
          terminal.pause();
        }
        connection.sendNotification('terminal.output', { terminal_id: id, data }).then(() => {
          unsent -= data.length;
          if (paused && unsent < LOW_WATER) {
            paused = false;
            terminal.resume();
          }
        });
      }

      function flush() {
        timer = null;
        if (gathered) {
          send();
          timer = setTimeout(flush, GATHER_MS);
        }
      }

      terminal.onData((data) => {
        gathered += data;
        if (gathered.length >= GATHER_CHARACTERS) {
          send();
        } else if (timer === null) {
          send();
          timer = setTimeout(flush, GATHER_MS);
        }
      });
    }

    connection.onRequest('terminal.spawn', ({ id, argv }) => {
      spawn(id, argv);
      return null;
    });
    connection.onNotification('terminal.input', ({ id, data }) => terminals.get(id).write(data));
    connection.onClose(() => {
      for (const terminal of terminals.values()) {
        terminal.kill('SIGKILL');
      }
    });
    connection.listen();
  })
  .listen(process.argv[2]);
