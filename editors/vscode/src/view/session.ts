/** The page of a session's panel: it renders what it is told, and asks. */

import type { Item, Turn } from "../protocol";
import type { Told, ToPage } from "../session_panel";
import { showBelow, takeEntry, type Entry } from "./entry";
import { action, ask, find, link, make } from "./page";
import { Prose } from "./prose";

const transcript = find("transcript");
const head = find("head");
const earlier = find("earlier");
const entry: Entry = { turns: new Map(), approvals: new Map(), connected: true };
const positions = new Map<string, number>();
const texts = new Map<string, Prose>();
const PLAN_MARKS: Record<string, string> = { completed: "☑", in_progress: "◐" };

window.addEventListener("message", (event: MessageEvent<ToPage>) => {
  const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
  take(event.data);
  if (atEnd) window.scrollTo(0, document.body.scrollHeight);
});

function take(message: ToPage): void {
  switch (message.kind) {
    case "all":
      showAll(message);
      break;
    case "gone":
      transcript.replaceChildren(make("p", "notice", undefined, "This session is gone."));
      return;
    case "session":
      entry.session = message.session;
      showHead(message.origin, message.session.primer);
      break;
    case "lane":
      entry.lane = message.lane;
      break;
    case "turn":
      showTurn(message.turn);
      break;
    case "item":
      showItem(message.item);
      return;
    case "approval":
      entry.approvals.set(message.approval.approval_id, message.approval);
      break;
    case "connected":
      entry.connected = message.connected;
      break;
    case "grow":
      texts.get(message.item_id)?.grow(message.data);
      return;
    case "write":
      takeEntry(message.text);
      return;
  }
  showBelow(entry);
}

function showAll(message: ToPage & { kind: "all" }): void {
  transcript.replaceChildren();
  entry.turns.clear();
  entry.approvals.clear();
  texts.clear();
  positions.clear();
  earlier.hidden = !message.more;
  for (const turn of message.turns) showTurn(turn);
  for (const item of message.items) showItem(item);
  for (const approval of message.approvals) entry.approvals.set(approval.approval_id, approval);
  const isFirst = entry.session === undefined;
  entry.session = message.session;
  showHead(message.origin, message.session.primer);
  entry.lane = message.lane;
  entry.connected = true;
  if (isFirst) takeEntry(message.draft);
}

/** What the conversation goes on from, and what its agent was told of that. */
function showHead(origin: string, primer: string | undefined): void {
  head.hidden = origin === "";
  head.replaceChildren(primer === undefined ? make("p", "origin", undefined, `↪ ${origin}`) : folded("origin", `↪ ${origin}`, primer));
}

function folded(classes: string, summary: string, text: string, id?: string): HTMLDetailsElement {
  const details = make("details", classes, id);
  details.append(make("summary", "", undefined, summary), make("pre", "text", undefined, text));
  return details;
}

function showTurn(turn: Turn): void {
  entry.turns.set(turn.turn_id, turn);
  if (turn.status === "queued" || turn.status === "canceled") return void document.getElementById(turn.turn_id)?.remove();
  const section = document.getElementById(turn.turn_id) ?? transcript.appendChild(make("section", "", turn.turn_id));
  section.classList.toggle("dropped", turn.dropped === true);
  const title = section.querySelector("header") ?? section.insertBefore(make("header"), section.firstChild);
  title.replaceChildren(make("div", "asked", undefined, turn.prompt), make("span", `status ${turn.status}`, undefined, describe(turn)));
  if (turn.ended_at !== undefined && turn.dropped !== true) {
    title.append(
      action("⑂", "Fork: go on from here in a session of its own", () => ask({ kind: "command", command: "fork", turn_id: turn.turn_id })),
      action("↺", "Rewind: take back this turn and all after it", () => ask({ kind: "command", command: "rewind", turn_id: turn.turn_id })),
    );
  }
  const primer = `${turn.turn_id}-primer`;
  if (turn.primer !== undefined && document.getElementById(primer) === null) {
    title.after(folded("primer", "↪ told what was done before", turn.primer, primer));
  }
  for (const steer of turn.steers ?? []) {
    const id = `${turn.turn_id}-${steer.number}`;
    const said = make("p", "steer", id, steer.prompt);
    if (steer.problem !== undefined) said.append(make("span", "problem", undefined, ` ${steer.problem.message}`));
    const known = document.getElementById(id);
    if (known === null) section.append(said);
    else known.replaceWith(said);
  }
  section.querySelector(".problem.whole")?.remove();
  if (turn.problem !== undefined) section.append(make("p", "problem whole", undefined, turn.problem.message));
}

function describe(turn: Turn): string {
  const { input_tokens, output_tokens, cost } = turn.usage ?? {};
  const tokens = input_tokens === undefined && output_tokens === undefined ? "" : ` · ${(input_tokens ?? 0) + (output_tokens ?? 0)} tokens`;
  return `${turn.dropped === true ? "taken back" : turn.status}${tokens}${cost === undefined ? "" : ` · ${cost.amount.toFixed(2)} ${cost.currency}`}`;
}

function showItem(item: Told): void {
  if (item.kind === "user_message" || item.kind === "usage") return;
  const section = document.getElementById(item.turn_id);
  if (section === null) return;
  const known = document.getElementById(item.item_id);
  const made = build(item);
  if (known !== null) {
    if (known instanceof HTMLDetailsElement && made instanceof HTMLDetailsElement) made.open = known.open;
    known.replaceWith(made);
    return;
  }
  positions.set(item.item_id, item.position);
  const later = [...section.children].find((child) => (positions.get(child.id) ?? -1) > item.position);
  section.insertBefore(made, later ?? section.querySelector(".problem.whole"));
}

function build(item: Told): HTMLElement {
  if (item.kind === "plan") {
    const list = make("ul", "plan", item.item_id);
    for (const step of item.plan ?? []) list.append(make("li", "", undefined, `${PLAN_MARKS[step.status] ?? "☐"} ${step.content}`));
    return list;
  }
  if (item.kind === "thought" || item.kind === "tool_call") {
    const details = make("details", `${item.kind} ${item.status}`, item.item_id);
    details.append(make("summary", "", undefined, item.kind === "thought" ? "Thought" : (item.tool?.title ?? item.tool?.tool_kind ?? "A tool")));
    details.append(describeTool(item));
    details.append(keep(item, make("pre", "text"), false).element);
    return details;
  }
  const isProse = item.kind === "message";
  return keep(item, make("div", `text ${item.kind}`, item.item_id), isProse, item.problem?.message).element;
}

function describeTool(item: Item): HTMLElement {
  const row = make("p", "paths");
  const { tool } = item;
  if (tool === undefined) return row;
  if (tool.command !== undefined && tool.command !== tool.title) row.append(make("code", "", undefined, tool.command));
  for (const change of tool.changes ?? []) row.append(link(`± ${change.path}`, () => ask({ kind: "call", item_id: item.item_id })));
  if (tool.changes === undefined) {
    for (const { path, line } of tool.locations ?? []) row.append(link(path, () => ask({ kind: "file", path, ...(line === undefined ? {} : { line }) })));
  }
  if (tool.exit_code !== undefined) row.append(make("span", "", undefined, `exit ${tool.exit_code}`));
  return row;
}

function keep(item: Told, element: HTMLElement, isProse: boolean, instead = ""): Prose {
  const prose = new Prose(element, isProse);
  prose.grow(item.text || instead);
  prose.flush();
  texts.set(item.item_id, prose);
  return prose;
}

earlier.addEventListener("click", () => ask({ kind: "earlier" }));
ask({ kind: "ready" });
