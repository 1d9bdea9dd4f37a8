/** The tree of lanes: what runs, what waits, what each agent does now. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { ChangedFile, Changes } from "./changes";
import type { Connection } from "./connection";
import type { Lane, Session, Terminal, Turn, Workspace } from "./protocol";

export type Node =
  | { kind: "workspace"; workspace: Workspace }
  | { kind: "lane"; lane: Lane }
  | { kind: "session"; session: Session }
  | { kind: "turn"; turn: Turn }
  | { kind: "terminal"; terminal: Terminal }
  | { kind: "changes"; lane: Lane; files: ChangedFile[] }
  | { kind: "file"; file: ChangedFile }
  | { kind: "closed"; workspace: Workspace };

const LANE_ICONS: Record<string, [icon: string, colour?: string]> = {
  provisioning: ["loading~spin"],
  ready: ["git-branch"],
  running: ["sync~spin", "charts.blue"],
  blocked: ["bell-dot", "charts.yellow"],
  error: ["error", "charts.red"],
  closed: ["archive"],
};
/** What a person would say, where it is another word. */
const STATES: Record<string, string> = { blocked: "waits for you", provisioning: "is being made" };
const TURN_ICONS: Record<string, [icon: string, colour?: string]> = {
  running: ["loading~spin", "charts.blue"],
  waiting: ["question", "charts.yellow"],
};

export class LaneTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;
  private timer: NodeJS.Timeout | undefined;
  private readonly listening: vscode.Disposable[];

  constructor(
    private readonly connection: Connection,
    private readonly laneChanges: Changes,
  ) {
    this.listening = [
      connection.mirror.listen((change) => {
        if (change.op === "reset" || (change.op !== "append" && change.noun !== "item")) this.refreshSoon();
      }),
      laneChanges.onDidRead(() => this.refreshSoon()),
    ];
  }

  dispose(): void {
    for (const listening of this.listening) listening.dispose();
    this.changes.dispose();
    clearTimeout(this.timer);
  }

  getChildren(node?: Node): Node[] {
    const { mirror } = this.connection;
    if (node === undefined) {
      const workspaces = mirror.list("workspace").filter((workspace) => mirror.list("lane", workspace.workspace_id).length > 0);
      if (workspaces.length > 1) return workspaces.map((workspace) => ({ kind: "workspace", workspace }));
      return workspaces.flatMap((workspace) => this.lanesOf(workspace));
    }
    switch (node.kind) {
      case "workspace":
        return this.lanesOf(node.workspace);
      case "closed":
        return this.closedOf(node.workspace).map((lane) => ({ kind: "lane", lane }));
      case "lane":
        return node.lane.status === "closed" ? [] : this.partsOf(node.lane);
      case "session": {
        const queued = mirror.list("turn", node.session.session_id).filter((turn) => turn.status === "queued");
        return queued.sort((a, b) => (a.position ?? 0) - (b.position ?? 0)).map((turn) => ({ kind: "turn", turn }));
      }
      case "changes":
        return node.files.map((file) => ({ kind: "file", file }));
      default:
        return [];
    }
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
      case "turn": {
        const item = new vscode.TreeItem(node.turn.prompt.split("\n", 1)[0] ?? "");
        item.id = node.turn.turn_id;
        item.description = "queued";
        item.tooltip = node.turn.prompt;
        item.contextValue = "queued";
        item.iconPath = new vscode.ThemeIcon("clock");
        return item;
      }
      case "changes": {
        const count = node.files.length;
        const item = new vscode.TreeItem(count === 1 ? "1 changed file" : `${count} changed files`, vscode.TreeItemCollapsibleState.Collapsed);
        item.id = `changes ${node.lane.lane_id}`;
        item.description = countLines(node.files);
        item.iconPath = new vscode.ThemeIcon("diff");
        return item;
      }
      case "file": {
        const { file } = node;
        const item = new vscode.TreeItem(vscode.Uri.file(path.join(file.folder, file.path)));
        item.id = `${file.lane_id} ${file.folder} ${file.path}`;
        item.description = `${file.status} ${countLines([file])}`;
        item.command = { command: "agentlanes.openChange", title: "Open the Change", arguments: [node] };
        return item;
      }
      case "closed": {
        const item = new vscode.TreeItem("Closed", vscode.TreeItemCollapsibleState.Collapsed);
        item.id = `closed ${node.workspace.workspace_id}`;
        item.description = String(this.closedOf(node.workspace).length);
        item.iconPath = new vscode.ThemeIcon("archive");
        return item;
      }
    }
  }

  private lanesOf(workspace: Workspace): Node[] {
    const lanes = this.connection.mirror.list("lane", workspace.workspace_id).filter((lane) => lane.status !== "closed");
    const rows: Node[] = lanes.map((lane) => ({ kind: "lane", lane }));
    return this.closedOf(workspace).length === 0 ? rows : [...rows, { kind: "closed", workspace }];
  }

  private closedOf(workspace: Workspace): Lane[] {
    return this.connection.mirror.list("lane", workspace.workspace_id).filter((lane) => lane.status === "closed");
  }

  private partsOf(lane: Lane): Node[] {
    const { mirror } = this.connection;
    const sessions = mirror.list("session", lane.lane_id).filter((session) => session.status !== "terminated");
    const terminals = mirror.list("terminal", lane.lane_id).filter((terminal) => terminal.state !== "closed");
    const files = this.laneChanges.get(lane) ?? [];
    return [
      ...sessions.map((session): Node => ({ kind: "session", session })),
      ...terminals.map((terminal): Node => ({ kind: "terminal", terminal })),
      ...(files.length === 0 ? [] : [{ kind: "changes", lane, files } as Node]),
    ];
  }

  private showLane(lane: Lane): vscode.TreeItem {
    const isClosed = lane.status === "closed";
    const item = new vscode.TreeItem(lane.name, isClosed ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded);
    item.id = lane.lane_id;
    const files = isClosed ? undefined : this.laneChanges.get(lane);
    const state = lane.operation ? `${lane.operation.kind}…` : (STATES[lane.status] ?? lane.status);
    const merged = (lane.merges ?? []).at(-1);
    const lines = files === undefined || files.length === 0 ? "" : countLines(files);
    const merge = merged === undefined || isClosed ? "" : `merged into ${merged.target_branch_name}`;
    item.description = [state, lines, merge].filter((part) => part !== "").join(" ");
    item.iconPath = icon(LANE_ICONS[lane.status] ?? ["git-branch"]);
    item.contextValue = isClosed ? "closedLane" : "lane";
    item.tooltip = new vscode.MarkdownString(
      [
        `**${lane.name}**`,
        `\`${lane.branch}\` → \`${lane.worktrees[0]?.target_branch ?? "?"}\``,
        lane.problem ? `$(error) ${lane.problem.message}` : "",
        `decides: ${lane.permission_mode ?? "supervised"}`,
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
    const folds = queued === 0 ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded;
    const item = new vscode.TreeItem(session.title ?? session.profile, folds);
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

function countLines(files: ChangedFile[]): string {
  const sum = (field: "additions" | "deletions") => files.reduce((all, file) => all + file[field], 0);
  return `+${sum("additions")} −${sum("deletions")}`;
}

function icon([name, colour]: [string, string?]): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, colour === undefined ? undefined : new vscode.ThemeColor(colour));
}
