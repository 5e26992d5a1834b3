// What every page has: the theme toggle, menus that close, words for lost requests, and
// care for what the browser keeps and knows of the person.
import { forgetAtSignOut, forgetOthers } from "./keepsakes.js";
import { startMenus } from "./menu.js";
import { startNotices } from "./notices.js";
import { startThemeToggle } from "./theme.js";
import { tellTimeZone } from "./time-zone.js";

startThemeToggle();
startMenus();
startNotices();
forgetOthers();
forgetAtSignOut();
tellTimeZone();
