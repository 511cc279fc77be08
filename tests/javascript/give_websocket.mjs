// For programs that take the global WebSocket, in a Node that has none: `node --import ./give_websocket.mjs ...`.

import { PlainWebSocket } from "./plain_websocket.mjs";

globalThis.WebSocket ??= PlainWebSocket;
