/** What the user is told without being asked: ends of turns that nobody watches, and work under way. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import type { Change, Noun } from "./mirror";
import type { Turn } from "./protocol";
import type { SessionPanels } from "./session_panel";

const WITH_OPERATIONS: Noun[] = ["lane", "session", "terminal", "stop"];

export class Notices implements vscode.Disposable {
  private readonly listening: vscode.Disposable;
  private readonly running = new Set<string>();
  private endProgress: (() => void) | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly panels: SessionPanels,
  ) {
    this.listening = connection.mirror.listen((change) => this.hear(change));
  }

  dispose(): void {
    this.listening.dispose();
    this.endProgress?.();
  }

  private hear(change: Change): void {
    if (change.op === "append") return;
    if (change.op === "reset" || WITH_OPERATIONS.includes(change.noun)) this.showProgress();
    if (change.op === "reset") {
      this.running.clear();
      for (const turn of this.connection.mirror.list("turn")) if (turn.ended_at === undefined) this.running.add(turn.turn_id);
    } else if (change.op === "put" && change.noun === "turn") {
      const turn = change.entity as unknown as Turn;
      if (turn.ended_at === undefined) this.running.add(turn.turn_id);
      else if (this.running.delete(turn.turn_id)) void this.tellEnd(turn);
    }
  }

  /** The bar over the view runs as long as anything is being made, merged, started or stopped. */
  private showProgress(): void {
    const { mirror } = this.connection;
    const busy = WITH_OPERATIONS.some((noun) => mirror.list(noun).some((entity) => (entity as { operation?: unknown }).operation !== undefined));
    if (busy && this.endProgress === undefined) {
      void vscode.window.withProgress({ location: { viewId: "agentlanes.lanes" } }, () => new Promise<void>((resolve) => (this.endProgress = resolve)));
    } else if (!busy) {
      this.endProgress?.();
      this.endProgress = undefined;
    }
  }

  private async tellEnd(turn: Turn): Promise<void> {
    const wanted = vscode.workspace.getConfiguration("agentlanes").get<"hidden" | "failed" | "never">("notifyTurns", "hidden");
    const failed = turn.status === "failed";
    if (wanted === "never" || turn.status === "canceled" || turn.status === "interrupted" || this.panels.isVisible(turn.session_id)) return;
    if (wanted === "failed" && !failed) return;
    const { mirror } = this.connection;
    const name = mirror.get("lane", turn.lane_id)?.name ?? "A lane";
    const message = failed ? `${name}: ${turn.problem?.message ?? "the turn failed"}` : `${name}: ${turn.summary ?? "the turn is done"}`;
    const chosen = await (failed ? vscode.window.showWarningMessage(message, "Open") : vscode.window.showInformationMessage(message, "Open", "Review"));
    const [session, lane] = [mirror.get("session", turn.session_id), mirror.get("lane", turn.lane_id)];
    if (chosen === "Open" && session !== undefined) this.panels.show(session);
    if (chosen === "Review" && lane !== undefined) await vscode.commands.executeCommand("agentlanes.review", { kind: "lane", lane });
  }
}
