/** What the palette, the menus and the keys do: each asks the server for one thing. */

import * as vscode from "vscode";
import type { ApprovalNode, Approvals } from "./approvals";
import { Refusal, type Connection } from "./connection";
import { chooseFolder, findSession, startLane } from "./lane_start";
import type { Node } from "./lanes";
import type { Lane, Session } from "./protocol";
import type { Review } from "./review";
import type { SessionPanels } from "./session_panel";
import type { Terminals } from "./terminals";

export interface Surfaces {
  connection: Connection;
  approvals: Approvals;
  review: Review;
  panels: SessionPanels;
  terminals: Terminals;
}

type Action = (node?: Node | ApprovalNode, text?: string) => unknown;

/** Registers every command of the manifest. */
export function registerCommands(surfaces: Surfaces): vscode.Disposable[] {
  const { connection, approvals, review, panels, terminals } = surfaces;

  const onLane = (act: (lane: Lane, text?: string) => unknown): Action => {
    return async (node, text) => {
      const lane = await pickLane(connection, node);
      return lane === undefined ? undefined : act(lane, text);
    };
  };
  const onApproval = (act: (node: ApprovalNode) => unknown): Action => {
    return (node) => (node?.kind === "approval" ? act(node) : approvals.answer());
  };

  const actions: Record<string, Action> = {
    "agentlanes.startLane": (_, text) => start(surfaces, text),
    "agentlanes.prompt": async (node, text) => {
      const session = node?.kind === "session" ? node.session : await sessionOf(connection, node);
      if (session === undefined) return;
      const prompt = text ?? (await vscode.window.showInputBox({ title: session.title ?? session.profile, prompt: "What shall be done?" }));
      if (prompt === undefined || prompt.trim() === "") return;
      await connection.call("turn.create", { prompt }, { session_id: session.session_id });
      panels.show(session, true);
    },
    "agentlanes.openSession": async (node) => {
      const session = node?.kind === "session" ? node.session : await sessionOf(connection, node);
      if (session !== undefined) panels.show(session);
    },
    "agentlanes.interrupt": async (node) => {
      const session = node?.kind === "session" ? node.session : await sessionOf(connection, node);
      const turns = session === undefined ? [] : connection.mirror.list("turn", session.session_id);
      const active = turns.find((turn) => turn.status === "running" || turn.status === "waiting");
      if (active !== undefined) await connection.call("turn.interrupt", { turn_id: active.turn_id });
    },
    "agentlanes.review": onLane((lane) => review.open(lane)),
    "agentlanes.merge": onLane((lane) => merge(connection, lane)),
    "agentlanes.cleanup": onLane((lane) => cleanup(connection, lane)),
    "agentlanes.openFolder": onLane((lane) => {
      const folder = vscode.Uri.file(lane.worktrees[0]?.path ?? "");
      return vscode.commands.executeCommand("vscode.openFolder", folder, { forceNewWindow: true });
    }),
    "agentlanes.openTerminal": onLane((lane) => terminals.spawn(lane)),
    "agentlanes.attachTerminal": (node) => (node?.kind === "terminal" ? terminals.show(node.terminal) : undefined),
    "agentlanes.approve": onApproval(({ approval }) => approvals.decide(approval, "allow_once")),
    "agentlanes.reject": onApproval(({ approval }) => approvals.decide(approval, "reject_once")),
    "agentlanes.answer": (node) => approvals.answer(node?.kind === "approval" ? node.approval : undefined),
    "agentlanes.previewApproval": onApproval(({ approval }) => review.preview(approval)),
    "agentlanes.restart": () => connection.restart(),
    "agentlanes.openWalkthrough": () =>
      vscode.commands.executeCommand("workbench.action.openWalkthrough", "agentlanes.agentlanes#start"),
  };
  return Object.entries(actions).map(([name, action]) => vscode.commands.registerCommand(name, guard(action)));
}

/** A refusal is said to the user as the server said it; anything else is a defect and goes to the log. */
function guard(action: Action): Action {
  return async (node, text) => {
    try {
      return await action(node, text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      void vscode.window.showErrorMessage(error.message);
      return undefined;
    }
  };
}

async function start({ connection, panels }: Surfaces, text: string | undefined): Promise<void> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showInformationMessage("An agent runs programs: trust this folder first.");
    return void vscode.commands.executeCommand("workbench.trust.manage");
  }
  const folder = await chooseFolder();
  if (folder === undefined) {
    void vscode.window.showInformationMessage("Open a folder of a git repository first.");
    return;
  }
  const prompt = text ?? (await vscode.window.showInputBox({ title: "Start a Lane", prompt: "What shall be done?", ignoreFocusOut: true }));
  if (prompt === undefined || prompt.trim() === "") return;
  const profile = vscode.workspace.getConfiguration("agentlanes", folder).get("profile", "");
  const session = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: "Agent Lanes: making the lane" },
    () => startLane(connection, folder.uri.fsPath, prompt, profile),
  );
  panels.show(session, true);
}

async function merge(connection: Connection, lane: Lane): Promise<void> {
  const target = lane.worktrees[0]?.target_branch ?? "its target";
  const confirmed = await vscode.window.showInformationMessage(`Merge lane ${lane.name} into ${target}?`, { modal: true }, "Merge");
  if (confirmed === "Merge") await connection.call("lane.merge", {}, { lane_id: lane.lane_id });
}

async function cleanup(connection: Connection, lane: Lane): Promise<void> {
  const context = { lane_id: lane.lane_id };
  try {
    await connection.call("lane.cleanup", {}, context);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "LANE_HOLDS_WORK") throw error;
    const answer = await vscode.window.showWarningMessage(error.message, { modal: true }, "Save It and Close");
    if (answer !== undefined) await connection.call("lane.cleanup", { force: true }, context);
  }
}

async function sessionOf(connection: Connection, node: Node | ApprovalNode | undefined): Promise<Session | undefined> {
  const lane = await pickLane(connection, node);
  return lane === undefined ? undefined : findSession(connection, lane);
}

async function pickLane(connection: Connection, node: Node | ApprovalNode | undefined): Promise<Lane | undefined> {
  if (node?.kind === "lane") return connection.mirror.get("lane", node.lane.lane_id);
  if (node?.kind === "approval") return connection.mirror.get("lane", node.approval.lane_id);
  const lanes = connection.mirror.list("lane").filter((lane) => lane.status !== "closed");
  if (lanes.length <= 1) return lanes[0];
  const rows = lanes.map((lane) => ({ label: lane.name, description: lane.status, lane }));
  return (await vscode.window.showQuickPick(rows, { title: "Which lane?" }))?.lane;
}
