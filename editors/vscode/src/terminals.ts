/** Terminals of lanes in the editor's terminal panel. The program runs at the server: closing the panel leaves it alone. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import { Pace } from "./pace";
import type { Lane, Terminal } from "./protocol";

const TAIL_BYTES = 256 * 1024;
const WINDOW_BYTES = 1024 * 1024;

export class Terminals implements vscode.Disposable {
  private readonly shown = new Map<string, vscode.Terminal>();
  private readonly closing: vscode.Disposable;

  constructor(private readonly connection: Connection) {
    this.closing = vscode.window.onDidCloseTerminal((closed) => {
      for (const [id, terminal] of this.shown) if (terminal === closed) this.shown.delete(id);
    });
  }

  dispose(): void {
    this.closing.dispose();
    for (const terminal of this.shown.values()) terminal.dispose();
  }

  /** Starts a shell in the lane and shows it. */
  async spawn(lane: Lane): Promise<void> {
    this.show(await this.make(lane), false);
  }

  /** A new shell of the lane, for a terminal profile. */
  async profile(lane: Lane): Promise<vscode.TerminalProfile> {
    return new vscode.TerminalProfile(this.describe(await this.make(lane)));
  }

  /** Shows a terminal that runs. */
  show(terminal: Terminal, preserveFocus = true): void {
    let shown = this.shown.get(terminal.terminal_id);
    if (shown === undefined) {
      shown = vscode.window.createTerminal(this.describe(terminal));
      this.shown.set(terminal.terminal_id, shown);
    }
    shown.show(preserveFocus);
  }

  private async make(lane: Lane): Promise<Terminal> {
    if (!vscode.workspace.isTrusted) throw new Error("A terminal runs programs: trust this folder first.");
    return (await this.connection.call("terminal.spawn", {}, { lane_id: lane.lane_id })).terminal;
  }

  private describe(terminal: Terminal): vscode.ExtensionTerminalOptions {
    const lane = this.connection.mirror.get("lane", terminal.lane_id);
    const name = `${lane?.name ?? "lane"}: ${terminal.title}`;
    return { name, iconPath: new vscode.ThemeIcon("git-branch"), pty: new LanePty(this.connection, terminal) };
  }
}

/** Views that are open. The server knows one reader of a terminal in this window, however many views it has. */
const views = new Set<LanePty>();

/** One view of one terminal. It reads from its own offset on, and goes on there after every loss of the connection. */
export class LanePty implements vscode.Pseudoterminal {
  private readonly writes = new vscode.EventEmitter<string>();
  private readonly closes = new vscode.EventEmitter<number | void>();
  readonly onDidWrite = this.writes.event;
  readonly onDidClose = this.closes.event;
  private readonly context: { lane_id: string; terminal_id: string };
  private decoder = new TextDecoder();
  private readonly pace = new Pace((data) => this.writes.fire(data));
  private offset: number | undefined;
  private size: vscode.TerminalDimensions | undefined;
  private listening: vscode.Disposable[] = [];
  private hasEnded = false;

  constructor(
    private readonly connection: Connection,
    terminal: Terminal,
  ) {
    this.context = { lane_id: terminal.lane_id, terminal_id: terminal.terminal_id };
  }

  open(size: vscode.TerminalDimensions | undefined): void {
    this.size = size;
    views.add(this);
    this.listening = [
      this.connection.onStream("terminal.output", (output) => {
        // Before the answer says where this view begins, what comes was asked for by another.
        if (output.terminal_id !== this.context.terminal_id || this.offset === undefined || output.offset < this.offset) return;
        if ((output.skipped ?? 0) > 0) this.tell(`${output.skipped} bytes were faster than this window and are skipped`);
        this.offset = output.next_offset;
        const text = this.decoder.decode(Buffer.from(output.data, "base64"), { stream: true });
        // Credit goes back when the terminal has drawn what came, so a flood waits at the server and never in the window.
        this.pace.write(text, () => this.connection.send("terminal.ack", { consumed: output.next_offset }, this.context));
      }),
      this.connection.mirror.listen((change) => {
        if (change.op === "put" && change.noun === "terminal") this.follow(change.entity as unknown as Terminal);
      }),
      this.connection.onDidChangeState((connected) => {
        if (connected) void this.attach();
      }),
    ];
    if (this.connection.connected) void this.attach();
  }

  close(): void {
    for (const listening of this.listening) listening.dispose();
    this.listening = [];
    this.pace.dispose();
    views.delete(this);
    if ([...views].some((view) => view.context.terminal_id === this.context.terminal_id)) return;
    this.connection.call("terminal.detach", {}, this.context).catch(() => undefined);
  }

  handleInput(data: string): void {
    const typed = this.pace.hear(data);
    if (typed !== "") this.connection.send("terminal.input", { data: typed }, this.context);
  }

  setDimensions(size: vscode.TerminalDimensions): void {
    this.size = size;
    this.resize();
  }

  private async attach(): Promise<void> {
    const where = this.offset === undefined ? { tail_bytes: TAIL_BYTES } : { offset: this.offset };
    const flow = { mode: "mode_a" as const, window_bytes: WINDOW_BYTES, encoding: "base64" as const };
    try {
      const { terminal, offset } = await this.connection.call("terminal.attach", { ...where, ...flow }, this.context);
      if (offset !== this.offset) this.decoder = new TextDecoder();
      this.offset = offset;
      this.resize();
      this.follow(terminal);
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  private resize(): void {
    if (this.size === undefined) return;
    this.connection.send("terminal.resize", { cols: this.size.columns, rows: this.size.rows, claim: true }, this.context);
  }

  private follow(terminal: Terminal): void {
    if (terminal.terminal_id !== this.context.terminal_id || terminal.state !== "closed" || this.hasEnded) return;
    this.hasEnded = true;
    // The pane stays, so that the last words can be read.
    this.tell(`the program has ended${terminal.exit_code === undefined ? "" : ` with ${terminal.exit_code}`}`);
  }

  private tell(message: string): void {
    this.pace.write(`\r\n\x1b[2m[${message}]\x1b[0m\r\n`, () => undefined);
  }
}
