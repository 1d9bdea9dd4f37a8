/** The lower part of the page: what waits for an answer, the queue, and the place to write. */

import type { Approval, Lane, Session, Turn } from "../protocol";
import { action, ask, find, make } from "./page";

/** What it shows. */
export interface Entry {
  session?: Session;
  lane?: Lane;
  turns: Map<string, Turn>;
  approvals: Map<string, Approval>;
  connected: boolean;
}

const DRAFT_MS = 300;
const LIST_LENGTH = 8;

const questions = find("questions");
const queue = find("queue");
const commands = find("commands");
const input = find("prompt") as HTMLTextAreaElement;
const settings = find("settings");
const activity = find("activity");
const buttons = { interrupt: find("interrupt"), steer: find("steer"), replace: find("replace"), send: find("send") };
const rows = new Map<HTMLElement, string>();
let shown: Entry | undefined;
let draftTimer: number | undefined;

/** Shows what changed; what the user writes stays. */
export function showBelow(entry: Entry): void {
  shown = entry;
  const { session } = entry;
  const active = [...entry.turns.values()].find((turn) => turn.status === "running" || turn.status === "waiting");
  activity.textContent = entry.connected ? session?.activity || active?.status || session?.problem?.message || session?.status || "" : "The server is out of reach";
  buttons.interrupt.hidden = active === undefined;
  buttons.replace.hidden = active === undefined;
  buttons.steer.hidden = active === undefined || session?.offer?.steer !== true;
  buttons.send.textContent = active === undefined ? "Send" : "Queue";
  showRows(questions, [...entry.approvals.values()].filter((approval) => approval.status === "pending"), showQuestion);
  const queued = [...entry.turns.values()].filter((turn) => turn.status === "queued");
  queued.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  showRows(queue, queued, (turn, at) => showQueued(turn, queued[at - 1], queued[at + 1]));
  showSettings(entry);
}

/** Makes rows anew only where they are others: a button that somebody is about to press stays. */
function showRows<T>(list: HTMLElement, entities: T[], make: (entity: T, at: number) => HTMLElement): void {
  const wanted = JSON.stringify(entities);
  if (rows.get(list) === wanted) return;
  rows.set(list, wanted);
  list.replaceChildren(...entities.map(make));
}

/** Puts text into the place to write, after what stands there. */
export function takeEntry(text: string): void {
  if (text === "") return;
  input.value = input.value === "" ? text : `${input.value}\n${text}`;
  keepDraft();
}

function showQuestion(approval: Approval): HTMLElement {
  const row = make("div", "question", approval.approval_id);
  row.append(make("span", "title", undefined, approval.title));
  if (approval.preview?.command !== undefined) row.append(make("code", "", undefined, approval.preview.command));
  const choices = make("span", "choices");
  if ((approval.questions ?? []).length > 0) {
    choices.append(choice("Answer…", true, () => ask({ kind: "answer", approval_id: approval.approval_id })));
  } else {
    const { approval_id, options } = approval;
    const first = options.find((option) => option.kind.startsWith("allow"));
    for (const option of options) {
      choices.append(choice(option.label, option === first, () => ask({ kind: "answer", approval_id, option_id: option.option_id })));
    }
    choices.append(choice("More…", false, () => ask({ kind: "answer", approval_id })));
  }
  if ((approval.preview?.changes ?? []).length > 0 || approval.preview?.command !== undefined) {
    choices.append(action("±", "Show what it would change", () => ask({ kind: "preview", approval_id: approval.approval_id })));
  }
  row.append(choices);
  return row;
}

function choice(label: string, isFirst: boolean, act: () => void): HTMLButtonElement {
  const button = make("button", isFirst ? "" : "second", undefined, label);
  button.addEventListener("click", act);
  return button;
}

function showQueued(turn: Turn, before: Turn | undefined, after: Turn | undefined): HTMLElement {
  const { turn_id } = turn;
  const row = make("li", "", turn_id, turn.prompt);
  if (before !== undefined) row.append(action("↑", "Run it earlier", () => ask({ kind: "move", move: { turn_id, before: before.turn_id } })));
  if (after !== undefined) row.append(action("↓", "Run it later", () => ask({ kind: "move", move: { turn_id, after: after.turn_id } })));
  row.append(
    action("✎", "Edit it", () => ask({ kind: "edit", turn_id })),
    action("×", "Take it back", () => ask({ kind: "cancel", turn_id })),
  );
  return row;
}

function showSettings({ session, lane }: Entry): void {
  const made = (session?.offer?.settings ?? []).map((setting) => {
    const chosen = session?.choice as Record<string, string> | undefined;
    const value = chosen?.[setting.kind] ?? setting.value;
    const name = setting.values.find((found) => found.value === value)?.name ?? value ?? "";
    return action(name === "" ? setting.name : name, `${setting.name}: choose another`, () => ask({ kind: "command", command: "choose" }));
  });
  if (lane !== undefined) {
    const mode = lane.permission_mode ?? "supervised";
    made.push(action(mode, "Who decides what the agent asks", () => ask({ kind: "command", command: "permissionMode" })));
  }
  const { context_used, context_size } = session?.usage ?? {};
  const full = context_used !== undefined && context_size !== undefined && context_size > 0 ? `${Math.round((100 * context_used) / context_size)} % of context` : "";
  settings.replaceChildren(...made, make("span", "context", undefined, full));
}

function send(how: "queue" | "steer" | "replace"): void {
  const text = input.value;
  if (text.trim() === "") return;
  ask({ kind: "prompt", text, how });
  input.value = "";
  keepDraft();
}

/** The draft outlives this page: it is kept by the editor. */
function keepDraft(): void {
  clearTimeout(draftTimer);
  draftTimer = window.setTimeout(() => {
    ask({ kind: "draft", text: input.value });
    input.dataset["kept"] = input.value;
  }, DRAFT_MS);
}

/** The agent's commands that fit what is written. */
function fitting(): string[] {
  const typed = /^\/(\S*)$/.exec(input.value)?.[1];
  if (typed === undefined) return [];
  const offered = shown?.session?.offer?.commands ?? [];
  return offered.map((command) => command.name).filter((name) => name.startsWith(typed)).slice(0, LIST_LENGTH);
}

function showCommands(): void {
  const names = fitting();
  commands.hidden = names.length === 0;
  const offered = shown?.session?.offer?.commands ?? [];
  commands.replaceChildren(
    ...names.map((name, at) => {
      const command = offered.find((found) => found.name === name);
      const row = make("li", at === 0 ? "first" : "", undefined, `/${name}`);
      row.setAttribute("role", "option");
      row.append(make("span", "about", undefined, command?.description ?? ""));
      row.addEventListener("mousedown", (event) => {
        event.preventDefault();
        complete(name);
      });
      return row;
    }),
  );
}

function complete(name: string): void {
  input.value = `/${name} `;
  showCommands();
  keepDraft();
}

buttons.send.addEventListener("click", () => send("queue"));
buttons.steer.addEventListener("click", () => send("steer"));
buttons.replace.addEventListener("click", () => send("replace"));
buttons.interrupt.addEventListener("click", () => ask({ kind: "interrupt" }));
input.addEventListener("input", () => {
  showCommands();
  keepDraft();
});
input.addEventListener("keydown", (event) => {
  const first = fitting()[0];
  if (event.key === "Tab" && first !== undefined) {
    event.preventDefault();
    complete(first);
  } else if (event.key === "Escape") {
    commands.hidden = true;
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send(event.ctrlKey || event.metaKey ? (buttons.steer.hidden ? "queue" : "steer") : "queue");
  }
});
