/** What agents ask: a list that is always there, and a notification with buttons where the session is not on the screen. */

import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import type { Approval, ApprovalOption, ApprovalResolve, ApprovalScope } from "./protocol";
import type { SessionPanels } from "./session_panel";

type Decided = Omit<ApprovalResolve, "approval_id">;

const SCOPES: ApprovalScope[] = ["session", "lane", "workspace"];

export interface ApprovalNode {
  kind: "approval";
  approval: Approval;
}

export class Approvals implements vscode.TreeDataProvider<ApprovalNode>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;
  private readonly told = new Set<string>();
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly connection: Connection,
    private readonly panels: SessionPanels,
  ) {
    this.listening = connection.mirror.listen((change) => {
      if (change.op === "reset" || (change.op !== "append" && change.noun === "approval")) this.follow();
    });
  }

  dispose(): void {
    this.listening.dispose();
    this.changes.dispose();
  }

  /** Those that wait, the oldest first. */
  pending(): Approval[] {
    return this.connection.mirror.list("approval").filter((approval) => approval.status === "pending");
  }

  getChildren(node?: ApprovalNode): ApprovalNode[] {
    return node === undefined ? this.pending().map((approval) => ({ kind: "approval", approval })) : [];
  }

  getTreeItem({ approval }: ApprovalNode): vscode.TreeItem {
    const item = new vscode.TreeItem(approval.title);
    item.id = approval.approval_id;
    item.description = this.laneName(approval);
    item.iconPath = new vscode.ThemeIcon("question", new vscode.ThemeColor("charts.yellow"));
    item.contextValue = "approval";
    item.tooltip = new vscode.MarkdownString().appendCodeblock(approval.preview?.command ?? approval.title, "shell");
    item.command = { command: "agentlanes.answer", title: "Answer", arguments: [{ kind: "approval", approval }] };
    return item;
  }

  /** Lets the user choose one of the options of an approval, or of the oldest that waits. */
  async answer(approval: Approval | undefined = this.pending()[0]): Promise<void> {
    if (approval === undefined) {
      void vscode.window.showInformationMessage("No agent waits for you.");
      return;
    }
    if (approval.questions !== undefined && approval.questions.length > 0) return this.answerQuestions(approval);
    const rows: { label: string; description: string; decision: Decided }[] = approval.options.map((option) => ({
      label: option.label,
      description: option.kind.replace("_", " "),
      decision: { option_id: option.option_id },
    }));
    for (const kind of ["allow_once", "reject_once"] as const) {
      if (approval.options.some((option) => option.kind === kind)) rows.push(...SCOPES.map((scope) => scoped(kind, scope)));
    }
    if (approval.options.some((option) => option.kind === "reject_once")) {
      rows.push({ label: "Reject, and say why…", description: "", decision: { kind: "reject_once", reason: "" } });
    }
    const picked = await vscode.window.showQuickPick(rows, { title: `${this.laneName(approval)}: ${approval.title}`, placeHolder: "Enter takes the first" });
    if (picked === undefined) return;
    if (picked.decision.reason !== "") return this.send(approval, picked.decision);
    const reason = await vscode.window.showInputBox({ title: approval.title, prompt: "Why not?", ignoreFocusOut: true });
    if (reason !== undefined) await this.send(approval, { ...picked.decision, ...(reason === "" ? { reason: undefined } : { reason }) });
  }

  /** Answers with the first option of a kind. */
  async decide(approval: Approval, kind: string): Promise<void> {
    const option = approval.options.find((offered) => offered.kind === kind);
    if (option === undefined) return this.answer(approval);
    await this.resolve(approval, option);
  }

  private async answerQuestions(approval: Approval): Promise<void> {
    const answers: { question_id: string; values: string[] }[] = [];
    for (const question of approval.questions ?? []) {
      const values = await ask(question.text, question.options ?? [], question.multiple ?? false, question.secret ?? false);
      if (values === undefined) return;
      answers.push({ question_id: question.question_id, values });
    }
    const option = approval.options.find((offered) => offered.kind.startsWith("allow"));
    await this.send(approval, { answers, ...(option === undefined ? {} : { option_id: option.option_id }) });
  }

  private async resolve(approval: Approval, option: ApprovalOption): Promise<void> {
    await this.send(approval, { option_id: option.option_id });
  }

  private async send(approval: Approval, decision: Decided): Promise<void> {
    try {
      await this.connection.call("approval.resolve", { approval_id: approval.approval_id, ...decision });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      void vscode.window.showInformationMessage(error.message);
    }
  }

  private follow(): void {
    this.changes.fire();
    const pending = this.pending();
    void vscode.commands.executeCommand("setContext", "agentlanes.waiting", pending.length > 0);
    if (!vscode.workspace.getConfiguration("agentlanes").get("notifyApprovals", true)) return;
    for (const approval of pending) {
      if (!this.told.has(approval.approval_id)) {
        this.told.add(approval.approval_id);
        // Its own panel asks, and a notification would lie over the buttons there.
        if (!this.panels.isVisible(approval.session_id ?? "")) void this.notify(approval);
      }
    }
  }

  private async notify(approval: Approval): Promise<void> {
    const labels = approval.options.map((option) => option.label);
    const message = `${this.laneName(approval)}: ${approval.title}`;
    const buttons = approval.questions?.length ? ["Answer…"] : labels;
    const chosen = await vscode.window.showInformationMessage(message, ...buttons);
    const current = this.connection.mirror.get("approval", approval.approval_id);
    if (chosen === undefined) return;
    if (current?.status !== "pending") {
      const by = current?.decision === undefined ? "" : ` by ${current.decision.actor}`;
      void vscode.window.showInformationMessage(`It is ${current?.status ?? "gone"} already${by}.`);
      return;
    }
    const option = approval.options[labels.indexOf(chosen)];
    await (option === undefined || buttons[0] === "Answer…" ? this.answer(approval) : this.resolve(approval, option));
  }

  private laneName(approval: Approval): string {
    return this.connection.mirror.get("lane", approval.lane_id)?.name ?? approval.lane_id;
  }
}

/** The same answer for all that is alike. */
function scoped(kind: "allow_once" | "reject_once", scope: ApprovalScope): { label: string; description: string; decision: Decided } {
  const word = kind === "allow_once" ? "Allow" : "Reject";
  return { label: `${word} the same in this ${scope}`, description: "until it is revoked", decision: { kind, scope } };
}

async function ask(
  text: string,
  options: { label: string; description?: string }[],
  multiple: boolean,
  secret: boolean,
): Promise<string[] | undefined> {
  if (options.length === 0) {
    const typed = await vscode.window.showInputBox({ title: text, password: secret, ignoreFocusOut: true });
    return typed === undefined ? undefined : [typed];
  }
  const settings = { title: text, ignoreFocusOut: true };
  if (multiple) {
    const picked = await vscode.window.showQuickPick(options, { ...settings, canPickMany: true });
    return picked?.map((option) => option.label);
  }
  const picked = await vscode.window.showQuickPick(options, settings);
  return picked === undefined ? undefined : [picked.label];
}
