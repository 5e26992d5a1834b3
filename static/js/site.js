// What every page has: the theme toggle, menus that close, and words for lost requests.
import { startMenus } from "./menu.js";
import { startNotices } from "./notices.js";
import { startThemeToggle } from "./theme.js";

startThemeToggle();
startMenus();
startNotices();
