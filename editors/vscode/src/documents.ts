/**
 * Read-only documents: files as they were before a lane changed them, and as an agent asks to change them. Their
 * addresses say all that is needed to read them, so they are there again after the window was closed.
 *
 *     agentlanes://<lane>/base/<path>                    a file at the merge base
 *     agentlanes://<lane>/gone/<path>                    nothing, where the lane deleted a file
 *     agentlanes://<approval or item>/<side>/<n>/<path>  the n-th change of a tool call; the side is before or after
 *     agentlanes://<approval>/command/<title>            the command that an agent asks to run
 */

import * as path from "node:path";
import * as vscode from "vscode";
import type { Changes, ChangedFile } from "./changes";
import { Refusal, type Connection } from "./connection";
import type { DiffFile, FileChange, Lane, ToolCall } from "./protocol";

export const SCHEME = "agentlanes";
const WHOLE_FILE = 1_000_000;
const LARGEST = 16 * 1024 * 1024;

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly listening: vscode.Disposable[];

  constructor(
    private readonly connection: Connection,
    private readonly changes: Changes,
  ) {
    this.listening = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      changes.onDidRead((laneId) => this.refresh((id) => id === laneId)),
      connection.onDidChangeState((connected) => {
        if (connected) this.refresh(() => true);
      }),
    ];
  }

  dispose(): void {
    for (const listening of this.listening) listening.dispose();
    this.changed.dispose();
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const [, side = "", ...rest] = uri.path.split("/");
    const id = idOf(uri);
    const { mirror } = this.connection;
    const lane = mirror.get("lane", id);
    try {
      if (lane !== undefined) return side === "base" ? await this.readBase(lane, rest.join("/")) : "";
      const tool = mirror.get("approval", id)?.preview ?? mirror.get("item", id)?.tool;
      if (side === "command") return tool?.command ?? "";
      const change = tool?.changes?.[Number(rest[0])];
      return (side === "before" ? change?.old_text : change?.new_text) ?? "";
    } catch (error) {
      if (error instanceof Refusal) return "";
      throw error;
    }
  }

  /** The two sides of a lane's changed file: the merge base, and the real file, which can be edited. */
  pair(file: ChangedFile): [before: vscode.Uri, after: vscode.Uri] {
    const before = at(file.lane_id, "base", file.old_path ?? file.path);
    const after =
      file.status === "deleted" ? at(file.lane_id, "gone", file.path) : vscode.Uri.file(path.join(file.folder, file.path));
    return [before, after];
  }

  /** The merge base of a file in a lane's worktree. */
  base(lane: Lane, uri: vscode.Uri): vscode.Uri | undefined {
    const folder = lane.worktrees.find((worktree) => uri.fsPath.startsWith(`${worktree.path}${path.sep}`))?.path;
    if (folder === undefined) return undefined;
    const relative = path.relative(folder, uri.fsPath).split(path.sep).join("/");
    const known = this.changes.get(lane)?.find((file) => file.folder === folder && file.path === relative);
    return at(lane.lane_id, "base", known?.old_path ?? relative);
  }

  /** The two sides of what a tool call changes, or would change. */
  asked(id: string, tool: ToolCall): { change: FileChange; before: vscode.Uri; after: vscode.Uri }[] {
    return (tool.changes ?? []).map((change, number) => ({
      change,
      before: at(id, "before", `${number}/${change.path}`),
      after: at(id, "after", `${number}/${change.path}`),
    }));
  }

  /** The command that a tool call runs. */
  command(id: string, tool: ToolCall): vscode.Uri {
    return at(id, "command", `${(tool.title ?? "command").replace(/[/\s]+/g, " ").slice(0, 40)}.sh`);
  }

  private async readBase(lane: Lane, name: string): Promise<string> {
    const files = await this.changes.read(lane, { paths: [name], context: WHOLE_FILE, max_bytes: LARGEST });
    const file = files.find((found) => (found.old_path ?? found.path) === name);
    if (file !== undefined) return readOld(file);
    // What the lane did not change is at the merge base as it is in the worktree.
    for (const { path: folder } of lane.worktrees) {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.file(path.join(folder, name))).then(
        (found) => found,
        () => undefined,
      );
      if (bytes !== undefined) return new TextDecoder().decode(bytes);
    }
    return "";
  }

  private refresh(concerns: (id: string) => boolean): void {
    for (const document of vscode.workspace.textDocuments) {
      if (document.uri.scheme === SCHEME && concerns(idOf(document.uri))) this.changed.fire(document.uri);
    }
  }
}

/** The id that a document's address begins with. Addresses are lower case there, and ids are not. */
export function idOf(uri: vscode.Uri): string {
  const [prefix = "", rest = ""] = uri.authority.split("_");
  return `${prefix.toLowerCase()}_${rest.toUpperCase()}`;
}

function at(id: string, side: string, name: string): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, authority: id.toLowerCase(), path: `/${side}/${name.replace(/^\/+/, "")}` });
}

/** The whole text before the change: with all of its context, a diff holds it. */
function readOld(file: DiffFile): string {
  const lines = (file.hunks ?? []).flatMap((hunk) => hunk.text.split("\n"));
  const old = lines.filter((line) => line.startsWith(" ") || line.startsWith("-")).map((line) => line.slice(1));
  return old.length === 0 ? "" : `${old.join("\n")}\n`;
}
