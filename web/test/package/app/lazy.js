import { connect, HisockError } from "hisock";
import { talk } from "./talk.js";

export const outcome = (engine) => talk(connect, HisockError, { engine });
