/** What the palette, the menus and the keys do: each asks the server for one thing. */

import * as vscode from "vscode";
import type { ApprovalNode, Approvals } from "./approvals";
import type { Changes } from "./changes";
import { Refusal, type Connection } from "./connection";
import type { Health } from "./health";
import { laneCommands } from "./lane_commands";
import type { Picker, Target } from "./pick";
import type { Review } from "./review";
import { sessionCommands } from "./session_commands";
import type { SessionPanels } from "./session_panel";
import type { LaneSourceControls } from "./source_control";
import type { Terminals } from "./terminals";

export interface Surfaces {
  connection: Connection;
  approvals: Approvals;
  changes: Changes;
  controls: LaneSourceControls;
  health: Health;
  review: Review;
  panels: SessionPanels;
  terminals: Terminals;
  picker: Picker;
}

/** Commands by their name without its prefix. A menu hands over what was clicked on. */
export type Actions = Record<string, (target?: Target, text?: unknown) => unknown>;

/** What starts an agent or a program. The manifest says the same with `enablement`. */
export const NEEDS_TRUST = [
  ...["startLane", "prompt", "promptSelection", "promptAll", "newSession", "openTerminal"],
  ...["compact", "agentReview", "fork", "handover"],
];

/** Registers every command of the manifest. */
export function registerCommands(surfaces: Surfaces): vscode.Disposable[] {
  const { connection, approvals, health, review } = surfaces;
  const onApproval = (act: (node: ApprovalNode) => unknown): Actions[string] => {
    return (target) => (target !== undefined && "kind" in target && target.kind === "approval" ? act(target) : approvals.answer());
  };
  const actions: Actions = {
    ...laneCommands(surfaces),
    ...sessionCommands(surfaces),
    approve: onApproval(({ approval }) => approvals.decide(approval, "allow_once")),
    reject: onApproval(({ approval }) => approvals.decide(approval, "reject_once")),
    answer: onApproval(({ approval }) => approvals.answer(approval)),
    previewApproval: onApproval(({ approval }) => review.preview(approval)),
    restart: () => connection.restart(),
    health: () => health.show(),
    openWalkthrough: () => vscode.commands.executeCommand("workbench.action.openWalkthrough", "agentlanes.agentlanes#start"),
  };
  return Object.entries(actions).map(([name, action]) => vscode.commands.registerCommand(`agentlanes.${name}`, guard(NEEDS_TRUST.includes(name) ? trusted(action) : action)));
}

function trusted(action: Actions[string]): Actions[string] {
  return (target, text) => {
    if (vscode.workspace.isTrusted) return action(target, text);
    void vscode.window.showInformationMessage("An agent runs programs: trust this folder first.");
    return vscode.commands.executeCommand("workbench.trust.manage");
  };
}

/** A refusal is said to the user as the server said it; anything else is a defect and goes to the log. */
function guard(action: Actions[string]): Actions[string] {
  return async (target, text) => {
    try {
      return await action(target, text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      void vscode.window.showErrorMessage(error.message);
      return undefined;
    }
  };
}
