/** What can be done with a lane. Each asks the server for one thing, and says how it ended. */

import * as vscode from "vscode";
import { Refusal } from "./connection";
import { chooseFolder, startLane } from "./lane_start";
import type { Lane, PermissionMode, Rescue } from "./protocol";
import type { Actions, Surfaces } from "./surfaces";

const MODES: { label: PermissionMode; detail: string }[] = [
  { label: "supervised", detail: "What the agent asks, a person decides" },
  { label: "plan", detail: "The agent plans, and nothing is changed" },
  { label: "auto", detail: "The lane's rules decide; what none fits is asked" },
];

/** The commands about lanes, by name. */
export function laneCommands(surfaces: Surfaces): Actions {
  const { connection, review, terminals, picker, controls } = surfaces;
  const update = (lane: Lane, change: Parameters<typeof connection.call<"lane.update">>[1]) =>
    connection.call("lane.update", change, { lane_id: lane.lane_id });
  const onLane = (act: (lane: Lane) => unknown, isClosed = false): Actions[string] => {
    return async (target) => {
      const lane = await picker.lane(target, isClosed);
      return lane === undefined ? undefined : act(lane);
    };
  };
  return {
    startLane: (_, text) => start(surfaces, typeof text === "string" ? text : undefined),
    review: onLane((lane) => review.open(lane)),
    commit: onLane(async (lane) => {
      const typed = controls.takeMessage(lane) || (await vscode.window.showInputBox({ title: `Commit in ${lane.name}`, prompt: "Commit message", value: lane.name }));
      if (typed === undefined) return;
      const message = typed.trim() === "" ? {} : { message: typed };
      const now = (await connection.follow("lane", "lane.commit", message, { lane_id: lane.lane_id })) as Lane;
      vscode.window.setStatusBarMessage(`$(git-commit) ${now.name}: ${(now.worktrees[0]?.head_commit ?? "").slice(0, 10)}`, 5000);
    }),
    merge: onLane((lane) => merge(surfaces, lane, false)),
    mergeSquash: onLane((lane) => merge(surfaces, lane, true)),
    cleanup: onLane((lane) => cleanup(surfaces, lane)),
    restoreLane: onLane(async (lane) => {
      const now = (await connection.follow("lane", "lane.attach", {}, { lane_id: lane.lane_id })) as Lane;
      void vscode.window.showInformationMessage(`Lane ${now.name} is back.`);
    }, true),
    deleteLane: onLane(async (lane) => {
      const sure = await vscode.window.showWarningMessage(`Forget lane ${lane.name}? Its branch and what it said stay.`, { modal: true }, "Forget It");
      if (sure !== undefined) await connection.call("lane.delete", {}, { lane_id: lane.lane_id });
    }, true),
    renameLane: onLane(async (lane) => {
      const name = await vscode.window.showInputBox({ title: "Rename the Lane", value: lane.name });
      if (name !== undefined && name.trim() !== "") await update(lane, { name });
    }),
    permissionMode: onLane(async (lane) => {
      const now = lane.permission_mode ?? "supervised";
      const rows = MODES.map((mode) => ({ ...mode, description: mode.label === now ? "now" : "" }));
      const picked = await vscode.window.showQuickPick(rows, { title: `Who decides what agents in ${lane.name} ask?` });
      if (picked !== undefined) await update(lane, { permission_mode: picked.label });
    }),
    constraint: onLane(async (lane) => {
      const constraints = connection.mirror.list("constraint", lane.workspace_id);
      const rows = constraints.map((each) => ({
        label: each.name,
        description: [each.is_default ? "default" : "", each.constraint_id === lane.constraint_id ? "now" : ""].filter(Boolean).join(", "),
        detail: describeLimits(each),
      }));
      const none = { label: "default", description: "", detail: "What the workspace says" };
      const make = { label: "$(add) New limits…", description: "", detail: "" };
      const picked = await vscode.window.showQuickPick([none, ...rows, make], { title: `Limits of turns in ${lane.name}` });
      if (picked === undefined) return;
      const constraint = picked === make ? await makeConstraint(surfaces, lane) : picked.label;
      if (constraint !== undefined) await update(lane, { constraint });
    }),
    openFolder: onLane((lane) => {
      const folder = vscode.Uri.file(lane.worktrees[0]?.path ?? "");
      return vscode.commands.executeCommand("vscode.openFolder", folder, { forceNewWindow: true });
    }),
    openTerminal: onLane((lane) => terminals.spawn(lane)),
    attachTerminal: (target) => {
      if (target !== undefined && "kind" in target && target.kind === "terminal") terminals.show(target.terminal);
    },
    closeTerminal: async (target) => {
      if (target === undefined || !("kind" in target) || target.kind !== "terminal") return;
      const { lane_id, terminal_id } = target.terminal;
      await connection.call("terminal.close", {}, { lane_id, terminal_id });
    },
    openChange: async (target) => {
      if (target !== undefined && "kind" in target && target.kind === "file") await review.show(target.file);
    },
  };
}

async function start({ connection, panels }: Surfaces, text: string | undefined): Promise<void> {
  const folder = await chooseFolder();
  if (folder === undefined) {
    void vscode.window.showInformationMessage("Open a folder of a git repository first.");
    return;
  }
  const prompt = text ?? (await vscode.window.showInputBox({ title: "Start a Lane", prompt: "What shall be done?", ignoreFocusOut: true }));
  if (prompt === undefined || prompt.trim() === "") return;
  const profile = vscode.workspace.getConfiguration("agentlanes", folder).get("profile", "");
  const open = vscode.window.activeTextEditor?.document.uri;
  // A folder may hold many repositories: the open file says which is meant.
  const path = open !== undefined && vscode.workspace.getWorkspaceFolder(open) === folder ? open.fsPath : folder.uri.fsPath;
  const session = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: "Agent Lanes: making the lane" },
    () => startLane(connection, path, folder.uri.fsPath, prompt, profile),
  );
  panels.show(session, true);
}

async function merge(surfaces: Surfaces, lane: Lane, squash: boolean): Promise<void> {
  const target = lane.worktrees[0]?.target_branch ?? "its target";
  const button = squash ? "Squash and Merge" : "Merge";
  const confirmed = await vscode.window.showInformationMessage(`Merge lane ${lane.name} into ${target}?`, { modal: true }, button);
  if (confirmed === undefined) return;
  const now = (await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `Agent Lanes: merging ${lane.name}` }, () =>
    surfaces.connection.follow("lane", "lane.merge", squash ? { squash } : {}, { lane_id: lane.lane_id }),
  )) as Lane;
  const made = now.merges?.at(-1);
  const told = `Lane ${now.name} is merged into ${made?.target_branch_name ?? target} as ${made?.merge_commit.slice(0, 10) ?? "it was"}.`;
  void vscode.window.showInformationMessage(told, "Close the Lane").then(async (chosen) => {
    if (chosen !== undefined) await vscode.commands.executeCommand("agentlanes.cleanup", { kind: "lane", lane: now });
  });
}

async function cleanup({ connection }: Surfaces, lane: Lane): Promise<void> {
  const context = { lane_id: lane.lane_id };
  let now: Lane;
  try {
    now = (await connection.follow("lane", "lane.cleanup", {}, context)) as Lane;
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "LANE_HOLDS_WORK") throw error;
    const answer = await vscode.window.showWarningMessage(error.message, { modal: true }, "Save It and Close");
    if (answer === undefined) return;
    now = (await connection.follow("lane", "lane.cleanup", { force: true }, context)) as Lane;
  }
  const rescues = (now.rescues ?? []).slice((lane.rescues ?? []).length);
  if (rescues.length > 0) void tellRescue(now, rescues);
}

async function tellRescue(lane: Lane, rescues: Rescue[]): Promise<void> {
  const commands = rescues.map((rescue) => rescue.restore ?? rescue.moved_to ?? rescue.commit ?? "").filter((text) => text !== "");
  const chosen = await vscode.window.showInformationMessage(`What lane ${lane.name} held is saved.`, "Copy How to Get It Back");
  if (chosen !== undefined) await vscode.env.clipboard.writeText(commands.join("\n"));
}

async function makeConstraint({ connection }: Surfaces, lane: Lane): Promise<string | undefined> {
  const name = await vscode.window.showInputBox({ title: "New Limits (1/3)", prompt: "Name", ignoreFocusOut: true });
  if (name === undefined || name.trim() === "") return undefined;
  const isNumber = (text: string) => (text === "" || Number(text) > 0 ? undefined : "A number, or nothing for no limit");
  const minutes = await vscode.window.showInputBox({ title: "New Limits (2/3)", prompt: "Minutes that a turn may run; empty for no limit", validateInput: isNumber, ignoreFocusOut: true });
  if (minutes === undefined) return undefined;
  const tokens = await vscode.window.showInputBox({ title: "New Limits (3/3)", prompt: "Tokens that a turn may take; empty for no limit", validateInput: isNumber, ignoreFocusOut: true });
  if (tokens === undefined) return undefined;
  const limits = {
    name,
    ...(minutes === "" ? {} : { time_limit_ms: Math.round(Number(minutes) * 60_000) }),
    ...(tokens === "" ? {} : { token_budget: Math.round(Number(tokens)) }),
  };
  return (await connection.call("constraint.create", limits, { workspace_id: lane.workspace_id })).constraint.constraint_id;
}

function describeLimits(limits: { time_limit_ms?: number; token_budget?: number; memory_limit_mb?: number; cost_limit?: { amount: number; currency: string } }): string {
  return [
    limits.time_limit_ms === undefined ? "" : `${limits.time_limit_ms / 60_000} min`,
    limits.token_budget === undefined ? "" : `${limits.token_budget} tokens`,
    limits.cost_limit === undefined ? "" : `${limits.cost_limit.amount} ${limits.cost_limit.currency}`,
    limits.memory_limit_mb === undefined ? "" : `${limits.memory_limit_mb} MiB`,
  ]
    .filter((part) => part !== "")
    .join(" · ");
}
