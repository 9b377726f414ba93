import { outcome } from "./js.js";

outcome().then(postMessage, (err) => postMessage(`failed: ${err.message}`));
