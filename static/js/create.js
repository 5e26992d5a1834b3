// The Create page: the form, the model picker, and the live stream of pictures.
import { startComposer } from "./composer.js";
import { startHistory } from "./history.js";
import { startLive } from "./live.js";
import { startPicker } from "./picker.js";
import { startSkeleton } from "./skeleton.js";

startComposer();
startHistory();
startPicker();
startSkeleton();
startLive();
