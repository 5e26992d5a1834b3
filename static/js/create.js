// The Create page: the form, the model picker, and the live stream of pictures.
import { startComposer } from "./composer.js";
import { startDraft } from "./draft.js";
import { startHistory } from "./history.js";
import { startLive } from "./live.js";
import { startPicker } from "./picker.js";
import { startRedraw } from "./redraw.js";
import { startSkeleton } from "./skeleton.js";
import { startTimes } from "./times.js";
import { startTray } from "./tray.js";

startRedraw(); // first: the button asks it whether the controls are behind
startComposer();
startDraft();
startHistory();
startPicker();
startTray();
startSkeleton();
startTimes();
startLive();
