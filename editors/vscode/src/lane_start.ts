/** From a prompt to an agent at work. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import type { Lane, Session } from "./protocol";

/** Starts work on what is at `path`, in one request: it is done once, whole, or not at all. Raises Refusal. */
export async function startLane(connection: Connection, path: string, folder: string, prompt: string, profile: string): Promise<Session> {
  const chosen = profile === "" ? {} : { profile };
  return (await connection.call("lane.start", { prompt, path, folder, ...chosen })).session;
}

/** The session to go on with in a lane: its newest, or a new one. */
export async function findSession(connection: Connection, lane: Lane): Promise<Session> {
  const sessions = connection.mirror.list("session", lane.lane_id);
  const usable = sessions.filter((session) => session.status !== "terminated").at(-1);
  return usable ?? (await connection.call("session.create", {}, { lane_id: lane.lane_id })).session;
}

/** The folder to work in: the one of the file that is open, or the only one. Undefined where the user chose none. */
export async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === "file");
  const open = vscode.window.activeTextEditor?.document.uri;
  const current = open === undefined ? undefined : vscode.workspace.getWorkspaceFolder(open);
  if (current !== undefined && current.uri.scheme === "file") return current;
  return folders.length > 1 ? vscode.window.showWorkspaceFolderPick() : folders[0];
}
