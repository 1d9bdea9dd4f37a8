/** The server stops, is killed and comes back under an open window, and others drive what the window shows. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import { said, script, startLane, turnEnd, until, wait, type Api } from "./story";

const COUNT = Array.from({ length: 200 }, (_, number) => `n${number}`).join(" ");

export const stories = { serverIsStopped, serverIsKilled, whatIsSentMeanwhileIsDoneOnce, aProgramIsUsedAsSoonAsASettingNamesIt };

function serverIsStopped(api: Api): Promise<void> {
  return goneInMidTurn(api, async () => void (await api.connection.call("server.stop")));
}

function serverIsKilled(api: Api): Promise<void> {
  return goneInMidTurn(api, async () => {
    process.kill((await api.connection.call("server.status")).pid, "SIGKILL");
  });
}

/** The agent goes on while the server is gone; the window comes back by itself, with everything, once. */
async function goneInMidTurn(api: Api, end: () => Promise<void>): Promise<void> {
  const { connection } = api;
  const { turn } = await startLane(api, script({ pace: 5 }, { say: COUNT }));
  await until(api, () => said(api, turn).includes("n9 "), "the first words");
  const { generation } = await connection.call("server.status");
  const lost = until(api, () => !connection.connected, "the loss");
  await end();
  await lost;
  await until(api, () => connection.connected, "the way back");
  const done = await turnEnd(api, turn);
  assert.equal(done.status, "completed");
  assert.ok((await connection.call("server.status")).generation > generation);
  await until(api, () => said(api, turn) === COUNT, () => `all words; they are ${said(api, turn)}`);
}

async function whatIsSentMeanwhileIsDoneOnce(api: Api): Promise<void> {
  const { connection } = api;
  const { session, turn } = await startLane(api, script({ say: "begun" }));
  await turnEnd(api, turn);
  const { pid } = await connection.call("server.status");
  // Some go out before the kill and have no answer yet, some while nobody is there.
  const before = [0, 1, 2].map((number) => connection.call("turn.create", { prompt: script({ say: `before ${number}` }) }, { session_id: session.session_id }));
  process.kill(pid, "SIGKILL");
  await until(api, () => !connection.connected, "the loss");
  const after = [0, 1, 2].map((number) => connection.call("turn.create", { prompt: script({ say: `after ${number}` }) }, { session_id: session.session_id }));
  const answers = await Promise.all([...before, ...after]);
  for (const answer of answers) await turnEnd(api, answer.turn);
  const { turns } = await connection.call("turn.list", {}, { session_id: session.session_id });
  assert.equal(turns.length, 7);
  assert.equal(new Set(turns.map((each) => each.turn_id)).size, 7);
}

async function aProgramIsUsedAsSoonAsASettingNamesIt(api: Api): Promise<void> {
  const { connection } = api;
  const settings = vscode.workspace.getConfiguration("agentlanes");
  const program = settings.get<string[]>("command");
  const told: unknown[] = [];
  const listening = connection.onDidFail((error) => told.push(error));
  const failed = wait(connection.onDidFail, () => told.length > 0, "word of the failure");
  await settings.update("command", ["no-such-program"], vscode.ConfigurationTarget.Workspace);
  await failed;
  assert.equal(connection.connected, false);
  await settings.update("command", program, vscode.ConfigurationTarget.Workspace);
  await until(api, () => connection.connected, "the connection");
  assert.match(String(told), /no-such-program/);
  assert.equal(told.length, 1);
  listening.dispose();
}
