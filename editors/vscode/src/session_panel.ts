/** A session as a panel: the transcript as it streams, what it asks, the queue, and a place to write. */

import * as path from "node:path";
import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import type { Change } from "./mirror";
import type { Approval, Item, Lane, Session, Turn, TurnMove } from "./protocol";
import type { Review } from "./review";

export type Told = Item & { text: string };

/** What the panel's page is told. Text that grew travels alone; the rest is whole. */
export type ToPage =
  | { kind: "all"; session: Session; origin: string; lane?: Lane; turns: Turn[]; items: Told[]; approvals: Approval[]; more: boolean; draft: string }
  | { kind: "gone" }
  | { kind: "session"; session: Session; origin: string }
  | { kind: "lane"; lane: Lane }
  | { kind: "turn"; turn: Turn }
  | { kind: "item"; item: Told }
  | { kind: "approval"; approval: Approval }
  | { kind: "grow"; item_id: string; data: string }
  | { kind: "connected"; connected: boolean }
  | { kind: "write"; text: string };

/** What the page asks for. */
export type FromPage =
  | { kind: "ready" }
  | { kind: "prompt"; text: string; how: "queue" | "steer" | "replace" }
  | { kind: "interrupt" }
  | { kind: "cancel"; turn_id: string }
  | { kind: "move"; move: TurnMove }
  | { kind: "edit"; turn_id: string }
  | { kind: "answer"; approval_id: string; option_id?: string }
  | { kind: "preview"; approval_id: string }
  | { kind: "call"; item_id: string }
  | { kind: "file"; path: string; line?: number }
  | { kind: "draft"; text: string }
  | { kind: "earlier" }
  | { kind: "command"; command: string; turn_id?: string };

const VIEW_TYPE = "agentlanes.session";
const TURNS_AT_ONCE = 20;

/** The commands that a page may ask for. */
const PAGE_COMMANDS = ["choose", "permissionMode", "fork", "rewind", "review", "merge"];

export class SessionPanels implements vscode.WebviewPanelSerializer<{ session_id: string }>, vscode.Disposable {
  private readonly open = new Map<string, SessionPanel>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);

  constructor(
    private readonly connection: Connection,
    private readonly review: Review,
    private readonly context: vscode.ExtensionContext,
  ) {}

  /** Shows a session's panel, without taking the keyboard where `preserveFocus` is true. */
  show(session: Session, preserveFocus = false): void {
    const known = this.open.get(session.session_id);
    if (known !== undefined) return known.reveal(preserveFocus);
    const column = { viewColumn: vscode.ViewColumn.Active, preserveFocus };
    const panel = vscode.window.createWebviewPanel(VIEW_TYPE, session.title ?? "Session", column, { retainContextWhenHidden: true });
    this.adopt(panel, session.session_id);
  }

  /** A panel that was open when the window was closed. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { session_id: string } | undefined): Promise<void> {
    if (state === undefined) return panel.dispose();
    this.adopt(panel, state.session_id);
  }

  /** Puts text where the user writes to a session, for them to go on with. */
  write(session: Session, text: string): void {
    this.show(session);
    this.open.get(session.session_id)?.write(text);
  }

  isVisible(sessionId: string): boolean {
    return this.open.get(sessionId)?.isVisible ?? false;
  }

  /** The session whose panel is in front. */
  active(): Session | undefined {
    for (const [id, panel] of this.open) if (panel.isActive) return this.connection.mirror.get("session", id);
    return undefined;
  }

  dispose(): void {
    this.registration.dispose();
    for (const panel of this.open.values()) panel.dispose();
  }

  private adopt(panel: vscode.WebviewPanel, sessionId: string): void {
    const made = new SessionPanel(this.connection, this.review, this.context, panel, sessionId);
    this.open.set(sessionId, made);
    panel.onDidDispose(() => this.open.delete(sessionId));
  }
}

class SessionPanel implements vscode.Disposable {
  private readonly listening: vscode.Disposable[];
  private readonly draftKey: string;
  private isReady = false;
  private hasLearned = false;
  private shownTurns = TURNS_AT_ONCE;
  private more = false;
  private unwritten = "";

  constructor(
    private readonly connection: Connection,
    private readonly review: Review,
    private readonly context: vscode.ExtensionContext,
    private readonly panel: vscode.WebviewPanel,
    private readonly sessionId: string,
  ) {
    this.draftKey = `draft ${sessionId}`;
    const { extensionUri } = context;
    panel.webview.options = { enableScripts: true, localResourceRoots: [extensionUri] };
    panel.iconPath = vscode.Uri.joinPath(extensionUri, "media", "lanes.svg");
    panel.webview.html = writePage(panel.webview, extensionUri, sessionId);
    panel.webview.onDidReceiveMessage((message: FromPage) => void this.take(message));
    this.listening = [
      connection.mirror.listen((change) => this.hear(change)),
      connection.onDidChangeState((connected) => this.tell({ kind: "connected", connected })),
    ];
    panel.onDidDispose(() => this.listening.forEach((listening) => listening.dispose()));
    if (connection.connected) void this.learn();
  }

  get isVisible(): boolean {
    return this.panel.visible;
  }

  get isActive(): boolean {
    return this.panel.active;
  }

  reveal(preserveFocus: boolean): void {
    this.panel.reveal(undefined, preserveFocus);
  }

  write(text: string): void {
    if (this.isReady) this.tell({ kind: "write", text });
    else this.unwritten += text;
  }

  dispose(): void {
    this.panel.dispose();
  }

  /** Reads what no snapshot holds: the turns that have ended, and the items of the newest of them. */
  private async learn(): Promise<void> {
    const context = { session_id: this.sessionId };
    try {
      const turns: Turn[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await this.connection.call("turn.list", { limit: 1000, ...(cursor === undefined ? {} : { cursor }) }, context);
        turns.push(...page.turns);
        cursor = page.next_cursor;
        if (cursor === undefined) break;
      }
      this.connection.mirror.learn("turn", turns);
      const run = turns.filter((turn) => turn.started_at !== undefined);
      this.more = run.length > this.shownTurns;
      await Promise.all(run.slice(-this.shownTurns).map((turn) => this.learnItems(turn)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    this.hasLearned = true;
    this.tellAll();
  }

  private async learnItems(turn: Turn): Promise<void> {
    for (let cursor: string | undefined; ; ) {
      const payload = { turn_id: turn.turn_id, limit: 1000, ...(cursor === undefined ? {} : { cursor }) };
      const page = await this.connection.call("item.list", payload, { session_id: this.sessionId });
      this.connection.mirror.learn("item", page.items);
      cursor = page.next_cursor;
      if (cursor === undefined) return;
    }
  }

  private hear(change: Change): void {
    if (change.op === "reset") return void this.learn();
    if (!this.hasLearned) return; // Everything is told when it is known.
    const { mirror } = this.connection;
    if (change.op === "append") {
      const item = mirror.get("item", change.itemId);
      if (item?.session_id === this.sessionId) this.tell({ kind: "grow", item_id: change.itemId, data: change.data });
      return;
    }
    if (change.noun === "lane" && change.entity["lane_id"] === this.session()?.lane_id) {
      this.tell({ kind: "lane", lane: change.entity as unknown as Lane });
    }
    if (change.entity["session_id"] !== this.sessionId || change.op === "drop") return;
    if (change.noun === "item") this.tell({ kind: "item", item: this.whole(change.entity as unknown as Item) });
    else if (change.noun === "turn") this.tell({ kind: "turn", turn: change.entity as unknown as Turn });
    else if (change.noun === "approval") this.tell({ kind: "approval", approval: change.entity as unknown as Approval });
    else if (change.noun === "session") {
      const session = change.entity as unknown as Session;
      this.name(session);
      this.tell({ kind: "session", session, origin: this.origin(session) });
    }
  }

  private tellAll(): void {
    if (!this.isReady || !this.hasLearned) return;
    const session = this.session();
    if (session === undefined) return this.tell({ kind: "gone" });
    this.name(session);
    const { mirror } = this.connection;
    const turns = mirror.list("turn", this.sessionId);
    const run = turns.filter((turn) => turn.started_at !== undefined).sort((a, b) => (String(a.started_at) < String(b.started_at) ? -1 : 1));
    const shown = [...run.slice(-this.shownTurns), ...turns.filter((turn) => turn.status === "queued")];
    this.tell({
      kind: "all",
      session,
      origin: this.origin(session),
      lane: mirror.get("lane", session.lane_id),
      turns: shown,
      items: shown.flatMap((turn) => mirror.list("item", turn.turn_id)).map((item) => this.whole(item)),
      approvals: mirror.list("approval").filter((approval) => approval.session_id === this.sessionId),
      more: this.more,
      draft: this.context.workspaceState.get(this.draftKey, ""),
    });
    if (this.unwritten !== "") this.tell({ kind: "write", text: this.unwritten });
    this.unwritten = "";
  }

  private tell(message: ToPage): void {
    if (this.isReady) void this.panel.webview.postMessage(message);
  }

  private async take(message: FromPage): Promise<void> {
    try {
      await this.act(message);
    } catch (error) {
      if (message.kind === "prompt") this.tell({ kind: "write", text: message.text });
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  }

  private async act(message: FromPage): Promise<void> {
    const { connection } = this;
    const context = { session_id: this.sessionId };
    const active = this.active();
    switch (message.kind) {
      case "ready":
        this.isReady = true;
        return this.tellAll();
      case "interrupt":
        if (active !== undefined) await connection.call("turn.interrupt", { turn_id: active.turn_id });
        return;
      case "cancel":
        await connection.call("turn.cancel", { turn_id: message.turn_id });
        return;
      case "move":
        await connection.call("turn.move", message.move);
        return;
      case "edit":
        await vscode.commands.executeCommand("agentlanes.editTurn", this.node(message.turn_id));
        return;
      case "answer":
        if (message.option_id === undefined) {
          const approval = connection.mirror.get("approval", message.approval_id);
          await vscode.commands.executeCommand("agentlanes.answer", { kind: "approval", approval });
        } else {
          await connection.call("approval.resolve", { approval_id: message.approval_id, option_id: message.option_id });
        }
        return;
      case "preview": {
        const approval = connection.mirror.get("approval", message.approval_id);
        if (approval !== undefined) await this.review.preview(approval);
        return;
      }
      case "call": {
        const item = connection.mirror.get("item", message.item_id);
        if (item !== undefined) await this.review.showCall(item);
        return;
      }
      case "file":
        return this.openFile(message.path, message.line);
      case "draft":
        await this.context.workspaceState.update(this.draftKey, message.text === "" ? undefined : message.text);
        return;
      case "earlier":
        this.shownTurns += TURNS_AT_ONCE;
        return this.learn();
      case "command":
        if (!PAGE_COMMANDS.includes(message.command)) return;
        await vscode.commands.executeCommand(`agentlanes.${message.command}`, this.node(message.turn_id));
        return;
      case "prompt":
        if (active !== undefined && message.how === "steer") {
          await connection.call("turn.steer", { turn_id: active.turn_id, prompt: message.text });
        } else if (active !== undefined && message.how === "replace") {
          await connection.call("turn.replace", { turn_id: active.turn_id, prompt: message.text });
        } else {
          await connection.call("turn.create", { prompt: message.text }, context);
        }
    }
  }

  private node(turnId: string | undefined): unknown {
    const turn = this.connection.mirror.get("turn", turnId);
    return turn === undefined ? { kind: "session", session: this.session() } : { kind: "turn", turn };
  }

  private async openFile(name: string, line: number | undefined): Promise<void> {
    const lane = this.connection.mirror.get("lane", this.session()?.lane_id);
    const uri = vscode.Uri.file(path.resolve(lane?.worktrees[0]?.path ?? "/", name));
    const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
    await vscode.window.showTextDocument(uri, { preview: true, selection: new vscode.Range(at, at) });
  }

  /** What a session goes on from; empty where it began by itself. */
  private origin({ origin }: Session): string {
    if (origin === undefined) return "";
    const other = this.connection.mirror.get("session", origin.session_id);
    const name = other === undefined ? "another conversation" : `${other.profile}, ${other.title ?? "no title yet"}`;
    return origin.kind === "handover" ? `takes over from ${name}` : `goes on from ${name}`;
  }

  private name(session: Session): void {
    const lane = this.connection.mirror.get("lane", session.lane_id);
    this.panel.title = session.title ?? lane?.name ?? "Session";
  }

  private session(): Session | undefined {
    return this.connection.mirror.get("session", this.sessionId);
  }

  private active(): Turn | undefined {
    const turns = this.connection.mirror.list("turn", this.sessionId);
    return turns.find((turn) => turn.status === "running" || turn.status === "waiting");
  }

  private whole(item: Item): Told {
    return { ...item, text: this.connection.mirror.text(item.item_id) || (item.text ?? "") };
  }
}

function writePage(webview: vscode.Webview, extensionUri: vscode.Uri, sessionId: string): string {
  const address = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, ...parts)).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src ${webview.cspSource};`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${address("media", "session.css")}">
</head>
<body data-session="${sessionId}">
<button id="earlier" class="second" hidden>Show what was before</button>
<div id="head"></div>
<main id="transcript" aria-live="polite"></main>
<footer>
<div id="questions"></div>
<ol id="queue"></ol>
<ul id="commands" role="listbox" hidden></ul>
<textarea id="prompt" rows="3" placeholder="What shall be done? Enter sends, Shift+Enter begins a line, / lists the agent's commands"></textarea>
<nav><span id="settings"></span><span id="activity"></span><button id="interrupt" class="second" hidden>Stop</button><button id="steer" class="second" hidden>Steer</button><button id="replace" class="second" hidden>Replace</button><button id="send">Send</button></nav>
</footer>
<script src="${address("dist", "session.js")}"></script>
</body>
</html>`;
}
