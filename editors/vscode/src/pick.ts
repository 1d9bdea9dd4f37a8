/** What a command is about: what the user clicked on, the session in front, or what they choose. */

import * as vscode from "vscode";
import type { ApprovalNode } from "./approvals";
import type { Connection } from "./connection";
import { findSession } from "./lane_start";
import type { Node } from "./lanes";
import type { Lane, ProfileName, Session } from "./protocol";
import type { SessionPanels } from "./session_panel";
import type { LaneSourceControls } from "./source_control";

/** What a menu hands to a command. */
export type Target = Node | ApprovalNode | vscode.SourceControl | undefined;

export class Picker {
  constructor(
    private readonly connection: Connection,
    private readonly panels: SessionPanels,
    private readonly controls: LaneSourceControls,
  ) {}

  /** The lane that is meant, closed ones only where `isClosed` is true. Undefined where the user chose none. */
  async lane(target: Target, isClosed = false): Promise<Lane | undefined> {
    const { mirror } = this.connection;
    const given = this.laneOf(target);
    if (given !== undefined) return mirror.get("lane", given) ?? undefined;
    const lanes = mirror.list("lane").filter((lane) => (lane.status === "closed") === isClosed);
    if (lanes.length === 0) {
      void vscode.window.showInformationMessage(isClosed ? "No lane is closed." : "There is no lane yet; *Start a Lane* makes one.");
      return undefined;
    }
    if (lanes.length === 1) return lanes[0];
    const rows = lanes.reverse().map((lane) => ({ label: lane.name, description: lane.status, detail: lane.branch, lane }));
    return (await vscode.window.showQuickPick(rows, { title: "Which lane?", matchOnDescription: true }))?.lane;
  }

  /** The session that is meant; one is made in a lane that has none. */
  async session(target: Target): Promise<Session | undefined> {
    const { mirror } = this.connection;
    const given = this.sessionOf(target);
    if (given !== undefined) return mirror.get("session", given);
    const lane = await this.lane(target);
    if (lane === undefined) return undefined;
    const sessions = mirror.list("session", lane.lane_id).filter((session) => session.status !== "terminated");
    if (sessions.length <= 1) return findSession(this.connection, lane);
    const rows = sessions.reverse().map((session) => ({ label: session.title ?? session.profile, description: session.activity ?? session.status, session }));
    return (await vscode.window.showQuickPick(rows, { title: `Which session of ${lane.name}?` }))?.session;
  }

  /** A profile that an agent can be started with. */
  async profile(title: string): Promise<ProfileName | undefined> {
    const { agents } = await this.connection.call("agent.list");
    const rows = agents.map((agent) => ({
      label: agent.name,
      description: agent.profile.title === agent.name ? "" : agent.profile.title,
      detail: agent.available ? (agent.version ?? "") : `$(warning) ${agent.unavailable_reason ?? "not available"}`,
    }));
    return (await vscode.window.showQuickPick(rows, { title, matchOnDescription: true }))?.label;
  }

  private laneOf(target: Target): string | undefined {
    if (target === undefined) return this.panels.active()?.lane_id;
    if (!("kind" in target)) return this.controls.laneOf(target)?.lane_id;
    switch (target.kind) {
      case "lane":
        return target.lane.lane_id;
      case "session":
        return target.session.lane_id;
      case "turn":
        return target.turn.lane_id;
      case "terminal":
        return target.terminal.lane_id;
      case "approval":
        return target.approval.lane_id;
      case "file":
        return target.file.lane_id;
      default:
        return undefined;
    }
  }

  private sessionOf(target: Target): string | undefined {
    if (target === undefined) return this.panels.active()?.session_id;
    if (!("kind" in target)) return undefined;
    if (target.kind === "session") return target.session.session_id;
    if (target.kind === "turn") return target.turn.session_id;
    return target.kind === "approval" ? target.approval.session_id : undefined;
  }
}
