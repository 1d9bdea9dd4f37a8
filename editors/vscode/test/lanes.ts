/** Lanes, their agents' questions and their changes, by the commands that a person uses. */

import * as assert from "node:assert/strict";
import * as path from "node:path";
import * as vscode from "vscode";
import { NEEDS_TRUST } from "../src/commands";
import type { ChangedFile } from "../src/changes";
import type { Approval } from "../src/protocol";
import { nextApproval, node, said, script, startLane, turnEnd, until, wait, type Api } from "./story";

export const stories = { everyCommand, fromPromptToMerge, theQueueIsOrdered, whatIsAllowedForALaneIsRevoked, theOldTextIsThatOfTheMergeBase, conversationsGoOn };

async function everyCommand(): Promise<void> {
  const manifest = vscode.extensions.getExtension("agentlanes.agentlanes")?.packageJSON as {
    contributes: { commands: { command: string; enablement?: string }[] };
  };
  const { commands } = manifest.contributes;
  const registered = new Set(await vscode.commands.getCommands(true));
  for (const { command } of commands) assert.ok(registered.has(command), command);
  const guarded = commands.filter(({ enablement }) => enablement === "isWorkspaceTrusted").map(({ command }) => command.split(".")[1]);
  assert.deepEqual(guarded.sort(), [...NEEDS_TRUST].sort());
}

async function fromPromptToMerge(api: Api): Promise<void> {
  const { mirror } = api.connection;
  const { lane, session, turn } = await startLane(api, "Greet the reader");
  assert.equal(lane.name, "Greet the reader");
  const approval = await nextApproval(api, session);
  await vscode.commands.executeCommand("agentlanes.previewApproval", node(approval));
  const asked = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  assert.ok(asked instanceof vscode.TabInputTextDiff, "what it would change is not shown");
  assert.match((await vscode.workspace.openTextDocument(asked.modified)).getText(), /^# /);
  // Another client answers: what was shown of the question closes here.
  const closed = new Promise<void>((resolve) => vscode.window.tabGroups.onDidChangeTabs(({ closed }) => closed.length > 0 && resolve()));
  await api.connection.call("approval.resolve", { approval_id: approval.approval_id, kind: "allow_once" });
  await closed;
  assert.equal(shown().length, 0);
  assert.equal((await turnEnd(api, turn)).status, "completed");
  assert.ok(mirror.list("item", turn.turn_id).some((item) => item.kind === "tool_call"));

  const files = await until(api, () => (api.changes.get(lane)?.length ?? 0) > 0 && api.changes.get(lane), "the lane's changes");
  assert.equal(files.length, 1);
  const [file] = files as [ChangedFile];
  // The demo agent changes one file, so the review goes straight to its diff.
  await vscode.commands.executeCommand("agentlanes.review", { kind: "lane", lane });
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  assert.ok(tab instanceof vscode.TabInputTextDiff, "no diff is open");
  assert.equal(tab.modified.fsPath, path.join(lane.worktrees[0]?.path ?? "?", file.path));
  assert.equal((await vscode.workspace.openTextDocument(tab.original)).getText(), "");
  const after = await vscode.workspace.openTextDocument(tab.modified);
  assert.notEqual(after.getText(), "");

  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await api.connection.follow("lane", "lane.merge", {}, { lane_id: lane.lane_id });
  const merged = mirror.get("lane", lane.lane_id)?.merges?.at(-1);
  assert.match(merged?.merge_commit ?? "", /^[0-9a-f]{40}/);
  await vscode.commands.executeCommand("agentlanes.cleanup", { kind: "lane", lane });
  assert.equal(mirror.get("lane", lane.lane_id)?.status, "closed");
}

async function theQueueIsOrdered(api: Api): Promise<void> {
  const { mirror } = api.connection;
  const { session, turn } = await startLane(api, `Hold on\n${script({ ask: { title: "Go on" } })}`);
  const queued = () => mirror.list("turn", session.session_id).filter((each) => each.status === "queued").sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  for (const text of ["one", "two", "three"]) {
    await vscode.commands.executeCommand("agentlanes.prompt", { kind: "session", session }, script({ say: text }));
  }
  await until(api, () => queued().length === 3, "three queued turns");
  await vscode.commands.executeCommand("agentlanes.moveUp", { kind: "turn", turn: queued()[2] });
  await until(api, () => queued()[1]?.prompt.includes("three"), "the third before the second");
  await vscode.commands.executeCommand("agentlanes.cancelTurn", { kind: "turn", turn: queued()[2] });
  await until(api, () => queued().length === 2, "two queued turns");
  const left = queued();
  await vscode.commands.executeCommand("agentlanes.approve", node(await nextApproval(api, session)));
  await turnEnd(api, turn);
  const ends = [];
  for (const each of left) ends.push(await turnEnd(api, each));
  assert.deepEqual(ends.map((end) => said(api, end)), ["one", "three"]);
  assert.ok(String(ends[0]?.started_at) < String(ends[1]?.started_at));
}

async function whatIsAllowedForALaneIsRevoked(api: Api): Promise<void> {
  const { connection } = api;
  const run = { run: { argv: ["true"], ask: true } };
  const { session, turn } = await startLane(api, `Twice\n${script(run, run)}`);
  const approval: Approval = await nextApproval(api, session);
  await connection.call("approval.resolve", { approval_id: approval.approval_id, kind: "allow_once", scope: "lane" });
  // The second is the same, so nobody is asked.
  assert.equal((await turnEnd(api, turn)).status, "completed");
  const asked = connection.mirror.list("approval").filter((each) => each.session_id === session.session_id);
  assert.ok(asked.every((each) => each.status === "approved"), JSON.stringify(asked.map((each) => each.status)));
  const grant = await until(api, () => connection.mirror.list("grant").find((each) => each.lane_id === session.lane_id), "the grant");
  await connection.call("grant.revoke", { grant_id: grant.grant_id });
  await until(api, () => connection.mirror.get("grant", grant.grant_id) === undefined, "the grant's end");
}

async function theOldTextIsThatOfTheMergeBase(api: Api): Promise<void> {
  const edits = [{ path: "README.md", text: "# Another title\n" }, { path: "new.txt", text: "new\n" }];
  const { lane, turn } = await startLane(api, `Change\n${script(...edits.map((edit) => ({ write: { ...edit, ask: false } })))}`);
  await turnEnd(api, turn);
  const files = await until(api, () => api.changes.get(lane)?.length === 2 && api.changes.get(lane), "two changed files");
  assert.deepEqual(files.map((file) => `${file.status} ${file.path}`).sort(), ["added new.txt", "modified README.md"]);
  await vscode.commands.executeCommand("agentlanes.openChange", { kind: "file", file: files.find((file) => file.path === "README.md") });
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  assert.ok(tab instanceof vscode.TabInputTextDiff);
  const base = await vscode.workspace.openTextDocument(tab.original);
  assert.equal(base.getText(), "# A small project\n");
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
}

async function conversationsGoOn(api: Api): Promise<void> {
  const { connection } = api;
  const { session, turn } = await startLane(api, script({ say: "first" }));
  await turnEnd(api, turn);
  await vscode.commands.executeCommand("agentlanes.fork", { kind: "session", session });
  const fork = await until(api, () => connection.mirror.list("session", session.lane_id).find((each) => each.origin?.session_id === session.session_id), "the fork");
  assert.equal(fork.origin?.kind, "fork");
  await until(api, () => connection.mirror.get("session", fork.session_id)?.status === "attached", "the fork's agent");
  // The page of the session that was opened is a panel that the editor gives back after a restart.
  const panels = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => tab.input instanceof vscode.TabInputWebview);
  assert.ok(panels.length > 0);
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await wait(vscode.window.tabGroups.onDidChangeTabs, () => vscode.window.tabGroups.all.every((group) => group.tabs.length === 0), "closed editors");
}

function shown(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => tab.input instanceof vscode.TabInputTextDiff);
}
