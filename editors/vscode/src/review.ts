/** A lane's changes in the editor's own diff view: the merge base, read-only, beside the lane's real file. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { Connection } from "./connection";
import type { Approval, DiffFile, FileChange, Lane } from "./protocol";

export const SCHEME = "agentlanes-base";
const WHOLE_FILE = 1000;
const LARGEST = 16 * 1024 * 1024;

/** Read-only documents: texts as they were, by address. */
export class Originals implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  private readonly closing = vscode.workspace.onDidCloseTextDocument((document) => {
    if (document.uri.scheme === SCHEME) this.texts.delete(document.uri.toString());
  });

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** The address of a text under a file's name, so that the editor knows its language. */
  keep(owner: string, name: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: SCHEME, authority: owner, path: `/${name}` });
    this.texts.set(uri.toString(), text);
    this.changes.fire(uri);
    return uri;
  }

  dispose(): void {
    this.registration.dispose();
    this.closing.dispose();
    this.changes.dispose();
  }
}

export class Review {
  constructor(
    private readonly connection: Connection,
    private readonly originals: Originals,
  ) {}

  /** Lets the user choose a changed file of a lane, and opens its diff. All of them where `all` is true. */
  async open(lane: Lane): Promise<void> {
    const files = await this.list(lane);
    if (files.length === 0) {
      void vscode.window.showInformationMessage(`Lane ${lane.name} changes nothing.`);
      return;
    }
    if (files.length === 1 && files[0] !== undefined) return this.show(lane, files[0]);
    const all = { label: `$(diff-multiple) All ${files.length} files`, file: undefined };
    const rows = files.map((file) => ({
      label: file.path,
      description: `${file.status} +${file.additions} −${file.deletions}`,
      file,
    }));
    const picked = await vscode.window.showQuickPick([all, ...rows], { title: `Changes of ${lane.name}` });
    if (picked === undefined) return;
    if (picked.file !== undefined) return this.show(lane, picked.file);
    await this.showAll(lane, files);
  }

  /** The lane's changed files. */
  async list(lane: Lane): Promise<(DiffFile & { folder: string })[]> {
    const payload = { context: WHOLE_FILE, max_bytes: LARGEST };
    const diff = await this.connection.call("lane.diff", payload, { lane_id: lane.lane_id });
    return diff.worktrees.flatMap((worktree, index) =>
      worktree.files.map((file) => ({ ...file, folder: lane.worktrees[index]?.path ?? "" })),
    );
  }

  /** One file beside its merge base. */
  async show(lane: Lane, file: DiffFile & { folder: string }): Promise<void> {
    const [before, after] = this.pair(lane, file);
    await vscode.commands.executeCommand("vscode.diff", before, after, `${file.path} (${lane.name})`);
  }

  /** What a tool call would change, before it is allowed. */
  async preview(approval: Approval): Promise<void> {
    const changes = approval.preview?.changes ?? [];
    if (changes.length === 0) {
      void vscode.window.showInformationMessage(approval.preview?.command ?? approval.title);
      return;
    }
    for (const change of changes) await this.previewChange(approval, change);
  }

  private async previewChange(approval: Approval, change: FileChange): Promise<void> {
    const before = this.originals.keep(`${approval.approval_id}-before`, change.path.replace(/^\/+/, ""), change.old_text ?? "");
    const after = this.originals.keep(`${approval.approval_id}-after`, change.path.replace(/^\/+/, ""), change.new_text);
    await vscode.commands.executeCommand("vscode.diff", before, after, `${path.basename(change.path)} (asked)`);
  }

  private async showAll(lane: Lane, files: (DiffFile & { folder: string })[]): Promise<void> {
    const rows = files.map((file) => {
      const [before, after] = this.pair(lane, file);
      return [after, before, after];
    });
    await vscode.commands.executeCommand("vscode.changes", `Changes of ${lane.name}`, rows);
  }

  private pair(lane: Lane, file: DiffFile & { folder: string }): [before: vscode.Uri, after: vscode.Uri] {
    const before = this.originals.keep(lane.lane_id.toLowerCase(), file.old_path ?? file.path, readOld(file));
    const after =
      file.status === "deleted"
        ? this.originals.keep(`${lane.lane_id.toLowerCase()}-gone`, file.path, "")
        : vscode.Uri.file(path.join(file.folder, file.path));
    return [before, after];
  }
}

/** The whole text before the change: with all of its context, a diff holds it. */
function readOld(file: DiffFile): string {
  const lines = (file.hunks ?? []).flatMap((hunk) => hunk.text.split("\n"));
  const old = lines.filter((line) => line.startsWith(" ") || line.startsWith("-")).map((line) => line.slice(1));
  return old.length === 0 ? "" : `${old.join("\n")}\n`;
}
