import { connect, HisockError } from "hisock/js";
import { talk } from "./talk.js";

export const outcome = () => talk(connect, HisockError);
