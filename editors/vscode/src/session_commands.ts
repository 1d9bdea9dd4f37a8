/** What can be done with a session: its turns, its agent's settings, and conversations that go on from it. */

import * as vscode from "vscode";
import type { Target } from "./pick";
import type { ResourceLink, Session, SessionCreate, Turn } from "./protocol";
import type { Actions, Surfaces } from "./surfaces";

/** The commands about sessions, by name. */
export function sessionCommands(surfaces: Surfaces): Actions {
  const { connection, panels, picker } = surfaces;
  const onSession = (act: (session: Session, target: Target, text?: unknown) => unknown): Actions[string] => {
    return async (target, text) => {
      const session = await picker.session(target);
      return session === undefined ? undefined : act(session, target, text);
    };
  };
  const running = (session: Session): Turn | undefined =>
    connection.mirror.list("turn", session.session_id).find((turn) => turn.status === "running" || turn.status === "waiting");
  const goOn = async (session: Session, payload: SessionCreate): Promise<void> => {
    const made = await connection.call("session.create", payload, { lane_id: session.lane_id });
    panels.show(made.session);
  };

  return {
    prompt: onSession(async (session, _, text) => {
      const prompt = typeof text === "string" ? text : await vscode.window.showInputBox({ title: nameOf(session), prompt: "What shall be done?" });
      if (prompt === undefined || prompt.trim() === "") return;
      await connection.call("turn.create", { prompt }, { session_id: session.session_id });
      panels.show(session, true);
    }),
    promptSelection: async () => {
      const link = selection();
      if (link === undefined) return;
      const lane = surfaces.changes.laneOf(link.uri);
      const session = await picker.session(lane === undefined ? undefined : { kind: "lane", lane });
      if (session === undefined) return;
      const prompt = await vscode.window.showInputBox({ title: `${nameOf(session)}: ${link.name}`, prompt: "What shall be done with it?" });
      if (prompt === undefined || prompt.trim() === "") return;
      const links: ResourceLink[] = [{ uri: link.uri.with({ fragment: link.fragment }).toString(), name: link.name }];
      await connection.call("turn.create", { prompt: `${prompt}\n\n${link.quote}`, links }, { session_id: session.session_id });
      panels.show(session, true);
    },
    promptAll: async () => {
      const prompt = await vscode.window.showInputBox({ title: "Prompt All Sessions", prompt: "What shall be done in each?" });
      if (prompt === undefined || prompt.trim() === "") return;
      const workspaces = connection.mirror.list("workspace").filter((each) => connection.mirror.list("session").some((session) => session.workspace_id === each.workspace_id && session.status !== "terminated"));
      const picked = workspaces.length > 1 ? await vscode.window.showQuickPick(workspaces.map((workspace) => ({ label: workspace.name, workspace })), { title: "In which workspace?" }) : undefined;
      const workspace = workspaces.length > 1 ? picked?.workspace : workspaces[0];
      if (workspace === undefined) return;
      const receipt = await connection.call("prompt.create", { prompt }, { workspace_id: workspace.workspace_id });
      const refused = receipt.refused.length === 0 ? "" : `, ${receipt.refused.length} refused: ${receipt.refused[0]?.problem.message ?? ""}`;
      void vscode.window.showInformationMessage(`${receipt.turns.length} sessions took the prompt${refused}.`);
    },
    openSession: onSession((session) => panels.show(session)),
    newSession: async (target) => {
      const lane = await picker.lane(target);
      const profile = lane === undefined ? undefined : await picker.profile(`One more session in ${lane.name}: which agent?`);
      if (lane === undefined || profile === undefined) return;
      panels.show((await connection.call("session.create", { profile }, { lane_id: lane.lane_id })).session);
    },
    renameSession: onSession(async (session) => {
      const title = await vscode.window.showInputBox({ title: "Rename the Session", value: session.title ?? "" });
      if (title !== undefined && title.trim() !== "") await connection.call("session.update", { title }, { session_id: session.session_id });
    }),
    choose: onSession((session) => choose(surfaces, session)),
    interrupt: onSession(async (session) => {
      const active = running(session);
      if (active !== undefined) await connection.call("turn.interrupt", { turn_id: active.turn_id });
    }),
    compact: onSession((session) => connection.call("turn.create", { action: "compact" }, { session_id: session.session_id })),
    agentReview: onSession((session) => connection.call("turn.create", { action: "review" }, { session_id: session.session_id })),
    detach: onSession((session) => connection.call("session.detach", {}, { session_id: session.session_id })),
    endSession: onSession(async (session) => {
      const sure = await vscode.window.showWarningMessage(`End session ${nameOf(session)} for good? What it said stays.`, { modal: true }, "End It");
      if (sure !== undefined) await connection.call("session.terminate", {}, { session_id: session.session_id });
    }),
    fork: onSession((session, target) => {
      const turn = turnOf(target);
      const from = turn === undefined ? {} : { turn_id: turn.turn_id };
      return goOn(session, { origin: { kind: "fork", session_id: session.session_id, ...from } });
    }),
    handover: onSession(async (session) => {
      const profile = await picker.profile(`Who goes on with ${nameOf(session)}?`);
      if (profile !== undefined) await goOn(session, { profile, origin: { kind: "handover", session_id: session.session_id } });
    }),
    rewind: onSession(async (session, target) => {
      const turn = turnOf(target) ?? (await pickTurn(surfaces, session));
      if (turn === undefined) return;
      const question = `Take back "${turn.prompt.slice(0, 60)}" and all after it? Files stay as they are.`;
      const sure = await vscode.window.showWarningMessage(question, { modal: true }, "Take Back");
      if (sure !== undefined) await connection.follow("session", "session.rewind", { turn_id: turn.turn_id }, { session_id: session.session_id });
    }),
    stopAll: async () => {
      const rows = [{ label: "Every agent", profile: undefined as string | undefined }];
      for (const profile of new Set(connection.mirror.list("session").map((session) => session.profile))) {
        rows.push({ label: `Only ${profile}`, profile });
      }
      const picked = rows.length > 2 ? await vscode.window.showQuickPick(rows, { title: "Stop at once" }) : rows[0];
      if (picked === undefined) return;
      const question = picked.profile === undefined ? "Stop every agent, cancel their queues and close their terminals?" : `Stop every agent of ${picked.profile}?`;
      const sure = await vscode.window.showWarningMessage(question, { modal: true }, "Stop Them");
      if (sure !== undefined) await connection.call("agent.stop_all", picked.profile === undefined ? {} : { profile: picked.profile });
    },
    editTurn: async (target) => {
      const turn = turnOf(target);
      if (turn === undefined) return;
      const prompt = await vscode.window.showInputBox({ title: "The queued prompt", value: turn.prompt, ignoreFocusOut: true });
      if (prompt !== undefined && prompt.trim() !== "") await connection.call("turn.update", { turn_id: turn.turn_id, prompt });
    },
    cancelTurn: async (target) => {
      const turn = turnOf(target);
      if (turn !== undefined) await connection.call("turn.cancel", { turn_id: turn.turn_id });
    },
    moveUp: (target) => move(surfaces, turnOf(target), -1),
    moveDown: (target) => move(surfaces, turnOf(target), 1),
    grants: async () => {
      const rows = connection.mirror.list("grant").map((grant) => ({
        label: `${grant.rule.effect} ${grant.rule.line ?? grant.rule.command ?? grant.rule.path ?? grant.rule.title ?? grant.rule.tool_kind ?? "everything"}`,
        description: grant.scope,
        detail: `${connection.mirror.get("lane", grant.lane_id)?.name ?? "all lanes"}, by ${grant.actor}`,
        grant,
      }));
      if (rows.length === 0) return void vscode.window.showInformationMessage("Nothing was allowed or denied for good.");
      const picked = await vscode.window.showQuickPick(rows, { title: "What counts from now on: choose what shall not any more", canPickMany: true });
      for (const { grant } of picked ?? []) await connection.call("grant.revoke", { grant_id: grant.grant_id });
    },
  };
}

async function choose({ connection }: Surfaces, session: Session): Promise<void> {
  const settings = session.offer?.settings ?? [];
  if (settings.length === 0) {
    void vscode.window.showInformationMessage(`${session.profile} offers nothing to choose while it is ${session.status}.`);
    return;
  }
  const rows = settings.map((setting) => ({ label: setting.name, description: setting.value ?? "", setting }));
  const setting = rows.length === 1 ? rows[0]?.setting : (await vscode.window.showQuickPick(rows, { title: "Which setting?" }))?.setting;
  if (setting === undefined) return;
  const values = setting.values.map((value) => ({ label: value.name, description: value.value === setting.value ? "now" : "", detail: value.description ?? "", value }));
  const picked = await vscode.window.showQuickPick(values, { title: setting.name });
  if (picked === undefined) return;
  await connection.call("session.update", { choice: { [setting.kind]: picked.value.value } }, { session_id: session.session_id });
}

/** Puts a queued turn before its neighbour, or after it. */
async function move({ connection }: Surfaces, turn: Turn | undefined, by: -1 | 1): Promise<void> {
  if (turn === undefined) return;
  const queue = connection.mirror.list("turn", turn.session_id).filter((each) => each.status === "queued");
  queue.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  const neighbour = queue[queue.findIndex((each) => each.turn_id === turn.turn_id) + by];
  if (neighbour === undefined) return;
  const place = by < 0 ? { before: neighbour.turn_id } : { after: neighbour.turn_id };
  await connection.call("turn.move", { turn_id: turn.turn_id, ...place });
}

async function pickTurn({ connection }: Surfaces, session: Session): Promise<Turn | undefined> {
  const { turns } = await connection.call("turn.list", { limit: 1000 }, { session_id: session.session_id });
  const rows = turns.filter((turn) => turn.ended_at !== undefined).reverse().map((turn) => ({ label: turn.prompt.split("\n", 1)[0] ?? "", description: turn.status, turn }));
  return (await vscode.window.showQuickPick(rows, { title: "The first turn that is taken back" }))?.turn;
}

/** The selected lines of the editor in front, or the line of the cursor. */
function selection(): { uri: vscode.Uri; name: string; fragment: string; quote: string } | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return undefined;
  const { document, selection: chosen } = editor;
  const [first, last] = [chosen.start.line, chosen.isEmpty || chosen.end.character > 0 ? chosen.end.line : chosen.end.line - 1];
  const text = document.getText(new vscode.Range(first, 0, last, document.lineAt(last).text.length));
  const where = first === last ? `${first + 1}` : `${first + 1}-${last + 1}`;
  const name = `${vscode.workspace.asRelativePath(document.uri)}:${where}`;
  return { uri: document.uri, name, fragment: `L${where}`, quote: `${name}\n\`\`\`${document.languageId}\n${text}\n\`\`\`` };
}

function turnOf(target: Target): Turn | undefined {
  return target !== undefined && "kind" in target && target.kind === "turn" ? target.turn : undefined;
}

function nameOf(session: Session): string {
  return session.title ?? session.profile;
}
