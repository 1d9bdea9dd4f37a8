/** The tree of lanes: what runs, what waits, what each agent does now. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import type { Lane, Session, Terminal, Turn, Workspace } from "./protocol";

export type Node =
  | { kind: "workspace"; workspace: Workspace }
  | { kind: "lane"; lane: Lane }
  | { kind: "session"; session: Session }
  | { kind: "terminal"; terminal: Terminal };

const LANE_ICONS: Record<string, [icon: string, colour?: string]> = {
  provisioning: ["loading~spin"],
  ready: ["git-branch"],
  running: ["sync~spin", "charts.blue"],
  blocked: ["bell-dot", "charts.yellow"],
  error: ["error", "charts.red"],
  closed: ["archive"],
};
const TURN_ICONS: Record<string, [icon: string, colour?: string]> = {
  running: ["loading~spin", "charts.blue"],
  waiting: ["question", "charts.yellow"],
};

export class LaneTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;
  private timer: NodeJS.Timeout | undefined;
  private readonly listening: vscode.Disposable;

  constructor(private readonly connection: Connection) {
    this.listening = connection.mirror.listen((change) => {
      if (change.op === "reset" || (change.op !== "append" && change.noun !== "item")) this.refreshSoon();
    });
  }

  dispose(): void {
    this.listening.dispose();
    this.changes.dispose();
    clearTimeout(this.timer);
  }

  getChildren(node?: Node): Node[] {
    const { mirror } = this.connection;
    if (node === undefined) {
      const workspaces = mirror.list("workspace").filter((workspace) => this.lanesOf(workspace).length > 0);
      if (workspaces.length > 1) return workspaces.map((workspace) => ({ kind: "workspace", workspace }));
      return workspaces.flatMap((workspace) => this.lanesOf(workspace));
    }
    if (node.kind === "workspace") return this.lanesOf(node.workspace);
    if (node.kind === "lane") {
      const sessions = mirror.list("session", node.lane.lane_id).filter((session) => session.status !== "terminated");
      const terminals = mirror.list("terminal", node.lane.lane_id).filter((terminal) => terminal.state !== "closed");
      return [
        ...sessions.map((session): Node => ({ kind: "session", session })),
        ...terminals.map((terminal): Node => ({ kind: "terminal", terminal })),
      ];
    }
    return [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "workspace": {
        const item = new vscode.TreeItem(node.workspace.name, vscode.TreeItemCollapsibleState.Expanded);
        item.id = node.workspace.workspace_id;
        item.contextValue = "workspace";
        return item;
      }
      case "lane":
        return this.showLane(node.lane);
      case "session":
        return this.showSession(node.session);
      case "terminal": {
        const item = new vscode.TreeItem(node.terminal.title ?? "Terminal");
        item.id = node.terminal.terminal_id;
        item.contextValue = "terminal";
        item.iconPath = new vscode.ThemeIcon("terminal");
        item.command = { command: "agentlanes.attachTerminal", title: "Show", arguments: [node] };
        return item;
      }
    }
  }

  private lanesOf(workspace: Workspace): Node[] {
    const lanes = this.connection.mirror.list("lane", workspace.workspace_id);
    return lanes.filter((lane) => lane.status !== "closed").map((lane) => ({ kind: "lane", lane }));
  }

  private showLane(lane: Lane): vscode.TreeItem {
    const item = new vscode.TreeItem(lane.name, vscode.TreeItemCollapsibleState.Expanded);
    item.id = lane.lane_id;
    item.description = lane.operation ? `${lane.operation.kind}…` : lane.status;
    item.iconPath = icon(LANE_ICONS[lane.status] ?? ["git-branch"]);
    item.contextValue = "lane";
    const merged = (lane.merges ?? []).at(-1);
    item.tooltip = new vscode.MarkdownString(
      [
        `**${lane.name}**`,
        `\`${lane.branch}\` → \`${lane.worktrees[0]?.target_branch ?? "?"}\``,
        lane.problem ? `$(error) ${lane.problem.message}` : "",
        merged ? `merged as \`${merged.merge_commit.slice(0, 10)}\`` : "",
      ]
        .filter((line) => line !== "")
        .join("\n\n"),
      true,
    );
    return item;
  }

  private showSession(session: Session): vscode.TreeItem {
    const turns = this.connection.mirror.list("turn", session.session_id);
    const active = turns.find((turn) => turn.status === "running" || turn.status === "waiting");
    const queued = turns.filter((turn) => turn.status === "queued").length;
    const item = new vscode.TreeItem(session.title ?? session.profile);
    item.id = session.session_id;
    const said = session.activity || describeTurn(active) || session.status;
    item.description = queued > 0 ? `${said} · ${queued} queued` : said;
    item.iconPath = icon(TURN_ICONS[active?.status ?? ""] ?? [session.problem ? "warning" : "comment-discussion"]);
    item.tooltip = session.problem?.message ?? `${session.profile}: ${session.status}`;
    item.contextValue = active === undefined ? "session" : "session turn";
    item.command = { command: "agentlanes.openSession", title: "Open", arguments: [{ kind: "session", session }] };
    return item;
  }

  private refreshSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changes.fire();
    }, 50);
  }
}

function describeTurn(turn: Turn | undefined): string {
  if (turn === undefined) return "";
  return turn.status === "waiting" ? "waits for you" : "working";
}

function icon([name, colour]: [string, string?]): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, colour === undefined ? undefined : new vscode.ThemeColor(colour));
}
