/** From a prompt to an agent at work: the workspace, the repo, the lane, the session, the turn, one after the other. */

import * as vscode from "vscode";
import { Refusal, type Connection } from "./connection";
import type { Lane, Session, Workspace } from "./protocol";

const TITLE_LENGTH = 60;

/** Makes a lane in a folder's repository and prompts an agent in it. Raises Refusal. */
export async function startLane(connection: Connection, folder: string, prompt: string, profile: string): Promise<Session> {
  const workspace = await openWorkspace(connection, folder);
  const context = { workspace_id: workspace.workspace_id };
  const { repo } = await connection.call("repo.add", { path: folder }, context).catch((error: unknown) => {
    const known = connection.mirror.list("repo", workspace.workspace_id).find((found) => holds(found.path, folder));
    if (error instanceof Refusal && known !== undefined) return { repo: known };
    throw error;
  });
  const chosen = profile === "" ? {} : { profile };
  const name = (prompt.trim().split("\n", 1)[0] ?? "").slice(0, TITLE_LENGTH);
  const made = await connection.call("lane.create", { name, repo_id: repo.repo_id, ...chosen }, context);
  const lane = await settled(connection, made.lane);
  if (lane.problem !== undefined && lane.status === "error") {
    throw new Refusal(lane.problem.message, lane.problem.code, lane.problem.details ?? {});
  }
  const { session } = await connection.call("session.create", chosen, { lane_id: lane.lane_id });
  await connection.call("turn.create", { prompt }, { session_id: session.session_id });
  return session;
}

/** The session to go on with in a lane: its newest, or a new one. */
export async function findSession(connection: Connection, lane: Lane): Promise<Session> {
  const sessions = connection.mirror.list("session", lane.lane_id);
  const usable = sessions.filter((session) => session.status !== "terminated").at(-1);
  return usable ?? (await connection.call("session.create", {}, { lane_id: lane.lane_id })).session;
}

async function openWorkspace(connection: Connection, folder: string): Promise<Workspace> {
  const known = connection.mirror
    .list("workspace")
    .find((workspace) => workspace.root_paths.some((root) => holds(root, folder)));
  return known ?? (await connection.call("workspace.create", { root_paths: [folder] })).workspace;
}

/** Waits until the lane's worktree is made, or could not be. */
function settled(connection: Connection, lane: Lane): Promise<Lane> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const now = connection.mirror.get("lane", lane.lane_id);
      if (now === undefined || now.operation !== undefined) return false;
      resolve(now);
      return true;
    };
    if (look()) return;
    const listening = connection.mirror.listen(() => {
      if (look()) listening.dispose();
    });
  });
}

function holds(root: string, folder: string): boolean {
  return folder === root || folder.startsWith(`${root.replace(/\/$/, "")}/`);
}

/** The folder to work in: the one of the file that is open, or the only one. Undefined where the user chose none. */
export async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === "file");
  const open = vscode.window.activeTextEditor?.document.uri;
  const current = open === undefined ? undefined : vscode.workspace.getWorkspaceFolder(open);
  if (current !== undefined && current.uri.scheme === "file") return current;
  return folders.length > 1 ? vscode.window.showWorkspaceFolderPick() : folders[0];
}
