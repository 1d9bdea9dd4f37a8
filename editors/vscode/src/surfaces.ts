/** What the extension shows, for what acts on it. */

import type { Approvals } from "./approvals";
import type { Changes } from "./changes";
import type { Connection } from "./connection";
import type { Health } from "./health";
import type { Picker, Target } from "./pick";
import type { Review } from "./review";
import type { SessionPanels } from "./session_panel";
import type { LaneSourceControls } from "./source_control";
import type { Terminals } from "./terminals";

export interface Surfaces {
  connection: Connection;
  approvals: Approvals;
  changes: Changes;
  controls: LaneSourceControls;
  health: Health;
  review: Review;
  panels: SessionPanels;
  terminals: Terminals;
  picker: Picker;
}

/** Commands by their name without its prefix. A menu hands over what was clicked on. */
export type Actions = Record<string, (target?: Target, text?: unknown) => unknown>;
