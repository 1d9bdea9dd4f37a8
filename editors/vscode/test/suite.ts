/** The stories, played in the extension host of a real VS Code. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Change } from "../src/mirror";
import type { Api } from "../src/extension";
import { LanePty } from "../src/terminals";
import type { Approval, Lane, Terminal, Turn } from "../src/protocol";

const PATIENCE_MS = 30_000;

export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension<Api>("agentlanes.agentlanes");
  assert.ok(extension, "the extension is not there");
  const { connection } = await extension.activate();
  const stories: [name: string, story: (api: Api) => Promise<void>][] = [
    ["every command of the manifest is registered", everyCommand],
    ["from a prompt to a merge", fromPromptToMerge],
    ["a terminal goes on where it was", terminalGoesOn],
    ["the server is restarted under the editor", serverRestarted],
  ];
  await until({ connection }, () => connection.connected, "the connection");
  for (const [name, story] of stories) {
    await story({ connection });
    console.log(`EXT-TESTS ok: ${name}`);
  }
}

async function everyCommand(): Promise<void> {
  const manifest = vscode.extensions.getExtension("agentlanes.agentlanes")?.packageJSON as {
    contributes: { commands: { command: string }[] };
  };
  const registered = new Set(await vscode.commands.getCommands(true));
  for (const { command } of manifest.contributes.commands) assert.ok(registered.has(command), command);
}

async function fromPromptToMerge(api: Api): Promise<void> {
  const { mirror } = api.connection;
  await vscode.commands.executeCommand("agentlanes.startLane", undefined, "Greet the reader");
  const approval = await until(api, () => mirror.list("approval").find((found) => found.status === "pending"), "an approval");
  const lane = mirror.get("lane", approval.lane_id) as Lane;
  assert.equal(lane.name, "Greet the reader");
  await vscode.commands.executeCommand("agentlanes.previewApproval", node(approval));
  await vscode.commands.executeCommand("agentlanes.approve", node(approval));
  const turn = await until(api, () => ended(mirror.get("turn", approval.turn_id)), "the turn's end");
  assert.equal(turn.status, "completed");
  assert.ok(mirror.list("item", turn.turn_id).some((item) => item.kind === "tool_call"));
  // The demo agent changes one file, so the review goes straight to its diff.
  await vscode.commands.executeCommand("agentlanes.review", { kind: "lane", lane });
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  assert.ok(tab instanceof vscode.TabInputTextDiff, "no diff is open");
  assert.ok(tab.modified.fsPath.startsWith(lane.worktrees[0]?.path ?? "?"));
  const before = await vscode.workspace.openTextDocument(tab.original);
  const after = await vscode.workspace.openTextDocument(tab.modified);
  assert.notEqual(before.getText(), after.getText());
  assert.ok(before.getText() === "" || after.getText().startsWith(before.getText().trimEnd().slice(0, 10)));
  await api.connection.call("lane.merge", {}, { lane_id: lane.lane_id });
  const merged = await until(api, () => mirror.get("lane", lane.lane_id)?.merges?.at(-1), "the merge");
  assert.match(merged.merge_commit, /^[0-9a-f]{40}/);
}

async function terminalGoesOn(api: Api): Promise<void> {
  const lane = api.connection.mirror.list("lane")[0] as Lane;
  const argv = ["sh", "-c", 'echo "héllo"; while read line; do echo "got $line"; done'];
  const { terminal } = await api.connection.call("terminal.spawn", { argv }, { lane_id: lane.lane_id });
  const first = look(api, terminal);
  await first.shows("héllo");
  first.pty.handleInput("one\r");
  await first.shows("got one");
  first.pty.close();
  const second = look(api, terminal);
  second.pty.handleInput("two\r");
  await second.shows("got two");
  assert.match(second.text(), /héllo[\s\S]*got one/);
  second.pty.close();
  await api.connection.call("terminal.close", {}, { lane_id: lane.lane_id, terminal_id: terminal.terminal_id });
}

async function serverRestarted(api: Api): Promise<void> {
  const { connection } = api;
  const lane = connection.mirror.list("lane")[0] as Lane;
  const { session } = await connection.call("session.create", {}, { lane_id: lane.lane_id });
  const script = `SCRIPT:${JSON.stringify([{ say: "one " }, { sleep: 3 }, { say: "two" }])}ENDSCRIPT`;
  const { turn } = await connection.call("turn.create", { prompt: script }, { session_id: session.session_id });
  await until(api, () => connection.mirror.get("turn", turn.turn_id)?.status === "running", "the turn's start");
  const { generation } = await connection.call("server.status");
  await connection.call("server.stop");
  const done = await until(api, () => ended(connection.mirror.get("turn", turn.turn_id)), "the turn's end");
  assert.equal(done.status, "completed");
  assert.notEqual((await connection.call("server.status")).generation, generation);
  const said = connection.mirror.list("item", turn.turn_id).map((item) => connection.mirror.text(item.item_id));
  assert.equal(said.join(""), "one two");
}

function look(api: Api, terminal: Terminal): { pty: LanePty; text: () => string; shows: (part: string) => Promise<void> } {
  const pty = new LanePty(api.connection, terminal);
  let written = "";
  const changed = new vscode.EventEmitter<void>();
  pty.onDidWrite((data) => {
    written += data;
    changed.fire();
  });
  pty.open({ columns: 80, rows: 24 });
  const shows = (part: string): Promise<void> =>
    wait(changed.event, () => (written.includes(part) ? true : undefined), `${part} on the terminal; it shows ${written}`).then(() => undefined);
  return { pty, text: () => written, shows };
}

function node(approval: Approval): { kind: "approval"; approval: Approval } {
  return { kind: "approval", approval };
}

function ended(turn: Turn | undefined): Turn | undefined {
  return turn !== undefined && ["completed", "failed", "interrupted"].includes(turn.status) ? turn : undefined;
}

function until<T>(api: Api, find: () => T | undefined | false, what: string): Promise<T> {
  const changed = new vscode.EventEmitter<void>();
  const listening = [
    api.connection.mirror.listen((_: Change) => changed.fire()),
    api.connection.onDidChangeState(() => changed.fire()),
  ];
  return wait(changed.event, find, what).finally(() => listening.forEach((one) => one.dispose()));
}

function wait<T>(changed: vscode.Event<void>, find: () => T | undefined | false, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const found = find();
      if (found === undefined || found === false) return false;
      clearTimeout(timer);
      listening.dispose();
      resolve(found);
      return true;
    };
    const timer = setTimeout(() => {
      listening.dispose();
      reject(new Error(`${what} did not come`));
    }, PATIENCE_MS);
    const listening = changed(() => void look());
    look();
  });
}
