// One peer of the server: `agentlanes stdio`, spoken to with Microsoft's vscode-jsonrpc and nothing of ours.
'use strict';

const { spawn } = require('node:child_process');
const rpc = require('vscode-jsonrpc/node');

let correlations = 0;

class Client {
  constructor() {
    this.child = spawn('agentlanes', ['stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(this.child.stdout),
      new rpc.StreamMessageWriter(this.child.stdin),
    );
    this.events = [];
    this.waiting = [];
    this.connection.onNotification((method, envelope) => this.hear(method, envelope));
    this.connection.listen();
  }

  async initialize() {
    const answer = await this.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      clientInfo: { name: 'vscode-jsonrpc' },
      initializationOptions: { agentlanes: { protocol_versions: ['1'], client: 'independent' } },
    });
    await this.connection.sendNotification('initialized', {});
    return answer.capabilities.experimental.agentlanes;
  }

  // The answer's envelope.
  request(method, payload = {}, ids = {}) {
    correlations += 1;
    return this.connection.sendRequest(method, { correlation_id: `node-${correlations}`, payload, ...ids });
  }

  async call(method, payload, ids) {
    return (await this.request(method, payload, ids)).payload;
  }

  // The payload of the first event of a topic that fits, of those that came and those that will.
  wait(topic, fits = () => true) {
    const found = this.events.find((event) => event.topic === topic && fits(event.payload));
    if (found) return Promise.resolve(found.payload);
    return new Promise((resolve) => this.waiting.push({ topic, fits, resolve }));
  }

  hear(method, envelope) {
    if (method !== envelope.topic) throw new Error(`${method} carries an envelope of ${envelope.topic}`);
    this.events.push(envelope);
    this.waiting = this.waiting.filter(({ topic, fits, resolve }) => {
      if (topic !== envelope.topic || !fits(envelope.payload)) return true;
      resolve(envelope.payload);
      return false;
    });
  }

  get logged() {
    return this.events.filter((event) => event.seq !== undefined);
  }

  async close() {
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    const code = await this.ended;
    this.connection.dispose();
    return code;
  }
}

module.exports = { Client };
