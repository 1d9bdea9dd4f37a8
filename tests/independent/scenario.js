// The main scenario, as a client that shares no code with the server sees it. Usage: node scenario.js REPOSITORY
'use strict';

const assert = require('node:assert/strict');
const rpc = require('vscode-jsonrpc/node');
const { Client } = require('./client');

async function makeLane(client, path) {
  const { workspace } = await client.call('workspace.create', { root_paths: [path] });
  const ids = { workspace_id: workspace.workspace_id };
  await client.call('repo.add', { path }, ids);
  const { lane } = await client.call('lane.create', { name: 'Greet' }, ids);
  assert.equal(lane.status, 'provisioning');
  const created = await client.wait('lane.created', (payload) => payload.lane.lane_id === lane.lane_id);
  assert.equal(created.lane.status, 'ready');
  return created.lane;
}

async function useTerminal(client, lane) {
  const { terminal } = await client.call('terminal.spawn', { argv: ['cat'] }, { lane_id: lane.lane_id });
  const ids = { terminal_id: terminal.terminal_id };
  await client.wait('terminal.spawned', (payload) => payload.terminal.terminal_id === terminal.terminal_id);
  await client.call('terminal.attach', { offset: 0 }, ids);
  await client.call('terminal.input', { data: 'grüß dich\n' }, ids);
  await client.wait('terminal.output', (payload) => payload.data.includes('grüß dich'));
  return ids;
}

async function prompt(client, lane) {
  const { session } = await client.call('session.create', {}, { lane_id: lane.lane_id });
  await client.wait('session.attached', (payload) => payload.session.session_id === session.session_id);
  const { turn } = await client.call('turn.create', { prompt: 'Write GREETING' }, { session_id: session.session_id });
  const { approval } = await client.wait('approval.requested');
  assert.deepEqual(
    approval.options.map((option) => option.kind),
    ['allow_once', 'allow_always', 'reject_once', 'reject_always'],
  );
  return { turn, approval };
}

async function makeMistakes(client) {
  const codes = {};
  const mistakes = {
    unknown: ['lane.crate', {}],
    invalid: ['workspace.create', { payload: { nmae: 'x' }, correlation_id: 'c' }],
    uncorrelated: ['workspace.create', { payload: { root_paths: ['/'] } }],
    unfounded: ['lane.get', { lane_id: 'ln_01M7XA1ZFJBX84F8JP1QMT6001' }],
  };
  for (const [name, [method, params]] of Object.entries(mistakes)) {
    const error = await client.connection.sendRequest(method, params).then(assert.fail, (refused) => refused);
    assert.ok(error instanceof rpc.ResponseError);
    codes[name] = [error.code, error.data.code];
  }
  assert.deepEqual(codes, {
    unknown: [-32601, 'METHOD_NOT_FOUND'],
    invalid: [-32602, 'INVALID_PARAMS'],
    uncorrelated: [-31001, 'MISSING_CORRELATION_ID'],
    unfounded: [-31300, 'LANE_NOT_FOUND'],
  });
}

// vscode-jsonrpc cancels with $/cancelRequest; there is an answer either way.
async function cancel(client) {
  const source = new rpc.CancellationTokenSource();
  const answer = client.connection.sendRequest('protocol.describe', {}, source.token);
  source.cancel();
  const how = await answer.then(() => 'answered', (error) => error.code);
  assert.ok(['answered', -32800].includes(how), String(how));
}

function textOf(client, itemId) {
  const parts = client.events.filter((event) => event.topic === 'item.delta' && event.payload.item_id === itemId);
  let text = Buffer.alloc(0);
  for (const { payload } of parts) {
    const fresh = Buffer.from(payload.data).subarray(Math.max(0, text.length - payload.offset));
    assert.ok(payload.offset <= text.length, 'a delta leaves a gap');
    text = Buffer.concat([text, fresh]);
  }
  return text.toString();
}

async function main(path) {
  const first = new Client();
  const before = await first.initialize();
  assert.equal(before.protocol_version, '1');
  const { seq, snapshot } = await first.call('event.subscribe');
  assert.equal(seq, 0);
  assert.deepEqual(snapshot.lanes, []);
  await makeMistakes(first);
  await cancel(first);
  const lane = await makeLane(first, path);
  const terminal = await useTerminal(first, lane);
  const { turn, approval } = await prompt(first, lane);

  // The server dies under a terminal and a turn; its client comes back where it was.
  const status = await first.call('server.status');
  process.kill(status.pid, 'SIGKILL');
  assert.equal(await first.ended, 1);
  const seen = first.logged.at(-1).seq;

  const second = new Client();
  const after = await second.initialize();
  assert.equal(after.server_id, before.server_id);
  assert.equal(after.generation, before.generation + 1);
  await second.call('event.subscribe', { after_seq: seen });
  await second.call('terminal.attach', { offset: 0 }, terminal);
  await second.call('terminal.input', { data: 'again\n' }, terminal);
  await second.wait('terminal.output', (payload) => payload.data.includes('again'));
  const pending = await second.call('approval.list', { status: 'pending' });
  assert.deepEqual(pending.approvals.map((each) => each.approval_id), [approval.approval_id]);
  await second.call('approval.resolve', { approval_id: approval.approval_id, kind: 'allow_once' });
  const completed = await second.wait('turn.completed', (payload) => payload.turn.turn_id === turn.turn_id);
  assert.equal(completed.turn.stop_reason, 'end_turn');

  // What streamed is what the closed items hold, as far as this client saw it stream.
  const { items } = await second.call('item.list', { turn_id: turn.turn_id });
  const messages = items.filter((item) => item.kind === 'message');
  assert.ok(messages.length > 0);
  for (const item of messages) assert.ok(item.text.startsWith(textOf(first, item.item_id)));

  const ids = { lane_id: lane.lane_id };
  const { worktrees } = await second.call('lane.diff', {}, ids);
  assert.deepEqual(worktrees[0].files.map((file) => [file.path, file.status]), [['GREETING.md', 'added']]);
  await second.call('terminal.close', {}, terminal);
  await second.wait('terminal.closed');
  await second.call('lane.merge', {}, ids);
  const { lane: merged } = await second.wait('lane.merged');
  await second.call('lane.cleanup', { delete_branch: true }, ids);
  const { lane: closed } = await second.wait('lane.cleaned');
  assert.equal(closed.status, 'closed');

  // Two clients, one log: no gap, no repeat.
  const positions = [...first.logged, ...second.logged].map((event) => event.seq);
  assert.deepEqual(positions, positions.map((_, index) => index + 1));
  assert.equal(await second.close(), 0);
  console.log(JSON.stringify({ merge_commit: merged.merges[0].merge_commit, events: positions.length }));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
