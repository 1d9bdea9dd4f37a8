/** Terminals: one view after the other, and a flood while one types. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import { LanePty } from "../src/terminals";
import type { Lane, Terminal } from "../src/protocol";
import { script, startLane, turnEnd, until, wait, type Api, type Story } from "./story";

const QUERY = "\x1b[5n";
/** So much that a window that is only written to would choke on it. */
const FLOOD = 500_000;

let lane: Lane;

export const stories: Record<string, Story> = {
  aLane: async (api) => {
    const started = await startLane(api, script({ say: "A lane to work in" }));
    await turnEnd(api, started.turn);
    lane = started.lane;
  },
  aViewGoesOnWhereTheLastOneWas: (api) => goesOn(api, lane),
  aFloodWhileOneTypes: (api) => flood(api, lane),
  theServerIsGoneForAMoment: (api) => gone(api, lane),
};

async function goesOn(api: Api, lane: Lane): Promise<void> {
  const terminal = await spawn(api, lane, 'echo "héllo"; while read line; do echo "got $line"; done');
  const first = new View(api, terminal);
  await first.shows("héllo");
  first.pty.handleInput("one\r");
  await first.shows("got one");
  const second = new View(api, terminal);
  await second.shows("got one");
  first.close();
  await wait(vscode.window.onDidCloseTerminal, () => first.terminal.exitStatus !== undefined, "the first view's end");
  second.pty.handleInput("two\r");
  await second.shows("got two");
  assert.match(second.text, /^héllo\s+one\s+got one\s+two\s+got two\s*$/);
  second.close();
  await end(api, terminal);
}

/** The echo of what is typed arrives, nothing is lost without a word, and the terminal is never fed faster than it draws. */
async function flood(api: Api, lane: Lane): Promise<void> {
  const terminal = await spawn(api, lane, 'i=0; while :; do i=$((i+1)); echo "line $i of a flood that nobody reads to its end"; done & read line; kill $!; echo "got $line"; read last; echo "and $last"');
  const view = new View(api, terminal);
  await wait(view.changed, () => view.text.length > FLOOD, "a flood");
  // The window answers meanwhile: this goes to its main thread and back.
  const began = view.text.length;
  await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
  await wait(view.changed, () => view.text.length > began, "more of the flood");
  view.pty.handleInput("stop\r");
  await view.shows("got stop");
  view.pty.handleInput("the end\r");
  await view.shows("and the end");
  // What came is contiguous, or says what is missing; and all that came was drawn, in order.
  assert.equal(view.drawn(), view.received.text);
  assert.deepEqual(view.received.holes, []);
  const ended = await until(api, () => api.connection.mirror.get("terminal", terminal.terminal_id)?.state === "closed", "the terminal's end");
  assert.ok(ended);
  view.close();
}

async function gone(api: Api, lane: Lane): Promise<void> {
  const terminal = await spawn(api, lane, 'echo ready; while read line; do echo "got $line"; done');
  const view = new View(api, terminal);
  await view.shows("ready");
  process.kill((await api.connection.call("server.status")).pid, "SIGKILL");
  await until(api, () => !api.connection.connected, "the loss");
  await until(api, () => api.connection.connected, "the way back");
  view.pty.handleInput("again\r");
  await view.shows("got again");
  assert.equal(view.text.split("ready").length, 2, view.text);
  view.close();
  await end(api, terminal);
}

async function spawn(api: Api, lane: Lane, shell: string): Promise<Terminal> {
  return (await api.connection.call("terminal.spawn", { argv: ["sh", "-c", shell] }, { lane_id: lane.lane_id })).terminal;
}

async function end(api: Api, { lane_id, terminal_id }: Terminal): Promise<void> {
  await api.connection.follow("terminal", "terminal.close", {}, { lane_id, terminal_id });
}

/** A terminal in the editor's panel, and what was written to it. */
class View {
  readonly pty: LanePty;
  readonly terminal: vscode.Terminal;
  text = "";
  readonly received = { text: "", holes: [] as string[] };
  private readonly changes = new vscode.EventEmitter<void>();
  readonly changed = this.changes.event;
  private readonly listening: vscode.Disposable[];
  private next: number | undefined;

  constructor(api: Api, terminal: Terminal) {
    const decoder = new TextDecoder();
    this.pty = new LanePty(api.connection, terminal);
    this.listening = [
      this.pty.onDidWrite((data) => {
        this.text += data.replaceAll(QUERY, "");
        this.changes.fire();
      }),
      api.connection.onStream("terminal.output", (output) => {
        if (output.terminal_id !== terminal.terminal_id) return;
        const skipped = output.skipped ?? 0;
        if (this.next !== undefined && output.offset !== this.next + skipped) this.received.holes.push(`${this.next} +${skipped} → ${output.offset}`);
        this.next = output.next_offset;
        if (skipped > 0) this.received.text += "SKIPPED";
        this.received.text += decoder.decode(Buffer.from(output.data, "base64"), { stream: true });
        this.changes.fire();
      }),
    ];
    // The editor's own terminal opens it, draws it, and answers its queries.
    this.terminal = vscode.window.createTerminal({ name: terminal.title, pty: this.pty });
    this.terminal.show(true);
  }

  shows(part: string): Promise<unknown> {
    return wait(this.changed, () => this.text.includes(part), () => `${part} on the terminal; it ends with ${JSON.stringify(this.text.slice(-300))}`);
  }

  /** What was drawn, with what stands for bytes that were skipped. */
  drawn(): string {
    return this.text.replace(/\r\n\x1b\[2m\[\d+ bytes[^\]]*\]\x1b\[0m\r\n/g, "SKIPPED").replace(/\r\n\x1b\[2m\[the program[^\]]*\]\x1b\[0m\r\n/, "");
  }

  close(): void {
    for (const listening of this.listening) listening.dispose();
    this.terminal.dispose();
  }
}
