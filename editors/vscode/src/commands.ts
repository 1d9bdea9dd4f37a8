/** What the palette, the menus and the keys do: each asks the server for one thing. */

import * as vscode from "vscode";
import type { ApprovalNode } from "./approvals";
import { Refusal } from "./connection";
import { laneCommands } from "./lane_commands";
import { sessionCommands } from "./session_commands";
import type { Actions, Surfaces } from "./surfaces";

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
