/** What lanes changed, as the server last told it. Read again when an agent or the user may have changed a file. */

import * as path from "node:path";
import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import type { Change } from "./mirror";
import type { DiffFile, Item, Lane } from "./protocol";

/** A changed file of a lane. */
export interface ChangedFile extends DiffFile {
  lane_id: string;
  /** The folder of its worktree. */
  folder: string;
}

const SETTLE_MS = 200;

export class Changes implements vscode.Disposable {
  private readonly known = new Map<string, ChangedFile[]>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly reads = new vscode.EventEmitter<string>();
  /** Fires with a lane's id when its changes were read. */
  readonly onDidRead = this.reads.event;
  private readonly listening: vscode.Disposable[];

  constructor(private readonly connection: Connection) {
    this.listening = [
      connection.mirror.listen((change) => this.hear(change)),
      vscode.workspace.onDidSaveTextDocument((document) => {
        const lane = this.laneOf(document.uri);
        if (lane !== undefined) this.refreshSoon(lane.lane_id);
      }),
    ];
  }

  dispose(): void {
    for (const listening of this.listening) listening.dispose();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.reads.dispose();
  }

  /** What is known of a lane's changes. Where nothing is, it is asked for. */
  get(lane: Lane): ChangedFile[] | undefined {
    const files = this.known.get(lane.lane_id);
    if (files === undefined && isOpen(lane)) this.refreshSoon(lane.lane_id);
    return files;
  }

  /** Reads a lane's changes, those of some paths with their hunks. Raises Refusal. */
  async read(lane: Lane, payload: { paths?: string[]; hunks?: boolean; context?: number; max_bytes?: number }): Promise<ChangedFile[]> {
    const diff = await this.connection.call("lane.diff", payload, { lane_id: lane.lane_id });
    return diff.worktrees.flatMap((worktree) => {
      const folder = lane.worktrees.find((found) => found.repo_id === worktree.repo_id)?.path ?? "";
      return worktree.files.map((file) => ({ ...file, folder, lane_id: lane.lane_id }));
    });
  }

  /** Reads a lane's changes again. */
  async refresh(laneId: string): Promise<ChangedFile[]> {
    const lane = this.connection.mirror.get("lane", laneId);
    let files: ChangedFile[] = [];
    try {
      if (lane !== undefined && isOpen(lane)) files = await this.read(lane, { hunks: false });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    this.known.set(laneId, files);
    this.reads.fire(laneId);
    return files;
  }

  /** The lane that a file is in. */
  laneOf(uri: vscode.Uri): Lane | undefined {
    if (uri.scheme !== "file") return undefined;
    return this.connection.mirror
      .list("lane")
      .find((lane) => lane.status !== "closed" && lane.worktrees.some((worktree) => holds(worktree.path, uri.fsPath)));
  }

  private hear(change: Change): void {
    if (change.op === "reset") {
      for (const laneId of this.known.keys()) this.refreshSoon(laneId);
    } else if (change.op === "put" && change.noun === "lane") {
      const lane = change.entity as unknown as Lane;
      if (lane.operation === undefined && this.known.has(lane.lane_id)) this.refreshSoon(lane.lane_id);
    } else if (change.op === "put" && change.noun === "item") {
      const item = change.entity as unknown as Item;
      if (item.kind === "tool_call" && item.status !== "in_progress") this.refreshSoon(item.lane_id);
    }
  }

  private refreshSoon(laneId: string): void {
    if (this.timers.has(laneId)) return;
    const timer = setTimeout(() => {
      this.timers.delete(laneId);
      void this.refresh(laneId);
    }, SETTLE_MS);
    this.timers.set(laneId, timer);
  }
}

function isOpen(lane: Lane): boolean {
  return lane.status !== "closed" && lane.status !== "new" && lane.status !== "provisioning";
}

export function holds(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}
