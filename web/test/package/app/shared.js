import { outcome } from "./js.js";

self.onconnect = ({ ports: [port] }) => {
  outcome().then((text) => port.postMessage(text), (err) => port.postMessage(`failed: ${err.message}`));
};
