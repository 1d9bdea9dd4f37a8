/** The page of a session's panel: it renders what it is told, and asks. */

import type { Item, Session, Turn } from "../protocol";
import type { FromPage, ToPage } from "../session_panel";

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();
const transcript = find("transcript");
const queue = find("queue");
const activity = find("activity");
const input = find("prompt") as HTMLTextAreaElement;
const buttons = { interrupt: find("interrupt"), steer: find("steer"), replace: find("replace"), send: find("send") };

let session: Session | undefined;
const turns = new Map<string, Turn>();
const positions = new Map<string, number>();
const PLAN_MARKS: Record<string, string> = { completed: "☑", in_progress: "◐" };

window.addEventListener("message", (event: MessageEvent<ToPage>) => {
  const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
  take(event.data);
  if (atEnd) window.scrollTo(0, document.body.scrollHeight);
});

function take(message: ToPage): void {
  switch (message.kind) {
    case "all":
      transcript.replaceChildren();
      turns.clear();
      for (const turn of message.turns) showTurn(turn);
      for (const item of message.items) showItem(item);
      session = message.session;
      break;
    case "session":
      session = message.session;
      break;
    case "turn":
      showTurn(message.turn);
      break;
    case "item":
      showItem(message.item);
      break;
    case "grow": {
      const text = document.querySelector(`#${message.item_id} .text`);
      if (text !== null) text.append(message.data);
      return;
    }
  }
  showState();
}

function showTurn(turn: Turn): void {
  turns.set(turn.turn_id, turn);
  if (turn.status === "queued" || turn.status === "canceled") return void document.getElementById(turn.turn_id)?.remove();
  const section = document.getElementById(turn.turn_id) ?? transcript.appendChild(make("section", "", turn.turn_id));
  const head = section.querySelector("header") ?? section.insertBefore(make("header"), section.firstChild);
  head.replaceChildren(make("div", "asked", undefined, turn.prompt), make("span", `status ${turn.status}`, undefined, turn.status));
  section.querySelector(".problem")?.remove();
  if (turn.problem !== undefined) section.append(make("p", "problem", undefined, turn.problem.message));
}

function showItem(item: Item & { text: string }): void {
  if (item.kind === "user_message" || item.kind === "usage") return;
  const section = document.getElementById(item.turn_id);
  if (section === null) return;
  const made = build(item);
  const known = document.getElementById(item.item_id);
  if (known !== null) {
    if (known instanceof HTMLDetailsElement && made instanceof HTMLDetailsElement) made.open = known.open;
    known.replaceWith(made);
    return;
  }
  positions.set(item.item_id, item.position);
  const later = [...section.children].find((child) => (positions.get(child.id) ?? -1) > item.position);
  section.insertBefore(made, later ?? section.querySelector(".problem"));
}

function build(item: Item & { text: string }): HTMLElement {
  if (item.kind === "plan") {
    const list = make("ul", "plan", item.item_id);
    for (const entry of item.plan ?? []) list.append(make("li", "", undefined, `${PLAN_MARKS[entry.status] ?? "☐"} ${entry.content}`));
    return list;
  }
  if (item.kind === "thought" || item.kind === "tool_call") {
    const details = make("details", `${item.kind} ${item.status}`, item.item_id);
    const title = item.kind === "thought" ? "Thought" : (item.tool?.title ?? item.tool?.tool_kind ?? "A tool");
    details.append(make("summary", "", undefined, title), make("pre", "text", undefined, item.text));
    for (const change of item.tool?.changes ?? []) details.append(make("p", "path", undefined, change.path));
    return details;
  }
  const text = item.text || (item.problem?.message ?? "");
  return make("p", `text ${item.kind}`, item.item_id, text);
}

function showState(): void {
  const active = [...turns.values()].find((turn) => turn.status === "running" || turn.status === "waiting");
  activity.textContent = session?.activity || active?.status || session?.status || "";
  buttons.interrupt.hidden = active === undefined;
  buttons.replace.hidden = active === undefined;
  buttons.steer.hidden = active === undefined || session?.offer?.steer !== true;
  buttons.send.textContent = active === undefined ? "Send" : "Queue";
  const queued = [...turns.values()].filter((turn) => turn.status === "queued");
  queued.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  queue.replaceChildren(...queued.map(showQueued));
}

function showQueued(turn: Turn): HTMLElement {
  const row = make("li", "", undefined, turn.prompt);
  const cancel = make("button", "", undefined, "×");
  cancel.title = "Take it back";
  cancel.addEventListener("click", () => host.postMessage({ kind: "cancel", turn_id: turn.turn_id }));
  row.append(cancel);
  return row;
}

function send(how: "queue" | "steer" | "replace"): void {
  const text = input.value;
  if (text.trim() === "") return;
  host.postMessage({ kind: "prompt", text, how });
  input.value = "";
}

buttons.send.addEventListener("click", () => send("queue"));
buttons.steer.addEventListener("click", () => send("steer"));
buttons.replace.addEventListener("click", () => send("replace"));
buttons.interrupt.addEventListener("click", () => host.postMessage({ kind: "interrupt" }));
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send("queue");
});
host.postMessage({ kind: "ready" });

function make<K extends keyof HTMLElementTagNameMap>(tag: K, classes = "", id?: string, text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (classes !== "") made.className = classes;
  if (id !== undefined) made.id = id;
  if (text !== undefined) made.textContent = text;
  return made;
}

function find(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}
