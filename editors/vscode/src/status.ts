/** The status bar: how many lanes run, how many wait for the user. */

import * as vscode from "vscode";
import type { Connection } from "./connection";

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("agentlanes", vscode.StatusBarAlignment.Left, 50);
  private readonly listening: vscode.Disposable[];

  constructor(private readonly connection: Connection) {
    this.item.name = "Agent Lanes";
    this.listening = [
      connection.mirror.listen((change) => {
        if (change.op === "reset" || (change.op !== "append" && change.noun !== "item")) this.show();
      }),
      connection.onDidChangeState(() => this.show()),
    ];
    this.show();
    this.item.show();
  }

  dispose(): void {
    for (const listening of this.listening) listening.dispose();
    this.item.dispose();
  }

  private show(): void {
    const { mirror, connected } = this.connection;
    const works = mirror.list("turn").some((turn) => turn.status === "running" || turn.status === "waiting");
    // For the menus: what can be done now.
    void vscode.commands.executeCommand("setContext", "agentlanes.connected", connected);
    void vscode.commands.executeCommand("setContext", "agentlanes.running", connected && works);
    if (!connected) {
      this.item.text = "$(plug) Agent Lanes";
      this.item.tooltip = "No server is connected. Click to connect.";
      this.item.command = "agentlanes.restart";
      this.item.backgroundColor = undefined;
      return;
    }
    const running = mirror.list("lane").filter((lane) => lane.status === "running").length;
    const waiting = mirror.list("approval").filter((approval) => approval.status === "pending").length;
    this.item.text = `$(git-branch) ${running}${waiting > 0 ? ` $(bell-dot) ${waiting}` : ""}`;
    this.item.tooltip = `${running} lanes run, ${waiting} questions wait`;
    this.item.command = waiting > 0 ? "agentlanes.answer" : "agentlanes.lanes.focus";
    this.item.backgroundColor = waiting > 0 ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  }
}
