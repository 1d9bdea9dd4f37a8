/** A lane's changes, and what an agent asks to change, in the editor's own diff view. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { ChangedFile, Changes } from "./changes";
import type { Connection } from "./connection";
import { idOf, SCHEME, type Documents } from "./documents";
import type { Change } from "./mirror";
import type { Approval, Item, Lane } from "./protocol";

export class Review implements vscode.Disposable {
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly connection: Connection,
    private readonly changes: Changes,
    private readonly documents: Documents,
  ) {
    this.listening = connection.mirror.listen((change) => this.hear(change));
  }

  dispose(): void {
    this.listening.dispose();
  }

  /** Opens a lane's diff: its only file, or all of them. */
  async open(lane: Lane): Promise<void> {
    const files = await this.changes.refresh(lane.lane_id);
    const [first] = files;
    if (first === undefined) {
      void vscode.window.showInformationMessage(`Lane ${lane.name} changes nothing.`);
      return;
    }
    if (files.length === 1) return this.show(first);
    const rows = files.map((file) => {
      const [before, after] = this.documents.pair(file);
      return [after, before, after];
    });
    await vscode.commands.executeCommand("vscode.changes", `Changes of ${lane.name}`, rows);
  }

  /** One file beside its merge base. */
  async show(file: ChangedFile): Promise<void> {
    const lane = this.connection.mirror.get("lane", file.lane_id);
    const [before, after] = this.documents.pair(file);
    await vscode.commands.executeCommand("vscode.diff", before, after, `${file.path} (${lane?.name ?? "lane"})`);
  }

  /** What an agent asks for, before it is allowed. It closes when anybody has answered. */
  async preview(approval: Approval): Promise<void> {
    const { preview } = approval;
    const asked = preview === undefined ? [] : this.documents.asked(approval.approval_id, preview);
    for (const { change, before, after } of asked) {
      await vscode.commands.executeCommand("vscode.diff", before, after, `${path.basename(change.path)} (asked)`);
    }
    if (asked.length > 0) return;
    if (preview?.command === undefined) {
      void vscode.window.showInformationMessage(approval.title);
      return;
    }
    await vscode.window.showTextDocument(this.documents.command(approval.approval_id, preview), { preview: true });
  }

  /** What a tool call has changed, as its agent told it. */
  async showCall(item: Item): Promise<void> {
    for (const { change, before, after } of this.documents.asked(item.item_id, item.tool ?? { tool_call_id: "", status: "" })) {
      await vscode.commands.executeCommand("vscode.diff", before, after, `${path.basename(change.path)} (this call)`);
    }
  }

  private hear(change: Change): void {
    if (change.op !== "put" || change.noun !== "approval") return;
    const approval = change.entity as unknown as Approval;
    if (approval.status === "pending") return;
    const shown = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => {
      const uri =
        tab.input instanceof vscode.TabInputTextDiff ? tab.input.modified : tab.input instanceof vscode.TabInputText ? tab.input.uri : undefined;
      return uri?.scheme === SCHEME && idOf(uri) === approval.approval_id;
    });
    if (shown.length > 0) void vscode.window.tabGroups.close(shown, true);
  }
}
