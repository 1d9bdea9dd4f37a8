/** A session as a panel: the transcript as it streams, the queue, and a place to write. */

import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import type { Change } from "./mirror";
import type { Item, Session, Turn } from "./protocol";

/** What the panel's page is told. Text that grew travels alone; the rest is whole. */
export type ToPage =
  | { kind: "all"; session: Session; turns: Turn[]; items: (Item & { text: string })[] }
  | { kind: "session"; session: Session }
  | { kind: "turn"; turn: Turn }
  | { kind: "item"; item: Item & { text: string } }
  | { kind: "grow"; item_id: string; data: string };

/** What the page asks for. */
export type FromPage =
  | { kind: "ready" }
  | { kind: "prompt"; text: string; how: "queue" | "steer" | "replace" }
  | { kind: "interrupt" }
  | { kind: "cancel"; turn_id: string };

const HISTORY = 100;

export class SessionPanels implements vscode.Disposable {
  private readonly open = new Map<string, SessionPanel>();

  constructor(
    private readonly connection: Connection,
    private readonly extensionUri: vscode.Uri,
  ) {}

  /** Shows a session's panel, without taking the keyboard where `preserveFocus` is true. */
  show(session: Session, preserveFocus = false): void {
    const known = this.open.get(session.session_id);
    if (known !== undefined) return known.reveal(preserveFocus);
    const panel = new SessionPanel(this.connection, this.extensionUri, session.session_id, preserveFocus);
    this.open.set(session.session_id, panel);
    panel.onDidDispose(() => this.open.delete(session.session_id));
  }

  dispose(): void {
    for (const panel of this.open.values()) panel.dispose();
  }
}

class SessionPanel implements vscode.Disposable {
  private readonly panel: vscode.WebviewPanel;
  private readonly listening: vscode.Disposable;
  private isReady = false;

  constructor(
    private readonly connection: Connection,
    extensionUri: vscode.Uri,
    private readonly sessionId: string,
    preserveFocus: boolean,
  ) {
    const session = this.session();
    this.panel = vscode.window.createWebviewPanel(
      "agentlanes.session",
      session?.title ?? "Session",
      { viewColumn: vscode.ViewColumn.Active, preserveFocus },
      { enableScripts: true, retainContextWhenHidden: true, localResourceRoots: [extensionUri] },
    );
    this.panel.iconPath = vscode.Uri.joinPath(extensionUri, "media", "lanes.svg");
    this.panel.webview.html = writePage(this.panel.webview, extensionUri);
    this.panel.webview.onDidReceiveMessage((message: FromPage) => void this.take(message));
    this.listening = connection.mirror.listen((change) => this.hear(change));
    this.panel.onDidDispose(() => this.listening.dispose());
    void this.learn();
  }

  get onDidDispose(): vscode.Event<void> {
    return this.panel.onDidDispose;
  }

  reveal(preserveFocus: boolean): void {
    this.panel.reveal(undefined, preserveFocus);
  }

  dispose(): void {
    this.panel.dispose();
  }

  /** Reads what no snapshot holds: the turns that have ended. */
  private async learn(): Promise<void> {
    const context = { session_id: this.sessionId };
    try {
      const { turns } = await this.connection.call("turn.list", { limit: HISTORY }, context);
      this.connection.mirror.learn("turn", turns);
      for (const turn of turns) {
        const { items } = await this.connection.call("item.list", { turn_id: turn.turn_id, limit: 1000 }, context);
        this.connection.mirror.learn("item", items);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    this.tellAll();
  }

  private hear(change: Change): void {
    if (change.op === "reset") return void this.learn();
    const { mirror } = this.connection;
    if (change.op === "append") {
      const item = mirror.get("item", change.itemId);
      if (item?.session_id === this.sessionId) this.tell({ kind: "grow", item_id: change.itemId, data: change.data });
      return;
    }
    if (change.entity["session_id"] !== this.sessionId || change.op === "drop") return;
    if (change.noun === "item") this.tell({ kind: "item", item: this.whole(change.entity as unknown as Item) });
    else if (change.noun === "turn") this.tell({ kind: "turn", turn: change.entity as unknown as Turn });
    else if (change.noun === "session") {
      const session = change.entity as unknown as Session;
      this.panel.title = session.title ?? "Session";
      this.tell({ kind: "session", session });
    }
  }

  private tellAll(): void {
    const session = this.session();
    if (session === undefined) return;
    const { mirror } = this.connection;
    const turns = mirror.list("turn", this.sessionId);
    const items = turns.flatMap((turn) => mirror.list("item", turn.turn_id)).map((item) => this.whole(item));
    this.tell({ kind: "all", session, turns, items });
  }

  private tell(message: ToPage): void {
    if (this.isReady) void this.panel.webview.postMessage(message);
  }

  private async take(message: FromPage): Promise<void> {
    try {
      await this.act(message);
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  }

  private async act(message: FromPage): Promise<void> {
    const active = this.active();
    const context = { session_id: this.sessionId };
    switch (message.kind) {
      case "ready":
        this.isReady = true;
        return this.tellAll();
      case "interrupt":
        if (active !== undefined) await this.connection.call("turn.interrupt", { turn_id: active.turn_id });
        return;
      case "cancel":
        await this.connection.call("turn.cancel", { turn_id: message.turn_id });
        return;
      case "prompt":
        if (active !== undefined && message.how === "steer") {
          await this.connection.call("turn.steer", { turn_id: active.turn_id, prompt: message.text });
        } else if (active !== undefined && message.how === "replace") {
          await this.connection.call("turn.replace", { turn_id: active.turn_id, prompt: message.text });
        } else {
          await this.connection.call("turn.create", { prompt: message.text }, context);
        }
    }
  }

  private session(): Session | undefined {
    return this.connection.mirror.get("session", this.sessionId);
  }

  private active(): Turn | undefined {
    const turns = this.connection.mirror.list("turn", this.sessionId);
    return turns.find((turn) => turn.status === "running" || turn.status === "waiting");
  }

  private whole(item: Item): Item & { text: string } {
    return { ...item, text: this.connection.mirror.text(item.item_id) || (item.text ?? "") };
  }
}

function writePage(webview: vscode.Webview, extensionUri: vscode.Uri): string {
  const address = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, ...parts)).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src ${webview.cspSource};`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${address("media", "session.css")}">
</head>
<body>
<main id="transcript" aria-live="polite"></main>
<footer>
<ol id="queue"></ol>
<textarea id="prompt" rows="3" placeholder="What shall be done? Ctrl+Enter sends"></textarea>
<nav><span id="activity"></span><button id="interrupt" hidden>Stop</button><button id="steer" hidden>Steer</button><button id="replace" hidden>Replace</button><button id="send">Send</button></nav>
</footer>
<script src="${address("dist", "session.js")}"></script>
</body>
</html>`;
}
