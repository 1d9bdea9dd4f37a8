/** What every suite in the extension host needs: the extension, waiting without a clock, and lanes to play in. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Api } from "../src/extension";
import type { Change } from "../src/mirror";
import type { Approval, Lane, Session, Turn } from "../src/protocol";

export type { Api };
export type Story = (api: Api) => Promise<void>;

/** Only a test that fails waits so long. */
const PATIENCE_MS = 90_000;

/** Plays stories one after the other, and says which were played and which failed. */
export async function play(stories: Record<string, Story>): Promise<void> {
  const extension = vscode.extensions.getExtension<Api>("agentlanes.agentlanes");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();
  await until(api, () => api.connection.connected, "the connection");
  const failed: string[] = [];
  for (const [name, story] of Object.entries(stories)) {
    console.log(`EXT-TESTS begins: ${name}`);
    try {
      await story(api);
      console.log(`EXT-TESTS ok: ${name}`);
    } catch (error) {
      failed.push(name);
      console.log(`EXT-TESTS failed: ${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  assert.deepEqual(failed, []);
}

/** A prompt that tells the demo agent what to do. */
export function script(...steps: object[]): string {
  return `SCRIPT:${JSON.stringify(steps)}ENDSCRIPT`;
}

/** Starts a lane by the editor's own command, and waits until its prompt runs. */
export async function startLane(api: Api, prompt: string): Promise<{ lane: Lane; session: Session; turn: Turn }> {
  const { mirror } = api.connection;
  await vscode.commands.executeCommand("agentlanes.startLane", undefined, prompt);
  const turn = await until(api, () => mirror.list("turn").find((each) => each.prompt === prompt && each.started_at !== undefined), "the turn's start");
  const session = mirror.get("session", turn.session_id);
  const lane = mirror.get("lane", turn.lane_id);
  assert.ok(session !== undefined && lane !== undefined);
  return { lane, session, turn };
}

/** The next approval of a session that waits. */
export function nextApproval(api: Api, session: Session): Promise<Approval> {
  const pending = () => api.connection.mirror.list("approval").find((each) => each.session_id === session.session_id && each.status === "pending");
  return until(api, pending, "an approval");
}

/** A turn as it ended. */
export function turnEnd(api: Api, turn: Turn): Promise<Turn> {
  const ended = () => {
    const now = api.connection.mirror.get("turn", turn.turn_id);
    return now?.ended_at === undefined ? undefined : now;
  };
  return until(api, ended, `the end of "${turn.prompt.slice(0, 40)}"`);
}

/** All that an agent said in a turn. */
export function said(api: Api, turn: Turn): string {
  const items = api.connection.mirror.list("item", turn.turn_id).filter((item) => item.kind === "message");
  return items.map((item) => api.connection.mirror.text(item.item_id)).join("");
}

export function node(approval: Approval): { kind: "approval"; approval: Approval } {
  return { kind: "approval", approval };
}

/** Looks at every change of what the server told, until there is something. */
export function until<T>(api: Api, find: () => T | undefined | false, what: string | (() => string)): Promise<T> {
  const changed = new vscode.EventEmitter<void>();
  const listening = [
    api.connection.mirror.listen((_: Change) => changed.fire()),
    api.connection.onDidChangeState(() => changed.fire()),
    api.changes.onDidRead(() => changed.fire()),
  ];
  return wait(changed.event, find, what).finally(() => listening.forEach((one) => one.dispose()));
}

/** Looks at every event, until there is something. */
export function wait<T>(changed: vscode.Event<unknown>, find: () => T | undefined | false, what: string | (() => string)): Promise<T> {
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const found = find();
      if (found === undefined || found === false) return false;
      clearTimeout(timer);
      listening.dispose();
      resolve(found);
      return true;
    };
    const timer = setTimeout(() => {
      listening.dispose();
      reject(new Error(`${typeof what === "string" ? what : what()} did not come`));
    }, PATIENCE_MS);
    const listening = changed(() => void look());
    look();
  });
}
