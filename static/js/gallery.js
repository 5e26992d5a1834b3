// The gallery page and the viewer; each part starts by a data attribute.
import { startCopying } from "./gallery-copy.js";
import { startRows } from "./gallery-rows.js";
import { startViewer } from "./gallery-viewer.js";

startRows();
startViewer();
startCopying();
