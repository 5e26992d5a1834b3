// What every page has: the theme toggle and menus that close.
import { startMenus } from "./menu.js";
import { startThemeToggle } from "./theme.js";

startThemeToggle();
startMenus();
