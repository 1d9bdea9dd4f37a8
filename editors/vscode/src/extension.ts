/** Wires the surfaces to one connection. */

import * as vscode from "vscode";
import { Approvals } from "./approvals";
import { registerCommands } from "./commands";
import { Connection } from "./connection";
import { LaneTree } from "./lanes";
import { Originals, Review } from "./review";
import { SessionPanels } from "./session_panel";
import { Status } from "./status";
import { Terminals } from "./terminals";

/** What other extensions, and tests, may use. */
export interface Api {
  connection: Connection;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const log = vscode.window.createOutputChannel("Agent Lanes", { log: true });
  const connection = new Connection(log);
  const originals = new Originals();
  const approvals = new Approvals(connection);
  const tree = new LaneTree(connection);
  const review = new Review(connection, originals);
  const panels = new SessionPanels(connection, context.extensionUri);
  const terminals = new Terminals(connection);
  const approvalView = vscode.window.createTreeView("agentlanes.approvals", { treeDataProvider: approvals });
  approvals.onDidChangeTreeData(() => {
    const waiting = approvals.pending().length;
    approvalView.badge = waiting === 0 ? undefined : { value: waiting, tooltip: `${waiting} questions wait` };
  });
  context.subscriptions.push(
    log,
    connection,
    originals,
    approvals,
    tree,
    panels,
    terminals,
    approvalView,
    new Status(connection),
    vscode.window.createTreeView("agentlanes.lanes", { treeDataProvider: tree }),
    vscode.window.registerTerminalProfileProvider("agentlanes.lane", {
      provideTerminalProfile: async () => {
        const lanes = connection.mirror.list("lane").filter((lane) => lane.status !== "closed");
        const rows = lanes.map((lane) => ({ label: lane.name, description: lane.status, lane }));
        const picked = rows.length === 1 ? rows[0] : await vscode.window.showQuickPick(rows, { title: "Which lane?" });
        return picked === undefined ? undefined : terminals.profile(picked.lane);
      },
    }),
    ...registerCommands({ connection, approvals, review, panels, terminals }),
  );
  connection.start().catch(async (error: unknown) => {
    log.error(String(error));
    const again = await vscode.window.showErrorMessage(
      `agentlanes could not be started: ${error instanceof Error ? error.message : String(error)}. Is it installed, and does the setting agentlanes.command name it?`,
      "Try Again",
    );
    if (again !== undefined) await vscode.commands.executeCommand("agentlanes.restart");
  });
  return { connection };
}
