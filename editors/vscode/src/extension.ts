/** Wires the surfaces to one connection. */

import * as vscode from "vscode";
import { Approvals } from "./approvals";
import { Changes } from "./changes";
import { registerCommands } from "./commands";
import { Connection } from "./connection";
import { Documents } from "./documents";
import { Health } from "./health";
import { LaneTree } from "./lanes";
import { Notices } from "./notices";
import { Picker } from "./pick";
import { Review } from "./review";
import { SessionPanels } from "./session_panel";
import { LaneSourceControls } from "./source_control";
import { Status } from "./status";
import { Terminals } from "./terminals";

/** What other extensions, and tests, may use. */
export interface Api {
  connection: Connection;
  changes: Changes;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const log = vscode.window.createOutputChannel("Agent Lanes", { log: true });
  const connection = new Connection(log);
  const changes = new Changes(connection);
  const documents = new Documents(connection, changes);
  const tree = new LaneTree(connection, changes);
  const review = new Review(connection, changes, documents);
  const panels = new SessionPanels(connection, review, context);
  const approvals = new Approvals(connection, panels);
  const controls = new LaneSourceControls(connection, changes, documents);
  const picker = new Picker(connection, panels, controls);
  const terminals = new Terminals(connection);
  const health = new Health(connection);
  const approvalView = vscode.window.createTreeView("agentlanes.approvals", { treeDataProvider: approvals });
  approvals.onDidChangeTreeData(() => {
    const waiting = approvals.pending().length;
    approvalView.badge = waiting === 0 ? undefined : { value: waiting, tooltip: `${waiting} questions wait` };
  });
  context.subscriptions.push(
    connection.onDidFail(async (error) => {
      const again = await vscode.window.showWarningMessage(
        `agentlanes could not be started: ${error instanceof Error ? error.message : String(error)}. Is it installed, and does the setting agentlanes.command name it?`,
        "Try Again",
      );
      if (again !== undefined) await vscode.commands.executeCommand("agentlanes.restart");
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("agentlanes.command")) connection.restart().catch((error: unknown) => log.error(String(error)));
    }),
    log,
    connection,
    changes,
    documents,
    approvals,
    tree,
    review,
    panels,
    controls,
    new Notices(connection, panels),
    terminals,
    health,
    approvalView,
    new Status(connection),
    vscode.window.createTreeView("agentlanes.lanes", { treeDataProvider: tree }),
    vscode.window.registerTerminalProfileProvider("agentlanes.lane", {
      provideTerminalProfile: async () => {
        const lane = await picker.lane(undefined);
        return lane === undefined ? undefined : terminals.profile(lane);
      },
    }),
    ...registerCommands({ connection, approvals, changes, controls, health, review, panels, terminals, picker }),
  );
  connection.start().catch((error: unknown) => log.error(String(error)));
  return { connection, changes };
}
