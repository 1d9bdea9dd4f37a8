/** Lanes in the editor's *Source Control* view: what each one changed against its target, marks beside changed lines. */

import * as path from "node:path";
import * as vscode from "vscode";
import { holds, type ChangedFile, type Changes } from "./changes";
import type { Connection } from "./connection";
import type { Documents } from "./documents";
import type { Lane } from "./protocol";

const TOOLTIPS: Record<string, string> = { added: "Added", modified: "Modified", deleted: "Deleted", renamed: "Renamed" };

interface Shown {
  control: vscode.SourceControl;
  group: vscode.SourceControlResourceGroup;
}

export class LaneSourceControls implements vscode.Disposable {
  private readonly shown = new Map<string, Shown>();
  private readonly listening: vscode.Disposable[];

  constructor(
    private readonly connection: Connection,
    private readonly changes: Changes,
    private readonly documents: Documents,
  ) {
    this.listening = [
      changes.onDidRead((laneId) => this.follow(laneId)),
      connection.mirror.listen((change) => {
        if (change.op === "reset") this.followAll();
        else if (change.op !== "append" && change.noun === "lane") this.follow(String(change.entity["lane_id"]));
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.followAll()),
      vscode.workspace.onDidChangeConfiguration((changed) => {
        if (changed.affectsConfiguration("agentlanes.sourceControl")) this.followAll();
      }),
    ];
  }

  dispose(): void {
    for (const listening of this.listening) listening.dispose();
    for (const laneId of [...this.shown.keys()]) this.drop(laneId);
  }

  /** The lane that a source control of the editor shows. */
  laneOf(control: vscode.SourceControl): Lane | undefined {
    for (const [laneId, { control: known }] of this.shown) {
      if (known === control) return this.connection.mirror.get("lane", laneId);
    }
    return undefined;
  }

  /** What stands in a lane's commit box. It is empty afterwards. */
  takeMessage(lane: Lane): string {
    const box = this.shown.get(lane.lane_id)?.control.inputBox;
    const message = box?.value ?? "";
    if (box !== undefined) box.value = "";
    return message;
  }

  private followAll(): void {
    for (const laneId of [...this.shown.keys()]) this.follow(laneId);
    for (const lane of this.connection.mirror.list("lane")) this.follow(lane.lane_id);
  }

  private follow(laneId: string): void {
    const lane = this.connection.mirror.get("lane", laneId);
    if (lane === undefined || lane.status === "closed" || !this.isWanted(lane)) return this.drop(laneId);
    const files = this.changes.get(lane);
    if (files === undefined) return;
    if (files.length === 0) return this.drop(laneId);
    const { control, group } = this.shown.get(laneId) ?? this.make(lane);
    control.count = files.length;
    control.statusBarCommands = [
      { command: "agentlanes.merge", title: `$(git-merge) ${lane.name}`, tooltip: `Merge lane ${lane.name}`, arguments: [{ kind: "lane", lane }] },
    ];
    group.resourceStates = files.map((file) => this.showFile(file));
  }

  private make(lane: Lane): Shown {
    const root = lane.worktrees[0];
    const control = vscode.scm.createSourceControl("agentlanes", lane.name, vscode.Uri.file(root?.path ?? "/"));
    control.inputBox.placeholder = `Message (Ctrl+Enter commits in lane ${lane.name})`;
    control.acceptInputCommand = { command: "agentlanes.commit", title: "Commit", arguments: [{ kind: "lane", lane }] };
    control.quickDiffProvider = {
      provideOriginalResource: (uri) => {
        const now = this.connection.mirror.get("lane", lane.lane_id);
        return now === undefined || uri.scheme !== "file" ? undefined : this.documents.base(now, uri);
      },
    };
    const group = control.createResourceGroup("changes", `Changes against ${root?.target_branch ?? "the target"}`);
    const made = { control, group };
    this.shown.set(lane.lane_id, made);
    return made;
  }

  private showFile(file: ChangedFile): vscode.SourceControlResourceState {
    return {
      resourceUri: vscode.Uri.file(path.join(file.folder, file.path)),
      command: { command: "agentlanes.openChange", title: "Open the Change", arguments: [{ kind: "file", file }] },
      decorations: { tooltip: TOOLTIPS[file.status] ?? file.status, strikeThrough: file.status === "deleted" },
    };
  }

  /** Only lanes of the folders that this window shows, or whose worktree it shows. */
  private isWanted(lane: Lane): boolean {
    if (!vscode.workspace.getConfiguration("agentlanes").get("sourceControl", true)) return false;
    const workspace = this.connection.mirror.get("workspace", lane.workspace_id);
    const roots = [...(workspace?.root_paths ?? []), ...lane.worktrees.map((worktree) => worktree.path)];
    return (vscode.workspace.workspaceFolders ?? []).some(
      ({ uri }) => uri.scheme === "file" && roots.some((root) => holds(root, uri.fsPath)),
    );
  }

  private drop(laneId: string): void {
    const shown = this.shown.get(laneId);
    this.shown.delete(laneId);
    shown?.group.dispose();
    shown?.control.dispose();
  }
}
