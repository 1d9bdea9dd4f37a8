/** Whether everything is there: the program, the server, the agents; and what to do where it is not. */

import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import { VERSION, type Agent } from "./protocol";

const PAGE = vscode.Uri.from({ scheme: "agentlanes-health", path: "/Health.md" });

/** A read-only page that says it, and is read anew whenever it is asked for. */
export class Health implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(PAGE.scheme, this);

  constructor(private readonly connection: Connection) {}

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  async provideTextDocumentContent(): Promise<string> {
    return (await describe(this.connection)).join("\n");
  }

  async show(): Promise<void> {
    this.changed.fire(PAGE);
    await vscode.window.showTextDocument(PAGE);
  }
}

async function describe(connection: Connection): Promise<string[]> {
  const command = vscode.workspace.getConfiguration("agentlanes").get<string[]>("command", []);
  const lines = ["# Agent Lanes: health", "", `- program: \`${command.join(" ")}\` (setting \`agentlanes.command\`)`, `- protocol of this extension: ${VERSION}`];
  if (!vscode.workspace.isTrusted) lines.push("- this folder is not trusted, so no lane is started from here");
  if (!connection.connected) {
    return [...lines, "- **no server is connected**: install agentlanes, or set `agentlanes.command`, then *Agent Lanes: Reconnect*", ""];
  }
  try {
    const status = await connection.call("server.status");
    const { agents } = await connection.call("agent.list");
    lines.push(`- server: version ${status.version}, process ${status.pid}, ${status.peers.length} clients`);
    return [...lines, "", "## Agents", "", ...agents.map(describeAgent), ""];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [...lines, `- **the server refuses**: ${error.message}`, ""];
  }
}

function describeAgent(agent: Agent): string {
  if (agent.available) return `- \`${agent.name}\`: ready${agent.version === undefined ? "" : `, ${agent.version}`}, ${agent.login.replace("_", " ")}`;
  return `- \`${agent.name}\`: not available: ${agent.unavailable_reason ?? agent.problem?.message ?? "no reason is known"}`;
}
